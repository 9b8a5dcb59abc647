//! A value as the store holds it: if its `drop` panics, that stays here.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicU64, Ordering},
};

use crate::memory::Value;

/// How many values panicked when they were dropped, in this process: whose cache a value is in is not known
/// where it is dropped.
static PANICKED: AtomicU64 = AtomicU64::new(0);

/// A value that is held, until it is dropped; or none.
#[derive(Clone, Default)]
pub(crate) struct Stored(Option<Value>);

impl Stored {
    pub(crate) fn new(value: Value) -> Self {
        Self(Some(value))
    }

    #[inline]
    pub(crate) fn get(&self) -> Option<&Value> {
        self.0.as_ref()
    }
}

impl Drop for Stored {
    fn drop(&mut self) {
        let Some(value) = self.0.take() else { return };
        if catch_unwind(AssertUnwindSafe(|| drop(value))).is_err() {
            let times = PANICKED.fetch_add(1, Ordering::Relaxed) + 1;
            if times.is_power_of_two() {
                tracing::error!(
                    times,
                    "a cached value panicked when it was dropped: the cache goes on without it"
                );
            }
        }
    }
}

/// Drops a value that may be the last of its clones. If its `drop` panics, that is counted and goes no further.
pub fn drop_value(value: Value) {
    drop(Stored::new(value));
}

/// Returns how many values panicked when they were dropped.
pub(crate) fn panicked_drops() -> u64 {
    PANICKED.load(Ordering::Relaxed)
}
