//! How the last call of a kind ended, a read or a write of a tier or a call of the lease; one call to a tier,
//! bounded in time and with a span.

use std::{
    pin::pin,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use cache_core::{Error, ErrorKind, LogSum, Result, sync::Mutex};
use futures_util::future::{Either, select};
use tracing::Instrument;

use super::handle::TierHandle;
use crate::{engine::spans, panics, timer};

/// How long any call to a tier may take. A tier to be given up sooner belongs in a `Guard`.
pub(crate) const CALL_LIMIT: Duration = Duration::from_secs(10);

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

impl TierHandle {
    /// Makes an error of a panic, and of a call that takes too long. The call has a span, which tells how many of
    /// its keys it found as `hits` counts them.
    pub(super) async fn bounded<T>(
        &self,
        operation: &'static str,
        keys: Option<usize>,
        hits: Option<&(dyn Fn(&T) -> usize + Sync)>,
        call: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        let span = spans::tier(self.name(), operation, keys);
        let limit = pin!(timer::sleep(&self.clock, CALL_LIMIT));
        let call = panics::caught(self.name(), operation, call).instrument(span.clone());
        let outcome = match select(pin!(call), limit).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(_) => {
                let message = format!("{} did not answer within {CALL_LIMIT:?}", self.name());
                Err(Error::new(ErrorKind::Timeout, operation, message))
            }
        };
        spans::record_result(&span, &outcome);
        if let (Ok(answers), Some(hits)) = (&outcome, hits) {
            span.record("hits", hits(answers));
        }
        outcome
    }
}
