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
    load::{flight::Flights, put_off::PutOff, throttle::Throttle},
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
    /// Whether the clears of earlier processes were read from the tiers.
    clears_known: AtomicBool,
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
        cleared: Timestamp,
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
            put_off: PutOff::default(),
            reads,
            counters: Counters::default(),
            turns: Arc::default(),
            cleared: AtomicI64::new(cleared.as_micros()),
            clears_known: AtomicBool::new(false),
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

    /// Whether the clears of earlier processes were read from the tiers.
    pub(crate) fn are_clears_known(&self) -> bool {
        self.clears_known.load(Ordering::Acquire)
    }

    pub(crate) fn set_clears_known(&self, known: bool) {
        self.clears_known.store(known, Ordering::Release);
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

    fn clear(&self, at: Timestamp) {
        self.cleared.fetch_max(at.as_micros(), Ordering::AcqRel);
    }

    fn kind(&self) -> &str {
        self.prefix.kind()
    }

    fn cleared(&self) -> Timestamp {
        Self::cleared(self)
    }

    fn are_clears_known(&self) -> bool {
        Self::are_clears_known(self)
    }

    fn note_clears_known(&self) {
        self.set_clears_known(true);
    }

    fn counters(&self) -> &Counters {
        &self.counters
    }

    fn stats(&self) -> RegionStats {
        Self::stats(self)
    }

    fn flights(&self) -> usize {
        self.flights.len()
    }

    fn forget_clears(&self) {
        self.set_clears_known(false);
    }

    fn overtake_text(&self, text: &KeyText) -> Option<(Key, bool)> {
        let key = (text.prefix == self.prefix.as_str()).then(|| self.prefix.key(&text.id).ok()).flatten()?;
        self.note_heard();
        let in_flight = self.overtake_key(&key);
        Some((key, in_flight))
    }
}
