//! Loads that go on past their hard timeout, when no caller finds their flight any more.

use std::sync::atomic::{AtomicUsize, Ordering};

/// How many late loads there are, whose results may still be stored.
#[derive(Debug, Default)]
pub(crate) struct LateLoads(AtomicUsize);

/// A late load, counted until it is dropped.
pub(crate) struct LateLoad<'a>(&'a AtomicUsize);

impl LateLoads {
    pub(crate) fn begin(&self) -> LateLoad<'_> {
        self.0.fetch_add(1, Ordering::AcqRel);
        LateLoad(&self.0)
    }

    pub(crate) fn any(&self) -> bool {
        self.0.load(Ordering::Acquire) > 0
    }
}

impl Drop for LateLoad<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
