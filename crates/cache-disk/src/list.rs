//! Lists what is held: the index says what there is, the beginning of each record in the log what it is.

use cache_core::{
    Error, ErrorKind, ListCursor, ListItem, ListPage, Pattern, Result,
    envelope::{self, Head},
};

use crate::{
    error::{StorageError, StorageResult, run_read},
    get::MAX_LOOKUPS,
    storage::{IndexRecord, LogPointer, StorageEngine, Store, index_key, split_log_value},
};

/// How many bytes of the log a page reads, or one record: the database reads records whole.
const MAX_BYTES_READ: u64 = 8 << 20;

/// How many index records a page examines at most, whatever its caller asks for.
const MAX_KEYS_PER_PAGE: usize = 16_384;

impl StorageEngine {
    /// Lists what matches, in the order of the keys. A cursor is the text of the first key of the next page.
    pub(crate) fn list(&self, pattern: &Pattern, after: Option<&[u8]>, limit: usize) -> Result<ListPage> {
        let listed =
            self.read(|store| list_page(store, pattern, after, limit.clamp(1, MAX_KEYS_PER_PAGE)))?;
        listed.map_err(|error| match error {
            // Whoever reads or writes such a key next starts over.
            StorageError::Corrupt(why) => Error::new(ErrorKind::Corrupt, "list", why),
            error => error.into_error("list"),
        })
    }
}

fn list_page(
    store: &Store,
    pattern: &Pattern,
    after: Option<&[u8]>,
    limit: usize,
) -> StorageResult<ListPage> {
    let prefix = index_key(pattern.literal_prefix().as_bytes());
    let from = after.map_or_else(|| prefix.clone(), index_key);
    let (mut items, mut examined, mut bytes) = (Vec::new(), 0, 0);
    let next = store.walk(&from, &prefix, |text, value| {
        if examined == limit || bytes >= MAX_BYTES_READ {
            return Ok(false);
        }
        examined += 1;
        let Ok(text) = str::from_utf8(text) else { return Ok(true) };
        // All that is not in the log are tombstones and the cache's own entries.
        if pattern.matches_text(text)
            && let Some(IndexRecord::InLog(pointer)) = IndexRecord::decode(text.as_bytes(), value)
        {
            bytes += u64::from(pointer.len);
            items.extend(item(store, text, pointer)?);
        }
        Ok(true)
    })?;
    // Without the index's own prefix.
    Ok(ListPage::new(items, next.map(|key| ListCursor::new(&key[1..]))))
}

/// Returns what the log tells of a key; `None` if its record is gone or can't be read.
fn item(store: &Store, text: &str, mut pointer: LogPointer) -> StorageResult<Option<ListItem>> {
    for _ in 0..MAX_LOOKUPS {
        let logged = match run_read(|| store.log.get(pointer.number.to_be_bytes())) {
            Err(StorageError::Corrupt(_)) => return Ok(None),
            logged => logged?,
        };
        if let Some(logged) = logged {
            let head = split_log_value(&logged).and_then(|(_, record)| envelope::head(record));
            return Ok(match head {
                Some(Head::Entry { meta, absent }) if meta.born == pointer.born => {
                    Some(ListItem::new(text, meta, absent, u64::from(pointer.len)))
                }
                _ => None,
            });
        }
        // Moved or evicted since the walk met it.
        match store.index_record(text.as_bytes())? {
            Some(IndexRecord::InLog(now)) if now.number != pointer.number => pointer = now,
            _ => return Ok(None),
        }
    }
    Ok(None)
}
