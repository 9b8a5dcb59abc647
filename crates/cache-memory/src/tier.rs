//! The near tier as a tier of encoded entries.

use std::sync::Arc;

use async_trait::async_trait;
use cache_core::{
    Blob, Clock, Entry, Error, ErrorKind, Key, ListCursor, ListItem, ListPage, MAX_VALUE_LEN, Pattern,
    PutOutcome, RemovalStep, Result, Target, Tier, Tombstone,
};

use crate::memory::{Memory, Value};

/// A [`Memory`] that keeps encoded entries: a last tier for a cache that has no other. The suite for tiers
/// runs on it.
#[derive(Debug)]
pub struct MemoryTier {
    memory: Memory,
    clock: Clock,
}

impl MemoryTier {
    /// Makes a tier of `memory`.
    #[must_use]
    pub fn new(memory: Memory, clock: Clock) -> Self {
        Self { memory, clock }
    }
}

#[async_trait]
impl Tier for MemoryTier {
    fn name(&self) -> &'static str {
        "heap"
    }

    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Entry>>> {
        Ok(keys.iter().map(|key| self.memory.get(key).and_then(encoded)).collect())
    }

    async fn put(&self, entries: &[(Key, Entry)]) -> Result<Vec<PutOutcome>> {
        let now = self.clock.now();
        let (mut outcomes, mut refused) = (Vec::with_capacity(entries.len()), None);
        for (key, entry) in entries {
            let len = entry.value.as_ref().map_or(0, |blob| blob.bytes.len());
            if len > MAX_VALUE_LEN {
                let message = format!("the value of {key} has {len} bytes, the limit is {MAX_VALUE_LEN}");
                refused = Some(Error::new(ErrorKind::Limit, "put", message));
                continue;
            }
            let value = entry.value.clone().map(|blob| Arc::new(blob) as Value);
            let stored = self.memory.put(key.clone(), Entry { value, meta: entry.meta.clone() }, now);
            outcomes.push(PutOutcome::stored_if(stored));
        }
        refused.map_or(Ok(outcomes), Err)
    }

    async fn remove(&self, target: Target<'_>, tombstone: Tombstone) -> Result<u64> {
        let now = self.clock.now();
        Ok(match target {
            Target::Keys(keys) => self.memory.remove(keys, tombstone, now),
            Target::Matching(pattern) => self.memory.remove_matching(pattern, tombstone, now),
        })
    }

    async fn flush(&self) -> Result<()> {
        Ok(())
    }

    async fn list(
        &self,
        pattern: &Pattern,
        after: Option<&ListCursor>,
        limit: usize,
    ) -> Result<Option<ListPage>> {
        let from = place("list", after)?.unwrap_or(0);
        let (held, next) = self.memory.held_from(from, limit, |key| pattern.matches(key));
        let item =
            |(key, entry): (Key, Entry<Value>)| Some(ListItem::of_entry(key.as_str(), &encoded(entry)?));
        Ok(Some(ListPage::new(held.into_iter().filter_map(item).collect(), next.map(ListCursor::of_number))))
    }

    async fn remove_step(
        &self,
        pattern: &Pattern,
        tombstone: Tombstone,
        after: Option<&ListCursor>,
        limit: usize,
    ) -> Result<Option<RemovalStep>> {
        let (from, now) = (place("remove", after)?, self.clock.now());
        let (removed, next) = self.memory.remove_matching_step(pattern, tombstone, now, from, limit.max(1));
        Ok(Some(RemovalStep::new(removed, next.map(ListCursor::of_number))))
    }
}

/// Returns the place that a cursor is of.
fn place(operation: &'static str, cursor: Option<&ListCursor>) -> Result<Option<u64>> {
    let foreign =
        || Error::new(ErrorKind::Config, operation, "the cursor is not one of this tier: begin anew");
    cursor.map(|cursor| cursor.number().ok_or_else(foreign)).transpose()
}

/// Returns the entry if its value is encoded. A value that is not was put by a typed region, which never
/// shares its memory with a tier.
fn encoded(entry: Entry<Value>) -> Option<Entry> {
    let value = match entry.value {
        None => None,
        Some(value) => Some(value.downcast::<Blob>().ok()?.as_ref().clone()),
    };
    Some(Entry { value, meta: entry.meta })
}
