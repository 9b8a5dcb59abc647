//! What is known of sampled keys.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    time::Duration,
};

use cache_core::{Meta, Timestamp};

use super::{
    access_log::{AccessLog, NOT_LOGGED},
    checkpoints::Checkpoints,
    groups::Groups,
    rate::RateChanges,
    repeats::Owners,
    stays::SampledStays,
};

/// The unit of times here.
const STEP_MICROS: i64 = 10_000;

/// The sampled keys.
pub(crate) type SampledKeys = HashMap<u64, SampledKey, BuildHasherDefault<HashOfKey>>;

/// The keys, and what is counted of them.
#[derive(Debug)]
pub(super) struct State {
    pub(super) begun: Timestamp,
    pub(super) keys: SampledKeys,
    pub(super) log: AccessLog,
    pub(super) kinds: Vec<SampledStays>,
    pub(super) groups: Groups,
    pub(super) checkpoints: Checkpoints,
    /// Whose hits are counted without the lock.
    pub(super) owners: Owners,
    pub(super) changes: RateChanges,
    /// When the rate changed, or it was looked at whether it should.
    pub(super) reviewed: u32,
}

/// What is known of a key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SampledKey {
    /// The kind, by its place among those of the sample.
    pub(crate) kind: u8,
    pub(super) group: u8,
    pub(super) is_held: bool,
    /// Whether a read missed it, and it was not stored since.
    pub(super) is_awaited: bool,
    /// After how many halvings of the rate it was sampled all the while that it is held, at the least; `None` if
    /// it was held before it was sampled.
    pub(super) sampled_after: Option<u8>,
    /// Reads since it is held.
    pub(super) reads: u32,
    /// Since when it is held, and when it was stored or read last, in steps.
    pub(super) held_since: u32,
    pub(super) seen: u32,
    /// What it weighs, and its life in milliseconds.
    pub(crate) weight: u32,
    pub(crate) life_ms: u32,
    /// Its last access in the log.
    pub(super) logged: u32,
}

impl State {
    /// Returns a time in steps since the sample began.
    pub(super) fn step(&self, now: Timestamp) -> u32 {
        let micros = now.as_micros().saturating_sub(self.begun.as_micros()).max(0);
        u32::try_from(micros / STEP_MICROS).unwrap_or(u32::MAX)
    }

    pub(super) fn kind(&mut self, name: &str) -> u8 {
        let at = self.kinds.iter().position(|kind| kind.name == name).unwrap_or_else(|| {
            self.kinds.push(SampledStays::new(name));
            self.kinds.len() - 1
        });
        // Kinds are bounded by whoever names them.
        u8::try_from(at).unwrap_or(u8::MAX)
    }
}

impl SampledKey {
    pub(super) fn new(kind: u8, group: u8, now: u32) -> Self {
        Self {
            kind,
            group,
            is_held: false,
            is_awaited: false,
            sampled_after: None,
            reads: 0,
            held_since: now,
            seen: now,
            weight: 1,
            life_ms: 0,
            logged: NOT_LOGGED,
        }
    }

    /// Sets what is known of its entry.
    pub(super) fn set_entry(&mut self, meta: &Meta, weight: u64) {
        self.weight = u32::try_from(weight).unwrap_or(u32::MAX);
        self.life_ms = u32::try_from(meta.stale_at.since(meta.born).as_millis()).unwrap_or(u32::MAX);
    }
}

/// Returns the span of so many steps.
pub(crate) fn steps(steps: u32) -> Duration {
    Duration::from_micros(u64::from(steps) * STEP_MICROS.unsigned_abs())
}

/// Returns how many steps a span takes.
pub(super) fn in_steps(span: Duration) -> u32 {
    u32::try_from(span.as_micros() / u128::from(STEP_MICROS.unsigned_abs())).unwrap_or(u32::MAX)
}

/// Passes the hash of a key on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HashOfKey(u64);

impl Hasher for HashOfKey {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("it hashes hashes only");
    }

    fn write_u64(&mut self, hash: u64) {
        // The table takes the upper bits for other ends than the lower ones.
        self.0 = hash ^ hash.rotate_left(32);
    }
}
