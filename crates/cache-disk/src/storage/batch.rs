//! Changes to index and log that happen together or not at all.

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

/// What an item costs in the journal beside its key and value.
const JOURNAL_ITEM_OVERHEAD_BYTES: usize = 32;

pub(crate) struct Batch<'a> {
    store: &'a Store,
    inner: OwnedWriteBatch,
    /// What this batch puts in place of what the store holds.
    changed: HashMap<Vec<u8>, Option<IndexRecord>>,
    change: Usage,
    next_number: u64,
    next_death: Timestamp,
    bytes: u64,
    /// Whether losing this batch would bring something back that is not to be served.
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
            bytes: 0,
            replaces: false,
        }
    }

    /// What lies under a key, with what this batch does to it.
    pub(crate) fn index_record(&self, text: &[u8]) -> StorageResult<Option<IndexRecord>> {
        match self.changed.get(text) {
            Some(found) => Ok(found.clone()),
            None => self.store.index_record(text),
        }
    }

    /// Puts a record into the log in place of `old`.
    pub(crate) fn log(
        &mut self,
        text: &[u8],
        times: (Timestamp, Timestamp),
        record: &[u8],
        old: Option<IndexRecord>,
    ) {
        let value = log_value(text, record);
        let (born, dead_at) = times;
        // No longer than the limit on records, which is below 4 GiB.
        let pointer = LogPointer { born, dead_at, number: self.next_number, len: record.len() as u32 };
        self.next_number += 1;
        self.bytes += (value.len() + JOURNAL_ITEM_OVERHEAD_BYTES) as u64;
        // Before the index, so that whoever finds it there finds it here.
        self.inner.insert(&self.store.log, pointer.number.to_be_bytes(), value);
        self.set(text, old, Some(IndexRecord::InLog(pointer)));
    }

    /// Says in the index where a record lies now, `None` for nowhere.
    pub(crate) fn set(&mut self, text: &[u8], old: Option<IndexRecord>, new: Option<IndexRecord>) {
        let key = index_key(text);
        self.bytes += (key.len() + JOURNAL_ITEM_OVERHEAD_BYTES) as u64;
        if let Some(old) = &old {
            self.change.count(text, old, -1);
            self.replaces = true;
        }
        match &new {
            Some(new) => {
                self.change.count(text, new, 1);
                self.replaces |= matches!(new, IndexRecord::Inline { .. });
                self.next_death = self.next_death.min(new.dead_at());
                let value = new.encode();
                self.bytes += value.len() as u64;
                self.inner.insert(&self.store.index, key, value);
            }
            None => self.inner.remove(&self.store.index, key),
        }
        self.changed.insert(text.to_vec(), new);
    }

    /// Puts a number or a pattern into the index.
    pub(crate) fn insert_raw(&mut self, key: &[u8], value: &[u8]) {
        self.bytes += (key.len() + value.len() + JOURNAL_ITEM_OVERHEAD_BYTES) as u64;
        self.replaces = true;
        self.inner.insert(&self.store.index, key, value);
    }

    /// Takes a number or a pattern out of the index.
    pub(crate) fn remove_raw(&mut self, key: &[u8]) {
        self.bytes += (key.len() + JOURNAL_ITEM_OVERHEAD_BYTES) as u64;
        self.inner.remove(&self.store.index, key);
    }

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
        // Even a batch that fails may have reached the journal.
        (writer.next_number, writer.writes) = (self.next_number, writes);
        writer.unflushed += self.bytes;
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

/// A tombstone that refuses whatever either of two does.
pub(crate) fn merge_tombstones(a: Tombstone, b: Tombstone) -> Tombstone {
    Tombstone { born: a.born.max(b.born), dead_at: a.dead_at.max(b.dead_at) }
}
