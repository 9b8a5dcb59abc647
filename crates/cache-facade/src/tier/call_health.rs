//! How the last call of a kind ended: a read or a write of a tier, or a call of the lease.

use std::sync::atomic::{AtomicBool, Ordering};

use cache_core::{Error, LogSum, sync::Mutex};

/// How the last call of a kind ended. Reads of a tier may fail while its writes work, as on a full disk.
#[derive(Debug)]
pub(crate) struct CallHealth {
    pub(crate) failing: AtomicBool,
    pub(crate) error: Mutex<Option<Error>>,
    /// How often they began to fail, and to work again: a tier may do both many times a second.
    pub(crate) failures: LogSum,
    pub(crate) recoveries: LogSum,
}

impl CallHealth {
    pub(crate) fn new([failures, recoveries]: [&'static str; 2]) -> Self {
        Self {
            failing: AtomicBool::new(false),
            error: Mutex::new(None),
            failures: LogSum::new(failures),
            recoveries: LogSum::new(recoveries),
        }
    }

    /// Returns whether this is the first failure after a success.
    pub(crate) fn note_failure(&self, error: &Error) -> bool {
        *self.error.lock() = Some(error.clone());
        !self.failing.swap(true, Ordering::Relaxed)
    }

    /// Returns whether this is the first success after a failure.
    pub(crate) fn note_success(&self) -> bool {
        if !self.failing.load(Ordering::Relaxed) {
            return false;
        }
        *self.error.lock() = None;
        self.failing.swap(false, Ordering::Relaxed)
    }
}
