//! Lists what is in the table and what is queued for it.

use std::collections::BTreeMap;

use cache_core::{Key, ListCursor, ListItem, ListPage, Pattern, Result};

use super::WriteBehind;
use crate::{sql::KeyBytes, tier::ListedRows};

/// How many queued entries a page takes in at most, for each of which the table is asked as well.
const MAX_PAGE_KEYS: usize = 1000;

impl WriteBehind {
    pub(crate) async fn list(
        &self,
        pattern: &Pattern,
        after: Option<&ListCursor>,
        limit: usize,
    ) -> Result<ListPage> {
        // The queue first: an entry that leaves it meanwhile is in the table by then.
        let from = after.map_or(&[][..], ListCursor::as_bytes);
        let queued = self.queue.matching(pattern);
        let mut queued: BTreeMap<Vec<u8>, Key> =
            queued.into_iter().map(|key| (KeyBytes::from(&key).key.into_owned(), key)).collect();
        queued = queued.split_off(from);
        let ListedRows { items, mut end } = self.store.list_rows(pattern, after, limit).await?;
        if let Some(first_left_out) = queued.keys().nth(limit.clamp(1, MAX_PAGE_KEYS)) {
            let sooner = end.as_ref().is_none_or(|end| first_left_out < end);
            end = if sooner { Some(first_left_out.clone()) } else { end };
        }
        if let Some(end) = &end {
            queued.split_off(end);
        }
        let is_within = |stored: &Vec<u8>| end.as_ref().is_none_or(|end| stored < end);
        let in_table =
            items.into_iter().filter(|(stored, _)| is_within(stored) && !queued.contains_key(stored));
        let mut listed: Vec<ListItem> = in_table.map(|(_, item)| item).collect();
        if !queued.is_empty() {
            let keys: Vec<Key> = queued.into_values().collect();
            let entries = self.get(&keys).await?;
            let found = keys.iter().zip(entries);
            listed.extend(found.filter_map(|(key, entry)| Some(ListItem::of_entry(key.as_str(), &entry?))));
        }
        Ok(ListPage::new(listed, end.map(ListCursor::new)))
    }
}
