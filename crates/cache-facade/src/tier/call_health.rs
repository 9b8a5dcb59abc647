//! How the last read and the last write of a tier ended.

use std::sync::atomic::{AtomicBool, Ordering};

use cache_core::{Error, sync::Mutex};

/// How the last read, or the last write, ended. One may fail while the other works, as on a full disk.
#[derive(Debug, Default)]
pub(super) struct CallHealth {
    pub(super) failing: AtomicBool,
    pub(super) error: Mutex<Option<Error>>,
}

impl CallHealth {
    /// Returns whether this is the first failure after a success.
    pub(super) fn note_failure(&self, error: &Error) -> bool {
        *self.error.lock() = Some(error.clone());
        !self.failing.swap(true, Ordering::Relaxed)
    }

    /// Returns whether this is the first success after a failure.
    pub(super) fn note_success(&self) -> bool {
        if !self.failing.load(Ordering::Relaxed) {
            return false;
        }
        *self.error.lock() = None;
        self.failing.swap(false, Ordering::Relaxed)
    }
}
