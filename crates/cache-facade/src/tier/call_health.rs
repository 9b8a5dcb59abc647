//! How the last read and the last write of a tier ended.

use std::sync::atomic::{AtomicBool, Ordering};

use cache_core::{Error, LogSum, sync::Mutex};

/// How the last read, or the last write, ended. One may fail while the other works, as on a full disk.
#[derive(Debug)]
pub(super) struct CallHealth {
    pub(super) failing: AtomicBool,
    pub(super) error: Mutex<Option<Error>>,
    /// How often they began to fail, and to work again: a tier may do both many times a second.
    pub(super) failures: LogSum,
    pub(super) recoveries: LogSum,
}

impl CallHealth {
    pub(super) fn new([failures, recoveries]: [&'static str; 2]) -> Self {
        Self {
            failing: AtomicBool::new(false),
            error: Mutex::new(None),
            failures: LogSum::new(failures),
            recoveries: LogSum::new(recoveries),
        }
    }

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
