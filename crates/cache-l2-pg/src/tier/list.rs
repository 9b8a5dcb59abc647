//! Lists what is held, in the order of the stored keys.

use cache_core::{
    Error, ErrorKind, Key, ListCursor, ListItem, ListPage, Pattern, Result, Timestamp,
    envelope::{self, Head},
};

use crate::{
    connection::PooledRow,
    sql::{Bind, decode, key_range, key_text},
    tier::store::Store,
};

/// How many rows a page examines at most, whatever its caller asks for.
const MAX_PAGE_ROWS: usize = 1000;

/// How many bytes of a record [`ListHeads`](crate::sql::statements) selects.
const HEAD_BYTES: u64 = 1024;

/// A page of the table, and the stored key before which all of it lies; `None` for the last one.
pub(crate) struct ListedRows {
    /// What matches, by stored key.
    pub(crate) items: Vec<(Vec<u8>, ListItem)>,
    pub(crate) end: Option<Vec<u8>>,
}

impl Store {
    pub(crate) async fn list(
        &self,
        pattern: &Pattern,
        after: Option<&ListCursor>,
        limit: usize,
    ) -> Result<ListPage> {
        let ListedRows { items, end } = self.list_rows(pattern, after, limit).await?;
        Ok(ListPage::new(items.into_iter().map(|(_, item)| item).collect(), end.map(ListCursor::new)))
    }

    /// Lists about `limit` rows. A cursor is the stored key at which the next page begins.
    pub(crate) async fn list_rows(
        &self,
        pattern: &Pattern,
        after: Option<&ListCursor>,
        limit: usize,
    ) -> Result<ListedRows> {
        let limit = limit.clamp(1, MAX_PAGE_ROWS);
        let (first, end) = key_range(pattern);
        let from = match after.map(ListCursor::as_bytes) {
            None => first,
            Some(after) if *first <= *after && *after <= *end => after.to_vec(),
            Some(_) => {
                let message = "the cursor is not one of this tier and pattern: begin anew";
                return Err(Error::new(ErrorKind::Config, "list", message));
            }
        };
        let binds = [Bind::Bytes(&from), Bind::Bytes(&end), Bind::Integer(limit as i64)];
        let rows = self.context.run("list", self.context.statements.list_heads.with(&binds)).await?;
        let (mut items, mut longer) = (Vec::with_capacity(rows.len()), Vec::new());
        for row in &rows {
            let (stored, rest) = (decode::bytes(row, 0), decode::with_bytes(row, 1, <[u8]>::to_vec));
            let Some(text) = key_text(&stored, rest.as_deref()) else { continue };
            if !pattern.matches_text(&text) {
                continue;
            }
            match read_head(row)? {
                Found::Entry(head, len) => {
                    items.extend(item(&text, head, len).map(|item| (stored.clone(), item)));
                }
                Found::Longer(len) => {
                    longer.extend(Key::from_text(&text).map(|key| (stored.clone(), key, len)));
                }
                Found::Nothing => {}
            }
        }
        if !longer.is_empty() {
            let keys: Vec<Key> = longer.iter().map(|(_, key, _)| key.clone()).collect();
            let entries = self.get(&keys).await?;
            items.extend(longer.into_iter().zip(entries).filter_map(|((stored, key, len), entry)| {
                let entry = entry?;
                Some((stored, ListItem::new(key.as_str(), entry.meta, entry.value.is_none(), len)))
            }));
        }
        // The least key after the last one.
        let last = rows.last().filter(|_| rows.len() == limit).map(|row| decode::bytes(row, 0));
        Ok(ListedRows { items, end: last.map(|last| [last.as_slice(), &[0]].concat()) })
    }
}

enum Found {
    Entry(Head, u64),
    /// The head is longer than what was read of a record of this length.
    Longer(u64),
    /// What is no record, or one that its row contradicts.
    Nothing,
}

fn read_head(row: &PooledRow) -> Result<Found> {
    let born = Timestamp::from_micros(decode::integer(row, 2)?);
    let len = decode::integer(row, 3)?.cast_unsigned();
    Ok(match decode::with_bytes(row, 4, envelope::head).flatten() {
        Some(Head::Entry { meta, .. }) if meta.born != born => Found::Nothing,
        Some(head) => Found::Entry(head, len),
        None if len > HEAD_BYTES => Found::Longer(len),
        None => Found::Nothing,
    })
}

fn item(text: &str, head: Head, len: u64) -> Option<ListItem> {
    match head {
        Head::Entry { meta, absent } => Some(ListItem::new(text, meta, absent, len)),
        Head::Tombstone(_) => None,
    }
}
