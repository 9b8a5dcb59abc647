//! What all handles of one region share.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
};

use cache_core::{Key, Pattern, Prefix, Timestamp, message::KeyText};
use cache_memory::ReadCounter;

use crate::{
    answer::FlightResult,
    engine::{
        counters::{Count, Counters},
        regions::UntypedRegion,
    },
    invalidation::stamps::kinds::KindStamps,
    load::{calls::put_off::PutOff, flight::Flights, pace::Pace, throttle::Throttle},
    policy::Policy,
    region::Cacheable,
    settings::value_codec::ValueCodec,
    stats::RegionStats,
    write::turns::Turns,
};

/// What all handles of one kind share.
pub(crate) struct RegionCore<V> {
    pub(crate) prefix: Prefix,
    /// How values are encoded for the tiers; `None` if memory alone holds them.
    pub(crate) codec: Option<ValueCodec<V>>,
    pub(crate) flights: Arc<Flights<FlightResult<V>>>,
    pub(crate) throttle: Throttle,
    /// The pace of loads for what was marked stale.
    pub(crate) pace: Pace,
    /// Refreshes that can wait.
    pub(crate) put_off: PutOff,
    /// Hits and misses in memory, which are part of memory's own.
    pub(crate) reads: Arc<ReadCounter>,
    /// What else is counted.
    pub(crate) counters: Counters,
    /// Whose turn it is to update a key.
    pub(crate) turns: Arc<Turns>,
    /// What was born at this moment or before is dead.
    cleared: AtomicI64,
    /// What was born at this moment or before is stale.
    marked: AtomicI64,
    /// The later of the two.
    latest_stamp: AtomicI64,
    /// The last mark of any key.
    last_key_mark: AtomicI64,
    /// Whether the stamps of earlier processes were read from the tiers.
    stamps_known: AtomicBool,
    /// How often other nodes, or this one, removed or replaced keys, or may have.
    heard: AtomicU64,
    /// Whether there was a value that the codec can't carry.
    codec_failed: AtomicBool,
    /// The tiers that whoever opened the region first has no part in: nothing of it is there.
    never_in: OnceLock<Vec<&'static str>>,
}

impl<V> RegionCore<V> {
    pub(crate) fn new(
        prefix: Prefix,
        codec: Option<ValueCodec<V>>,
        stamps: KindStamps,
        reads: Arc<ReadCounter>,
    ) -> Self
    where
        V: Cacheable,
    {
        Self {
            prefix,
            codec,
            flights: Arc::new(Flights::new()),
            throttle: Throttle::default(),
            pace: Pace::default(),
            put_off: PutOff::default(),
            reads,
            counters: Counters::default(),
            turns: Arc::default(),
            cleared: AtomicI64::new(stamps.cleared.as_micros()),
            marked: AtomicI64::new(stamps.marked.as_micros()),
            latest_stamp: AtomicI64::new(stamps.cleared.max(stamps.marked).as_micros()),
            last_key_mark: AtomicI64::new(stamps.last_key_mark.as_micros()),
            stamps_known: AtomicBool::new(false),
            heard: AtomicU64::new(0),
            codec_failed: AtomicBool::new(false),
            never_in: OnceLock::new(),
        }
    }

    /// The latest clear: what was born at this moment or before is dead.
    #[inline]
    pub(crate) fn cleared(&self) -> Timestamp {
        Timestamp::from_micros(self.cleared.load(Ordering::Acquire))
    }

    /// The latest clear or mark: what was born later is concerned by neither.
    #[inline]
    pub(crate) fn latest_stamp(&self) -> Timestamp {
        Timestamp::from_micros(self.latest_stamp.load(Ordering::Acquire))
    }

    /// Returns the stamps that are known.
    pub(crate) fn stamps(&self) -> KindStamps {
        let known = |stamp: &AtomicI64| Timestamp::from_micros(stamp.load(Ordering::Acquire));
        KindStamps {
            cleared: self.cleared(),
            marked: known(&self.marked),
            last_key_mark: known(&self.last_key_mark),
        }
    }

    pub(crate) fn heard(&self) -> u64 {
        self.heard.load(Ordering::Acquire)
    }

    fn note_heard(&self) {
        self.heard.fetch_add(1, Ordering::AcqRel);
    }

    /// Returns the region in numbers.
    pub(crate) fn stats(&self) -> RegionStats {
        let total = |count| self.counters.total(count);
        RegionStats {
            kind: self.prefix.kind().to_owned(),
            hits: self.reads.hits(),
            tier_hits: total(Count::TierHit),
            stale: total(Count::MemoryStale) + total(Count::TierStale),
            misses: self.reads.misses(),
            coalesced: total(Count::Coalesced),
            loads: total(Count::Load),
            loaded_keys: total(Count::LoadedKey),
            load_failures: total(Count::LoadFailure),
            puts: total(Count::Put),
            removals: total(Count::Removal),
        }
    }

    /// Notes that there was a value that the codec can't carry. Returns whether it was the first.
    pub(crate) fn is_first_codec_failure(&self) -> bool {
        !self.codec_failed.swap(true, Ordering::Relaxed)
    }
}

impl<V> RegionCore<V> {
    /// Overtakes the flight of a key that is written or removed, and ends the key's pause. Returns whether it had
    /// a flight.
    pub(crate) fn overtake_key(&self, key: &Key) -> bool {
        self.throttle.resume(key);
        self.flights.overtake(key)
    }

    /// Notes the policy by which the region was opened. The first counts.
    pub(crate) fn note_opened(&self, policy: &Policy<V>) {
        self.never_in.get_or_init(|| policy.skipped().to_vec());
    }

    /// Whether a handle with this policy leaves out a tier that holds entries of the region.
    pub(crate) fn is_left_out(&self, tier: &str, policy: &Policy<V>) -> bool {
        policy.skips(tier) && !self.never_in.get().is_some_and(|never| never.contains(&tier))
    }
}

impl<V: Cacheable> UntypedRegion for RegionCore<V> {
    fn is_memory_only(&self) -> bool {
        self.codec.is_none()
    }

    fn overtake(&self, pattern: Option<&Pattern>) {
        self.note_heard();
        self.flights.overtake_matching(|key| pattern.is_none_or(|pattern| pattern.matches(key)));
    }

    fn raise(&self, stamps: KindStamps) {
        let raise = |known: &AtomicI64, at: Timestamp| known.fetch_max(at.as_micros(), Ordering::AcqRel);
        raise(&self.cleared, stamps.cleared);
        raise(&self.marked, stamps.marked);
        raise(&self.latest_stamp, stamps.cleared.max(stamps.marked));
        raise(&self.last_key_mark, stamps.last_key_mark);
    }

    fn stamps(&self) -> KindStamps {
        Self::stamps(self)
    }

    fn kind(&self) -> &str {
        self.prefix.kind()
    }

    fn are_stamps_known(&self) -> bool {
        self.stamps_known.load(Ordering::Acquire)
    }

    fn set_stamps_known(&self, known: bool) {
        self.stamps_known.store(known, Ordering::Release);
    }

    fn counters(&self) -> &Counters {
        &self.counters
    }

    fn memory_hits(&self) -> u64 {
        self.reads.hits()
    }

    fn stats(&self) -> RegionStats {
        Self::stats(self)
    }

    fn flights(&self) -> usize {
        self.flights.len()
    }

    fn key_of(&self, text: &KeyText) -> Option<Key> {
        (text.prefix == self.prefix.as_str()).then(|| self.prefix.key(&text.id).ok()).flatten()
    }

    fn overtake_text(&self, text: &KeyText) -> Option<(Key, bool)> {
        let key = self.key_of(text)?;
        self.note_heard();
        let in_flight = self.overtake_key(&key);
        Some((key, in_flight))
    }
}
