//! Listing what a tier holds, with what it could not take so far.

use cache_core::{Entry, Key, ListCursor, ListItem, ListPage, Pattern, Result};

use super::handle::TierHandle;

impl TierHandle {
    /// Returns a page of what the tier holds; `None` if it can't list. A failure says nothing about reads and
    /// writes.
    pub(crate) async fn list(
        &self,
        pattern: &Pattern,
        after: Option<&ListCursor>,
        limit: usize,
    ) -> Result<Option<ListPage>> {
        self.bounded("list", None, None, self.tier.list(pattern, after, limit)).await
    }

    /// Lays what is pending of a key over what the tier lists of it. `None` if that is to be removed.
    pub(crate) fn listed_with_pending(&self, key: &Key, item: ListItem) -> Option<ListItem> {
        let mut held = [Some(Entry::absent(item.meta.clone()))];
        self.retries.overlay(std::slice::from_ref(key), &mut held);
        let [held] = held;
        let held = held?;
        Some(if held.meta.born == item.meta.born { item } else { ListItem::of_entry(item.key, &held) })
    }
}
