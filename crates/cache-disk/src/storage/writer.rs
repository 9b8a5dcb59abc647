//! The state of the one writer, and how it is loaded from an opened database.

use cache_core::{Pattern, Timestamp, Tombstone, Tombstones};

use crate::{
    error::{StorageError, StorageResult, run_read},
    stats::Usage,
    storage::{
        ENTRY_PREFIX, FLOOR_KEY, IndexRecord, PATTERN_PREFIX, StorageEngine, Store, WRITES_KEY, unreadable,
    },
};

/// How many removals by pattern are kept one by one; one moment replaces more.
const MAX_PATTERNS: usize = 1024;

/// What only one writer at a time may read and change.
#[derive(Debug)]
pub(crate) struct Writer {
    /// The number of the log's next record.
    pub(crate) next_number: u64,
    /// Everything in the log below this number was dropped.
    pub(crate) tail: u64,
    /// Whether the index may point to records below the tail.
    pub(crate) dangling: bool,
    /// How many bytes were written since the journal was last emptied.
    pub(crate) unflushed: u64,
    /// How many of these there were when it was last looked whether there is work ahead of need.
    pub(crate) looked_at: u64,
    /// How many bytes of the log were reclaimed since tables were last dropped.
    pub(crate) undropped: u64,
    /// How many writes replaced or removed something.
    pub(crate) writes: u64,
    /// No put born then or before is accepted.
    pub(crate) floor: Timestamp,
    /// No tombstone in the index is born later.
    pub(crate) newest_tombstone: Timestamp,
    /// How far the tombstones have been removed that a floor covers; `None` if all have.
    pub(crate) covered: Option<CoveredSweep>,
    pub(crate) patterns: Tombstones,
    /// Nothing dies before.
    pub(crate) next_death: Timestamp,
}

/// The removal of the tombstones that a floor covers, a page at a time.
#[derive(Clone, Debug)]
pub(crate) struct CoveredSweep {
    /// The key of the index from which to go on.
    pub(crate) from: Vec<u8>,
    /// The floor that there was at the beginning.
    pub(crate) floor: Timestamp,
}

impl Writer {
    pub(crate) fn new() -> Self {
        Self {
            next_number: 0,
            tail: 0,
            dangling: false,
            unflushed: 0,
            looked_at: 0,
            undropped: 0,
            writes: 0,
            floor: Timestamp::MIN,
            newest_tombstone: Timestamp::MIN,
            covered: None,
            patterns: Tombstones::new(MAX_PATTERNS),
            next_death: Timestamp::MIN,
        }
    }

    /// Loads the state from the whole index, which thereby is shown to be readable.
    pub(crate) fn load(store: &Store, engine: &StorageEngine) -> StorageResult<Self> {
        let now = engine.config.clock.now();
        let mut writer = Self::new();
        writer.writes = store.number(WRITES_KEY)?;
        match engine.directory.acknowledged() {
            Some(count) if count <= writer.writes => {}
            Some(count) => {
                let why = format!(
                    "{count} writes were acknowledged, the database has only {} of them",
                    writer.writes
                );
                return Err(StorageError::Corrupt(why));
            }
            None => {
                return Err(StorageError::Corrupt("the count of acknowledged writes can't be read".into()));
            }
        }
        let floor = store.number(FLOOR_KEY)?.cast_signed();
        writer.floor = if floor == 0 { Timestamp::MIN } else { Timestamp::from_micros(floor) };

        // After a restart under a clock that was set back, what comes now must still win.
        engine.config.clock.resume(writer.floor);
        let (mut usage, mut newest) = (Usage::default(), None);
        store.walk(&[ENTRY_PREFIX], &[ENTRY_PREFIX], |text, value| {
            let found = IndexRecord::decode(text, value).ok_or_else(|| unreadable(text))?;
            engine.config.clock.resume(found.born());
            usage.count(text, &found, 1);
            if let IndexRecord::InLog(pointer) = &found {
                newest = newest.max(Some(pointer.number));
            }
            if let Some(tombstone) = found.as_tombstone() {
                writer.newest_tombstone = writer.newest_tombstone.max(tombstone.born);
            }
            Ok(true)
        })?;
        store.walk(&[PATTERN_PREFIX], &[PATTERN_PREFIX], |_, value| {
            let (pattern, tombstone) = decode_pattern(value).ok_or_else(|| unreadable(value))?;
            engine.config.clock.resume(tombstone.born);
            writer.patterns.add_matching(pattern.into(), tombstone, now);
            Ok(true)
        })?;
        let last = run_read(|| store.log.last_key_value().map(fjall::Guard::key).transpose());
        // A damaged log is no reason to fail: the numbers in the index bound the log's as well.
        if let Ok(Some(last)) = last.as_ref().map(|key| key.as_ref().and_then(|key| key.first_chunk())) {
            newest = newest.max(Some(u64::from_be_bytes(*last)));
        }
        writer.next_number = newest.map_or(0, |newest| newest + 1);
        writer.unflushed = store.journal_bytes();
        engine.counters.restart(usage);
        Ok(writer)
    }
}

/// Returns a removal by pattern as the index has it: born and dead at (8 bytes each), the glob.
pub(crate) fn encode_pattern(pattern: &Pattern, tombstone: Tombstone) -> Vec<u8> {
    let mut bytes = tombstone.born.as_micros().to_le_bytes().to_vec();
    bytes.extend(tombstone.dead_at.as_micros().to_le_bytes());
    bytes.extend(pattern.to_string().as_bytes());
    bytes
}

/// Decodes what [`encode_pattern`] returned; `None` for anything else.
pub(crate) fn decode_pattern(bytes: &[u8]) -> Option<(Pattern, Tombstone)> {
    let (born, rest) = bytes.split_first_chunk()?;
    let (dead_at, text) = rest.split_first_chunk()?;
    let moment = |bytes: &[u8; 8]| Timestamp::from_micros(i64::from_le_bytes(*bytes));
    let tombstone = Tombstone { born: moment(born), dead_at: moment(dead_at) };
    Some((Pattern::glob(str::from_utf8(text).ok()?).ok()?, tombstone))
}
