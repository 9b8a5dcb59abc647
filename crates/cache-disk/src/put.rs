//! Stores entries: of two for one key the later born stays.

use std::sync::atomic::Ordering::Relaxed;

use cache_core::{Entry, Error, ErrorKind, Key, Meta, PutOutcome, Result, envelope};

use crate::{
    error::StorageResult,
    storage::{Batch, IndexRecord, LogTimes, StorageEngine, Store, Writer},
};

/// How many entries, and bytes of records, one batch stores at most, before others may write.
const MAX_BATCH_ENTRIES: usize = 256;
const MAX_BATCH_BYTES: u64 = 1 << 20;

/// An entry and its stored form.
struct SealedEntry<'a> {
    key: &'a Key,
    entry: &'a Entry,
    record: Vec<u8>,
}

impl SealedEntry<'_> {
    fn text(&self) -> &[u8] {
        self.key.as_str().as_bytes()
    }

    fn meta(&self) -> &Meta {
        &self.entry.meta
    }
}

impl StorageEngine {
    /// Stores entries in batches no larger than the journal. Those that can't be stored don't hinder the
    /// others; the error of one of them is returned.
    pub(crate) fn put(&self, entries: &[(Key, Entry)]) -> Result<Vec<PutOutcome>> {
        let (mut sealed, mut refused) = (Vec::with_capacity(entries.len()), None);
        for (key, entry) in entries {
            match self.seal(key, entry) {
                Ok(record) => sealed.push(SealedEntry { key, entry, record }),
                Err(error) => refused = Some(error),
            }
        }
        let limit = self.config.journal_bytes().min(MAX_BATCH_BYTES);
        let (mut rest, mut outcomes) = (sealed.as_slice(), Vec::with_capacity(entries.len()));
        while !rest.is_empty() {
            let mut bytes = 0;
            let fitting = rest.iter().take(MAX_BATCH_ENTRIES).take_while(|sealed| {
                bytes += (sealed.record.len() + sealed.text().len()) as u64;
                bytes <= limit
            });
            let (chunk, later) = rest.split_at(fitting.count().max(1));
            outcomes.extend(self.write("put", |writer, store| self.put_chunk(writer, store, chunk))?);
            self.pace();
            rest = later;
        }
        refused.map_or(Ok(outcomes), Err)
    }

    fn seal(&self, key: &Key, entry: &Entry) -> Result<Vec<u8>> {
        let record = envelope::seal(key, entry, self.config.compress_above)?;
        let limit = self.config.record_bytes();
        if record.len() as u64 > limit {
            let message = format!(
                "the record of {key} has {} bytes, the limit is {limit}, a sixteenth of max_bytes, {}",
                record.len(),
                self.config.max_bytes
            );
            return Err(Error::new(ErrorKind::Limit, "put", message));
        }
        Ok(record)
    }

    fn put_chunk(
        &self,
        writer: &mut Writer,
        store: &Store,
        chunk: &[SealedEntry<'_>],
    ) -> StorageResult<Vec<PutOutcome>> {
        self.make_room_for(writer, store, chunk.iter().map(|sealed| sealed.record.len() as u64).sum())?;
        let now = self.config.clock.now();
        let mut batch = Batch::new(store, writer);
        let mut outcomes = Vec::with_capacity(chunk.len());
        for sealed in chunk {
            let (text, meta) = (sealed.text(), sealed.meta());
            let old = batch.index_record(text)?;
            // No removal but of its own key refuses a stamp: that would lose an invalidation.
            let own = sealed.key.is_reserved();
            let removed =
                !own && (meta.born <= writer.floor || writer.patterns.refuses(sealed.key, meta.born, now));
            let stored = !removed && old.as_ref().is_none_or(|old| !old.refuses(meta.born, now));
            outcomes.push(PutOutcome::stored_if(stored));
            if !stored {
                continue;
            }
            if own {
                let record = envelope::Record::Entry(sealed.entry.clone());
                batch.set(text, old, Some(IndexRecord::Inline { record, bytes: sealed.record.clone() }));
            } else {
                let refused_until = old.as_ref().and_then(|old| old.refused_until(now));
                let times = LogTimes { born: meta.born, dead_at: meta.dead_at, refused_until };
                batch.log(text, times, &sealed.record, old);
            }
        }
        batch.commit(writer, &self.directory, &self.counters)?;
        let outdated = outcomes.iter().filter(|outcome| outcome.is_outdated()).count();
        self.counters.outdated.fetch_add(outdated as u64, Relaxed);
        Ok(outcomes)
    }
}
