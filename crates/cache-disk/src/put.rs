//! Storing entries: of two for one key the later born stays.

use std::sync::atomic::Ordering::Relaxed;

use cache_core::{Entry, Error, ErrorKind, Key, Meta, Result, envelope};

use crate::{
    error::StorageResult,
    storage::{Batch, IndexRecord, StorageEngine, Store, Writer},
};

struct Sealed<'a> {
    key: &'a Key,
    entry: &'a Entry,
    record: Vec<u8>,
}

impl Sealed<'_> {
    fn text(&self) -> &[u8] {
        self.key.as_str().as_bytes()
    }

    fn meta(&self) -> &Meta {
        &self.entry.meta
    }
}

impl StorageEngine {
    /// Stores what can be stored, in batches no larger than the journal; then says what could not.
    pub(crate) fn put(&self, entries: &[(Key, Entry)]) -> Result<()> {
        let (mut sealed, mut refused) = (Vec::with_capacity(entries.len()), None);
        for (key, entry) in entries {
            match self.seal(key, entry) {
                Ok(record) => sealed.push(Sealed { key, entry, record }),
                Err(error) => refused = Some(error),
            }
        }
        let limit = self.config.journal_bytes();
        let mut rest = sealed.as_slice();
        while !rest.is_empty() {
            let mut bytes = 0;
            let fitting = rest.iter().take_while(|sealed| {
                bytes += (sealed.record.len() + sealed.text().len()) as u64;
                bytes <= limit
            });
            let (chunk, later) = rest.split_at(fitting.count().max(1));
            self.write("put", |writer, store| self.put_chunk(writer, store, chunk))?;
            rest = later;
        }
        refused.map_or(Ok(()), Err)
    }

    fn seal(&self, key: &Key, entry: &Entry) -> Result<Vec<u8>> {
        let record = envelope::seal(key, entry, self.config.compress_above)?;
        let limit = self.config.record_bytes();
        if record.len() as u64 > limit {
            let message = format!(
                "the record of {key} has {} bytes, the limit is {limit}, a sixteenth of the tier's {}",
                record.len(),
                self.config.max_bytes
            );
            return Err(Error::new(ErrorKind::Limit, "put", message));
        }
        Ok(record)
    }

    fn put_chunk(&self, writer: &mut Writer, store: &Store, chunk: &[Sealed<'_>]) -> StorageResult<()> {
        self.make_room_for(writer, store, chunk.iter().map(|sealed| sealed.record.len() as u64).sum())?;
        let now = self.config.clock.now();
        let mut batch = Batch::new(store, writer);
        let mut outdated = 0;
        for sealed in chunk {
            let (text, meta) = (sealed.text(), sealed.meta());
            let old = batch.index_record(text)?;
            // Stamps take part in no removal but their own: one that is refused would be an
            // invalidation lost.
            let own = sealed.key.is_reserved();
            let removed =
                !own && (meta.born <= writer.floor || writer.patterns.refuses(sealed.key, meta.born, now));
            if removed || old.as_ref().is_some_and(|old| old.refuses(meta.born, now)) {
                outdated += 1;
            } else if own {
                let record = envelope::Record::Entry(sealed.entry.clone());
                batch.set(text, old, Some(IndexRecord::Inline { record, bytes: sealed.record.clone() }));
            } else {
                batch.log(text, (meta.born, meta.dead_at), &sealed.record, old);
            }
        }
        batch.commit(writer, &self.directory, &self.counters)?;
        self.counters.outdated.fetch_add(outdated, Relaxed);
        Ok(())
    }
}
