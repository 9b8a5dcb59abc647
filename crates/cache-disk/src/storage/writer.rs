//! What only one may change at a time, and the taking of stock it begins with.

use cache_core::{Pattern, Timestamp, Tombstone, Tombstones};

use crate::{
    error::{Fault, Outcome, reading},
    stats::Held,
    storage::{ENTRY, Engine, FLOOR, PATTERN, Place, Store, WRITES, unreadable},
};

/// How many patterns are kept apart; past that, one moment stands for them.
const PATTERNS: usize = 1024;

/// The state of the one who writes.
#[derive(Debug)]
pub(crate) struct Writer {
    /// The number of the log's next record.
    pub(crate) next_number: u64,
    /// Everything in the log below this number is given up.
    pub(crate) tail: u64,
    /// The index may name records below the tail.
    pub(crate) dangling: bool,
    /// How much was written since the journal was last emptied.
    pub(crate) unflushed: u64,
    pub(crate) log_flushed: bool,
    /// How many writes replaced or removed something.
    pub(crate) writes: u64,
    /// Nothing born then or before is accepted.
    pub(crate) floor: Timestamp,
    pub(crate) patterns: Tombstones,
    /// Nothing dies before.
    pub(crate) next_death: Timestamp,
}

impl Writer {
    pub(crate) fn new() -> Self {
        Self {
            next_number: 0,
            tail: 0,
            dangling: false,
            unflushed: 0,
            log_flushed: false,
            writes: 0,
            floor: Timestamp::MIN,
            patterns: Tombstones::new(PATTERNS),
            next_death: Timestamp::MIN,
        }
    }

    /// Reads the whole index, which also proves that it can be read.
    pub(crate) fn take_stock(store: &Store, engine: &Engine) -> Outcome<Self> {
        let now = engine.config.clock.now();
        let mut writer = Self::new();
        writer.writes = store.number(WRITES)?;
        match engine.home.acknowledged() {
            Some(count) if count <= writer.writes => {}
            Some(count) => {
                let why = format!("{count} writes were acknowledged, only {} are there", writer.writes);
                return Err(Fault::Corrupt(why));
            }
            None => return Err(Fault::Corrupt("the count of acknowledged writes can't be read".into())),
        }
        let floor = store.number(FLOOR)?.cast_signed();
        writer.floor = if floor == 0 { Timestamp::MIN } else { Timestamp::from_micros(floor) };

        // After a restart under a clock that was set back, what comes now must still win.
        engine.config.clock.observe(writer.floor);
        let (mut held, mut newest) = (Held::default(), None);
        store.walk(&[ENTRY], &[ENTRY], |text, value| {
            let place = Place::decode(text, value).ok_or_else(|| unreadable(text))?;
            engine.config.clock.observe(place.born());
            held.count(text, &place, 1);
            if let Place::Logged(logged) = place {
                newest = newest.max(Some(logged.number));
            }
            Ok(true)
        })?;
        store.walk(&[PATTERN], &[PATTERN], |_, value| {
            let (pattern, tombstone) = decode_pattern(value).ok_or_else(|| unreadable(value))?;
            engine.config.clock.observe(tombstone.born);
            writer.patterns.add_matching(pattern.into(), tombstone, now);
            Ok(true)
        })?;
        let last = reading(|| store.log.last_key_value().map(fjall::Guard::key).transpose());
        // A damaged log is no reason to give up: what the index knows of it bounds the numbers too.
        if let Ok(Some(last)) = last.as_ref().map(|key| key.as_ref().and_then(|key| key.first_chunk())) {
            newest = newest.max(Some(u64::from_be_bytes(*last)));
        }
        writer.next_number = newest.map_or(0, |newest| newest + 1);
        writer.unflushed = store.journal_bytes();
        engine.counters.restart(held);
        Ok(writer)
    }
}

/// A removal by pattern as kept in the index: born and dead at (8 bytes each), the glob.
pub(crate) fn encode_pattern(pattern: &Pattern, tombstone: Tombstone) -> Vec<u8> {
    let mut bytes = tombstone.born.as_micros().to_le_bytes().to_vec();
    bytes.extend(tombstone.dead_at.as_micros().to_le_bytes());
    bytes.extend(pattern.to_string().as_bytes());
    bytes
}

pub(crate) fn decode_pattern(bytes: &[u8]) -> Option<(Pattern, Tombstone)> {
    let (born, rest) = bytes.split_first_chunk()?;
    let (dead_at, text) = rest.split_first_chunk()?;
    let moment = |bytes: &[u8; 8]| Timestamp::from_micros(i64::from_le_bytes(*bytes));
    let tombstone = Tombstone { born: moment(born), dead_at: moment(dead_at) };
    Some((Pattern::glob(str::from_utf8(text).ok()?).ok()?, tombstone))
}
