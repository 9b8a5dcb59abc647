//! Looks keys up.

use std::sync::atomic::Ordering::Relaxed;

use cache_core::{
    Entry, Error, ErrorKind, Key, Result,
    envelope::{self, Record},
};

use crate::{
    error::{StorageError, StorageResult, run_read},
    storage::{IndexRecord, LogPointer, StorageEngine, Store, split_log_value},
};

/// How often a key is looked up whose record moves each time; a record that moved is found the next time.
pub(crate) const MAX_LOOKUPS: usize = 8;

impl StorageEngine {
    /// Returns the entries under `keys`; result `i` belongs to `keys[i]`.
    pub(crate) fn get(&self, keys: &[Key]) -> Result<Vec<Option<Entry>>> {
        let found = self.read(|store| keys.iter().map(|key| self.look_up(store, key)).collect())?;
        match found {
            Ok(entries) => Ok(entries),
            Err(StorageError::Corrupt(why)) => {
                // Only a writer starts over, and only if it sees the same damage.
                self.write("get", |_, store| {
                    keys.iter().try_for_each(|key| store.index_record(key.as_str().as_bytes()).map(drop))
                })?;
                if keys.iter().any(Key::is_reserved) {
                    // The cache must not take a corrupt stamp for an absent one.
                    return Err(Error::new(ErrorKind::Corrupt, "get", why));
                }
                Ok(vec![None; keys.len()])
            }
            Err(error) => Err(error.into_error("get")),
        }
    }

    fn look_up(&self, store: &Store, key: &Key) -> StorageResult<Option<Entry>> {
        let text = key.as_str().as_bytes();
        for _ in 0..MAX_LOOKUPS {
            let pointer = match store.index_record(text)? {
                None | Some(IndexRecord::Inline { record: Record::Tombstone(_), .. }) => return Ok(None),
                Some(IndexRecord::Inline { record: Record::Entry(entry), .. }) => return Ok(Some(entry)),
                Some(IndexRecord::InLog(pointer)) => pointer,
            };
            match self.read_log(store, key, pointer)? {
                Found::Entry(entry) => return Ok(Some(entry)),
                Found::Corrupt => {
                    self.counters.corrupt.fetch_add(1, Relaxed);
                    if let Some(times) = self.log_sums.corrupt.count(self.config.clock.now()) {
                        tracing::warn!(%key, times,
                            "a record in the disk tier's log is corrupt and counts as a miss");
                    }
                    return Ok(None);
                }
                // Moved or evicted since the index was read, so read it again.
                Found::Nothing => {}
            }
        }
        Ok(None)
    }

    fn read_log(&self, store: &Store, key: &Key, pointer: LogPointer) -> StorageResult<Found> {
        let value = match run_read(|| store.log.get(pointer.number.to_be_bytes())) {
            Ok(Some(value)) => value,
            Ok(None) => return Ok(Found::Nothing),
            Err(StorageError::Corrupt(why)) => {
                tracing::debug!(%key, why, "a record in the disk tier's log can't be read");
                return Ok(Found::Corrupt);
            }
            Err(error) => return Err(error),
        };
        let Some((_, record)) = split_log_value(&value) else { return Ok(Found::Corrupt) };
        // Its checksum covers this key as well.
        match envelope::open(key, record) {
            Ok(Record::Entry(entry)) if entry.meta.born == pointer.born => Ok(Found::Entry(entry)),
            _ => Ok(Found::Corrupt),
        }
    }
}

enum Found {
    Entry(Entry),
    Nothing,
    Corrupt,
}

#[cfg(test)]
mod tests {
    use std::{io, sync::Arc, time::Duration};

    use cache_core::{Blob, Clock, Codec, LogSum, Meta, Ttl, sync::Mutex};
    use proptest::prelude::*;
    use tempfile::TempDir;

    use super::*;
    use crate::{DiskConfig, storage::log_value};

    /// A tier that holds `price:A` and `price:B`, with the log's record of the former replaced.
    fn with_in_log_of_a(value: impl Fn(&Key, &[u8]) -> fjall::Slice) -> (StorageEngine, Key, Entry, TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let config = DiskConfig::new(folder.path()).max_bytes(DiskConfig::MIN_BYTES).clock(Clock::manual());
        let engine = StorageEngine::open(config).unwrap();
        let [a, b] = ["A", "B"].map(|id| Key::new("price", id).unwrap());
        let meta = Meta::new(engine.config.clock.tick(), Ttl::new(Duration::from_secs(60)));
        let entry = Entry::new(Blob { codec: Codec::Bincode, schema: 1, bytes: vec![7; 100].into() }, meta);
        engine.put(&[(a.clone(), entry.clone()), (b.clone(), entry.clone())]).unwrap();
        let record = envelope::seal(&b, &entry, usize::MAX).unwrap();
        let replaced = engine.read(|store| {
            let Some(IndexRecord::InLog(pointer)) = store.index_record(a.as_str().as_bytes())? else {
                panic!("not in the log")
            };
            store.log.insert(pointer.number.to_be_bytes(), value(&b, &record)).unwrap();
            Ok(())
        });
        replaced.unwrap().unwrap();
        (engine, a, entry, folder)
    }

    fn is_a_miss_that_can_be_put_over(engine: &StorageEngine, key: &Key, entry: Entry) {
        assert_eq!(engine.get(std::slice::from_ref(key)).unwrap(), [None]);
        assert_eq!(engine.counters.corrupt.load(Relaxed), 1);
        let mut newer = entry;
        newer.meta.born = engine.config.clock.tick();
        engine.put(&[(key.clone(), newer.clone())]).unwrap();
        assert_eq!(engine.get(std::slice::from_ref(key)).unwrap(), [Some(newer)]);
        assert_eq!(engine.counters.started_over.load(Relaxed), 0);
    }

    #[test]
    fn rule_56_another_key_s_record_is_a_miss() {
        let (engine, a, entry, _folder) =
            with_in_log_of_a(|b, record| log_value(b.as_str().as_bytes(), record));
        is_a_miss_that_can_be_put_over(&engine, &a, entry);
    }

    #[test]
    fn rule_56_another_key_s_record_under_this_key_s_name_is_a_miss() {
        let (engine, a, entry, _folder) = with_in_log_of_a(|_, record| log_value(b"price:A", record));
        is_a_miss_that_can_be_put_over(&engine, &a, entry);
    }

    #[test]
    fn rule_72_corrupt_records_are_a_few_lines_that_add_up() {
        let text = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&text);
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_max_level(tracing::Level::WARN)
            .with_writer(move || Sink(Arc::clone(&sink)));
        let (engine, a, _, _folder) = with_in_log_of_a(|_, record| log_value(b"price:A", record));
        tracing::subscriber::with_default(subscriber.finish(), || {
            for _ in 0..100 {
                assert_eq!(engine.get(&vec![a.clone(); 1000]).unwrap(), vec![None; 1000]);
                engine.config.clock.advance(Duration::from_millis(250));
            }
            engine.config.clock.advance(LogSum::INTERVAL);
            engine.log_sums.settle(engine.config.clock.now());
        });
        let text = String::from_utf8(text.lock().clone()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert!((3..=5).contains(&lines.len()), "{text}");
        assert!(lines.last().unwrap().contains("100000 in all"), "{text}");
    }

    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn rule_62_hostile_bytes_are_a_miss(bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0_usize..200) {
            let (engine, a, entry, _folder) = with_in_log_of_a(|_, record| {
                // Behind the right name, in place of some of the record, its lengths included.
                let at = at.min(record.len());
                log_value(b"price:A", &[&record[..at], &bytes].concat())
            });
            is_a_miss_that_can_be_put_over(&engine, &a, entry);
        }
    }
}
