//! What is left of stamps that were forgotten: of all names that share a hash the latest.
//!
//! A name that shares the hash of a forgotten one is taken for as dead, or as stale, as that one was. The more are
//! forgotten the more names that concerns: 65,536 of them one in five, and twice as many two in five.

use std::sync::{
    OnceLock,
    atomic::{AtomicI64, Ordering},
};

use cache_core::Timestamp;

/// Stamps by the hash of their names.
#[derive(Debug)]
pub(super) struct ForgottenStamps {
    /// Made by the first that is forgotten, since as a rule none is.
    slots: OnceLock<Box<[AtomicI64]>>,
    count: usize,
}

impl ForgottenStamps {
    /// Returns none, to be kept in so many slots: a power of two.
    pub(super) fn new(count: usize) -> Self {
        Self { slots: OnceLock::new(), count }
    }

    pub(super) fn raise(&self, hash: u64, at: Timestamp) {
        let none = || (0..self.count).map(|_| AtomicI64::new(Timestamp::MIN.as_micros())).collect();
        self.slots.get_or_init(none)[self.slot(hash)].fetch_max(at.as_micros(), Ordering::AcqRel);
    }

    /// Returns the latest of what was forgotten that may have been of this name.
    pub(super) fn of(&self, hash: u64) -> Timestamp {
        self.slots.get().map_or(Timestamp::MIN, |slots| {
            Timestamp::from_micros(slots[self.slot(hash)].load(Ordering::Acquire))
        })
    }

    fn slot(&self, hash: u64) -> usize {
        hash as usize & (self.count - 1)
    }
}
