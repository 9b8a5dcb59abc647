//! Log lines that stand for many: what fails for each of 100,000 keys is a line now and then, with a count.

use cache_core::{LogSum, LogSummary, Timestamp};

use crate::tier::call_health::CallHealth;

/// The sums of what the engine logs; those of a tier are in its handle.
#[derive(Debug)]
pub(crate) struct LogSums {
    /// Loads that failed and left their callers without a value.
    pub(crate) failed_loads: LogSum,
    /// Loads that failed while a stale value could be served.
    pub(crate) stale_served: LogSum,
    /// Pauses of failing keys that keys share, since there are too many.
    pub(crate) shared_pauses: LogSum,
    /// Stamps that were forgotten, so that they may end or mark more than need be.
    pub(crate) forgotten_stamps: LogSum,
    pub(crate) unprotected: LogSum,
    /// How the calls of the lease go.
    pub(crate) lease: CallHealth,
    pub(crate) too_large: LogSum,
    /// Messages of other nodes that were missed.
    pub(crate) message_gaps: LogSum,
    /// Calls of functions past the cache, and invalidations of functions that failed.
    pub(crate) bypassed: LogSum,
    pub(crate) not_ended: LogSum,
}

impl Default for LogSums {
    fn default() -> Self {
        Self {
            failed_loads: LogSum::new("loads that failed, no value to serve"),
            stale_served: LogSum::new("loads that failed, stale values served"),
            shared_pauses: LogSum::new("pauses of failing keys that others share"),
            forgotten_stamps: LogSum::new("invalidations and marks that were forgotten early"),
            unprotected: LogSum::new("entries not protected, since memory's share for them is full"),
            lease: CallHealth::new([
                "times that the lease began to fail",
                "times that the lease worked again",
            ]),
            too_large: LogSum::new("loaded values too large to be stored"),
            message_gaps: LogSum::new("messages of other nodes that were missed"),
            bypassed: LogSum::new("calls past the cache"),
            not_ended: LogSum::new("invalidations of functions that failed"),
        }
    }
}

impl LogSums {
    /// Logs what was counted and has had no line since.
    pub(crate) fn settle(&self, now: Timestamp) {
        self.all().into_iter().filter_map(|sum| sum.settle(now)).for_each(|summary| log(None, summary));
    }

    /// Logs the rest at the end of the cache.
    pub(crate) fn finish(&self, now: Timestamp) {
        self.all().into_iter().filter_map(|sum| sum.finish(now)).for_each(|summary| log(None, summary));
    }

    fn all(&self) -> [&LogSum; 11] {
        [
            &self.failed_loads,
            &self.stale_served,
            &self.shared_pauses,
            &self.forgotten_stamps,
            &self.unprotected,
            &self.lease.failures,
            &self.lease.recoveries,
            &self.too_large,
            &self.message_gaps,
            &self.bypassed,
            &self.not_ended,
        ]
    }
}

/// Logs a summary of lines that were left out, of a tier or bus of this name if it is one's.
pub(crate) fn log(of: Option<&str>, summary: LogSummary) {
    if summary.is_over() {
        tracing::info!(of, "{summary}");
    } else {
        tracing::warn!(of, "{summary}");
    }
}
