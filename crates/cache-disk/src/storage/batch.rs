//! Changes to index and log that are made together or not at all.

use std::collections::HashMap;

use cache_core::{Timestamp, Tombstone};
use fjall::OwnedWriteBatch;

use crate::{
    error::{StorageError, StorageResult},
    stats::{Counters, Usage},
    storage::{
        IndexRecord, LogPointer, Store, WRITES_KEY, Writer, directory::Directory, index_key, log_value,
    },
};

/// How many bytes an item takes beside its key and value until it is flushed: in memory, in a node of a skip list
/// (83 were measured) and the head of its value. In the journal it takes 32. What is small takes more memory than
/// journal, so that memory is what says when to flush.
const ITEM_OVERHEAD_BYTES: usize = 112;

/// The moments that the index keeps of a record in the log.
#[derive(Clone, Copy)]
pub(crate) struct LogTimes {
    pub(crate) born: Timestamp,
    pub(crate) dead_at: Timestamp,
    pub(crate) refused_until: Option<Timestamp>,
}

/// Changes that [`Batch::commit`] makes together.
pub(crate) struct Batch<'a> {
    store: &'a Store,
    inner: OwnedWriteBatch,
    /// The index records that this batch changes, as they will be.
    changed: HashMap<Vec<u8>, Option<IndexRecord>>,
    change: Usage,
    next_number: u64,
    next_death: Timestamp,
    newest_tombstone: Timestamp,
    bytes: u64,
    /// Whether losing this batch would bring back something that must not be served.
    replaces: bool,
}

impl<'a> Batch<'a> {
    pub(crate) fn new(store: &'a Store, writer: &Writer) -> Self {
        Self {
            store,
            inner: store.batch(),
            changed: HashMap::new(),
            change: Usage::default(),
            next_number: writer.next_number,
            next_death: Timestamp::MAX,
            newest_tombstone: Timestamp::MIN,
            bytes: 0,
            replaces: false,
        }
    }

    /// What this batch changes.
    pub(crate) fn store(&self) -> &'a Store {
        self.store
    }

    /// Returns the index record of a key, as this batch leaves it.
    pub(crate) fn index_record(&self, text: &[u8]) -> StorageResult<Option<IndexRecord>> {
        match self.changed.get(text) {
            Some(found) => Ok(found.clone()),
            None => self.store.index_record(text),
        }
    }

    /// Appends a record to the log, in place of `old`.
    pub(crate) fn log(&mut self, text: &[u8], times: LogTimes, record: &[u8], old: Option<IndexRecord>) {
        let value = log_value(text, record);
        let LogTimes { born, dead_at, refused_until } = times;
        // A record's length is limited to less than 4 GiB.
        let len = record.len() as u32;
        let pointer = LogPointer { born, dead_at, number: self.next_number, len, refused_until };
        self.next_number += 1;
        self.bytes += (value.len() + ITEM_OVERHEAD_BYTES) as u64;
        // Before the index, so that a reader who finds it in the index finds it in the log.
        self.inner.insert(&self.store.log, pointer.number.to_be_bytes(), value);
        self.set(text, old, Some(IndexRecord::InLog(pointer)));
    }

    /// Sets the index record of a key; `None` removes it.
    pub(crate) fn set(&mut self, text: &[u8], old: Option<IndexRecord>, new: Option<IndexRecord>) {
        let key = index_key(text);
        self.bytes += (key.len() + ITEM_OVERHEAD_BYTES) as u64;
        if let Some(old) = &old {
            self.change.count(text, old, -1);
            self.replaces = true;
        }
        match &new {
            Some(new) => {
                self.change.count(text, new, 1);
                self.replaces |= matches!(new, IndexRecord::Inline { .. });
                self.next_death = self.next_death.min(new.dead_at());
                let tombstone = new.as_tombstone().map(|tombstone| tombstone.born);
                self.newest_tombstone = self.newest_tombstone.max(tombstone.unwrap_or(Timestamp::MIN));
                let value = new.encode();
                self.bytes += value.len() as u64;
                self.inner.insert(&self.store.index, key, value);
            }
            None => self.inner.remove(&self.store.index, key),
        }
        self.changed.insert(text.to_vec(), new);
    }

    /// Removes what the index has for a key, but for a tombstone that an entry replaced and that still refuses.
    pub(crate) fn drop_entry(&mut self, text: &[u8], old: IndexRecord, now: Timestamp) {
        let left = old.left_behind(text, now);
        self.set(text, Some(old), left);
    }

    /// Inserts a number or a pattern into the index.
    pub(crate) fn insert_raw(&mut self, key: &[u8], value: &[u8]) {
        self.bytes += (key.len() + value.len() + ITEM_OVERHEAD_BYTES) as u64;
        self.replaces = true;
        self.inner.insert(&self.store.index, key, value);
    }

    /// Removes a number or a pattern from the index.
    pub(crate) fn remove_raw(&mut self, key: &[u8]) {
        self.bytes += (key.len() + ITEM_OVERHEAD_BYTES) as u64;
        self.inner.remove(&self.store.index, key);
    }

    /// Makes the changes, and counts them as acknowledged if they replace something.
    pub(crate) fn commit(
        mut self,
        writer: &mut Writer,
        directory: &Directory,
        counters: &Counters,
    ) -> StorageResult<()> {
        if self.inner.is_empty() {
            return Ok(());
        }
        let writes = writer.writes + u64::from(self.replaces);
        if self.replaces {
            self.insert_raw(WRITES_KEY, &writes.to_le_bytes());
        }
        // Before the commit: even a batch that fails may have reached the journal.
        (writer.next_number, writer.writes) = (self.next_number, writes);
        writer.unflushed += self.bytes;
        writer.newest_tombstone = writer.newest_tombstone.max(self.newest_tombstone);
        self.store.commit(self.inner)?;
        writer.next_death = writer.next_death.min(self.next_death);
        counters.apply(self.change);
        if self.replaces {
            directory.acknowledge(writes).map_err(|error| {
                StorageError::Unusable(format!("can't count acknowledged writes: {error}"))
            })?;
        }
        Ok(())
    }
}

/// Returns a tombstone that refuses whatever one of the two refuses.
pub(crate) fn merge_tombstones(a: Tombstone, b: Tombstone) -> Tombstone {
    Tombstone { born: a.born.max(b.born), dead_at: a.dead_at.max(b.dead_at) }
}
