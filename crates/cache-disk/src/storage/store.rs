//! The open database: its two keyspaces, and its journal, which is kept short.

use std::{
    fs::{self, OpenOptions},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use fjall::{
    AbstractTree, CompressionType, Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode,
    Slice,
    compaction::Leveled,
    config::{BloomConstructionPolicy, CompressionPolicy, FilterPolicy, FilterPolicyEntry},
};

use crate::{
    error::{StorageError, StorageResult, run_close, run_open, run_read, run_write},
    storage::{IndexRecord, fjall_check::check_files},
};

const MIB: u64 = 1 << 20;
const CACHE_BYTES: u64 = 8 * MIB;

/// Never reached: memtables are flushed when the journal is emptied.
const MEMTABLE_BYTES: u64 = 256 * MIB;
const INDEX_TABLE_BYTES: u64 = 4 * MIB;

/// Fewer than the 4 sealed memtables at which fjall halts a writer, for good if its worker has died.
const MAX_SEALED_MEMTABLES: usize = 2;
const FLUSH_TIMEOUT: Duration = Duration::from_secs(60);

/// The first bytes of keys in the index: of entries, and of removals by pattern.
pub(crate) const ENTRY_PREFIX: u8 = b'k';
pub(crate) const PATTERN_PREFIX: u8 = b'p';
/// The keys of single numbers in the index.
pub(crate) const WRITES_KEY: &[u8] = b"writes";
pub(crate) const FLOOR_KEY: &[u8] = b"floor";
const JOURNAL_START_KEY: &[u8] = b"begin";

/// The open database.
pub(crate) struct Store {
    db: Database,
    pub(crate) index: Keyspace,
    pub(crate) log: Keyspace,
    path: PathBuf,
}

impl Store {
    /// Opens the database, or creates it.
    pub(crate) fn open(path: &Path) -> StorageResult<Self> {
        check_files(path)?;
        let store = run_open(|| {
            // fjall appends to a journal that it found, but writes by position to one that it created,
            // and only the former can be emptied while it is open: so a new database is opened twice.
            if !path.join("version").exists() {
                drop(Self::open_once(path)?);
            }
            Self::open_once(path)
        })?;
        if store.journal_bytes() == 0 {
            store.begin_journal()?;
        }
        Ok(store)
    }

    fn open_once(path: &Path) -> fjall::Result<Self> {
        let db = Database::builder(path)
            .cache_size(CACHE_BYTES)
            // One of them does nothing but flush, which must not wait for a compaction.
            .worker_threads(2)
            .max_journaling_size(64 * MIB)
            .journal_compression(CompressionType::None)
            .open()?;
        // Filters pay, since the index is searched for missing keys. Its tables are small, so that one
        // compaction takes little space beside what it replaces.
        let index = db.keyspace("index", || {
            let strategy = Leveled::default().with_table_target_size(INDEX_TABLE_BYTES).with_l0_threshold(2);
            let filter = FilterPolicyEntry::Bloom(BloomConstructionPolicy::BitsPerKey(10.0));
            KeyspaceCreateOptions::default()
                .max_memtable_size(MEMTABLE_BYTES)
                .compaction_strategy(std::sync::Arc::new(strategy))
                .filter_policy(FilterPolicy::all(filter))
        })?;
        // No filters, since the log is searched only for what it has. Its records are compressed already.
        let log = db.keyspace("log", || {
            KeyspaceCreateOptions::default()
                .max_memtable_size(MEMTABLE_BYTES)
                .expect_point_read_hits(true)
                .filter_policy(FilterPolicy::disabled())
                .data_block_compression_policy(CompressionPolicy::disabled())
        })?;
        Ok(Self { db, index, log, path: path.to_owned() })
    }

    pub(crate) fn close(self) {
        run_close(|| drop(self));
    }

    pub(crate) fn batch(&self) -> OwnedWriteBatch {
        self.db.batch()
    }

    /// Returns the index record of a key.
    pub(crate) fn index_record(&self, text: &[u8]) -> StorageResult<Option<IndexRecord>> {
        let Some(bytes) = run_read(|| self.index.get(index_key(text)))? else { return Ok(None) };
        IndexRecord::decode(text, &bytes).map(Some).ok_or_else(|| unreadable(text))
    }

    /// Returns a number of the index, 0 if it is missing.
    pub(crate) fn number(&self, key: &[u8]) -> StorageResult<u64> {
        let Some(bytes) = run_read(|| self.index.get(key))? else { return Ok(0) };
        let bytes = bytes.as_ref().try_into().map_err(|_| unreadable(key))?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// Visits the items of the index with `prefix`, from `from` on, until `visit` returns `false`, and
    /// returns the key at which it did.
    pub(crate) fn walk(
        &self,
        from: &[u8],
        prefix: &[u8],
        mut visit: impl FnMut(&[u8], &[u8]) -> StorageResult<bool>,
    ) -> StorageResult<Option<Vec<u8>>> {
        let mut entries = run_read(|| Ok(self.index.range(from..)))?;
        while let Some((key, value)) = run_read(|| entries.next().map(fjall::Guard::into_inner).transpose())?
        {
            if !key.starts_with(prefix) {
                break;
            }
            if !visit(&key[1..], &value)? {
                return Ok(Some(key.to_vec()));
            }
        }
        Ok(None)
    }

    /// Commits, after waiting for flushes that lag behind.
    pub(crate) fn commit(&self, batch: OwnedWriteBatch) -> StorageResult<()> {
        self.wait(MAX_SEALED_MEMTABLES)?;
        run_write(|| batch.commit())
    }

    pub(crate) fn persist(&self) -> StorageResult<()> {
        run_write(|| self.db.persist(PersistMode::SyncAll))
    }

    /// Begins to flush all memtables, without waiting for it.
    pub(crate) fn begin_flush(&self) -> StorageResult<()> {
        run_write(|| {
            self.log.rotate_memtable()?;
            self.index.rotate_memtable()
        })
        .map(drop)
    }

    /// Waits for the flush of the memtables that are sealed by now or meanwhile.
    pub(crate) fn wait_for_flush(&self) -> StorageResult<()> {
        self.wait(0)
    }

    /// Flushes all memtables to tables and empties the journal. No write may come meanwhile.
    pub(crate) fn checkpoint(&self) -> StorageResult<()> {
        self.begin_flush()?;
        self.wait(0)?;
        self.empty_journal()
            .map_err(|error| StorageError::Unusable(format!("can't empty the journal: {error}")))?;
        self.begin_journal()
    }

    /// Writes a first batch that doesn't matter. Damage to the number of a batch shows by the batch before
    /// it; the first has none, and fjall might take it for flushed already.
    fn begin_journal(&self) -> StorageResult<()> {
        run_write(|| self.index.insert(JOURNAL_START_KEY, []))
    }

    /// Waits until at most `sealed` memtables of each keyspace are still to be flushed.
    fn wait(&self, sealed: usize) -> StorageResult<()> {
        let since = Instant::now();
        while self.index.sealed_memtable_count().max(self.log.sealed_memtable_count()) > sealed {
            // Fails if the worker that should flush them has failed.
            run_write(|| self.db.persist(PersistMode::Buffer))?;
            if since.elapsed() > FLUSH_TIMEOUT {
                return Err(StorageError::Unusable(format!("nothing was flushed within {FLUSH_TIMEOUT:?}")));
            }
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    fn empty_journal(&self) -> std::io::Result<()> {
        // If fjall has started a second journal, it writes that by position: emptying it would let the next
        // write leave a hole. fjall then deletes the old one itself.
        if let [journal] = self.journals().as_slice() {
            OpenOptions::new().write(true).open(journal)?.set_len(0)?;
        }
        Ok(())
    }

    /// Returns how many bytes the journal has.
    pub(crate) fn journal_bytes(&self) -> u64 {
        self.journals().iter().filter_map(|path| fs::metadata(path).ok()).map(|meta| meta.len()).sum()
    }

    fn journals(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(&self.path).into_iter().flatten().flatten().map(|file| file.path());
        files.filter(|path| path.extension().is_some_and(|extension| extension == "jnl")).collect()
    }

    /// Drops the tables of the log that have no record past `number`.
    pub(crate) fn drop_log(&self, number: u64) -> StorageResult<()> {
        run_write(|| Ok(self.log.tree.drop_range::<[u8; 8], _>(..=number.to_be_bytes())?))
    }

    /// Rewrites the whole index without what was replaced in it.
    pub(crate) fn compact_index(&self) -> StorageResult<()> {
        run_write(|| self.index.major_compact())
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("path", &self.path).finish_non_exhaustive()
    }
}

pub(crate) fn index_key(text: &[u8]) -> Vec<u8> {
    [&[ENTRY_PREFIX], text].concat()
}

pub(crate) fn unreadable(text: &[u8]) -> StorageError {
    StorageError::Corrupt(format!("the index record of {:?} can't be read", String::from_utf8_lossy(text)))
}

/// Returns a value of the log: the key's length (2 bytes), the key, the record.
pub(crate) fn log_value(text: &[u8], record: &[u8]) -> Slice {
    // A key has at most 4,096 bytes.
    let len = (text.len() as u16).to_le_bytes();
    Slice::from([&len, text, record].concat())
}

/// Returns the key and the record of a value of the log.
pub(crate) fn split_log_value(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = value.split_first_chunk()?;
    rest.split_at_checked(u16::from_le_bytes(*len).into())
}
