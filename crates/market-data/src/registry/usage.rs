//! What was asked of a provider, in numbers, and how it is.

use std::sync::atomic::{AtomicU64, Ordering};

use cache_core::{Timestamp, sync::Mutex};

use crate::{Answer, ProviderError};

/// What was asked of a provider since its registry was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProviderUsage {
    /// Calls that went out, those that failed included.
    pub calls: u64,
    /// Keys those calls asked for.
    pub keys: u64,
    /// Keys that were answered with a value. Fewer than [`ProviderUsage::keys`] less those of failed calls
    /// means that some were unknown, or failed alone.
    pub answered: u64,
    /// Keys of which it said that there are none, or said nothing.
    pub unknown: u64,
    /// Keys that failed alone, in calls that did not.
    pub failed_keys: u64,
    /// Calls that went out and failed.
    pub failures: u64,
    /// Calls that were held back: for a quota that was used up, a pause that was asked for, or failures.
    pub refused: u64,
    /// Calls that went out because one before them had failed.
    pub retries: u64,
}

impl ProviderUsage {
    /// Returns how many keys a call asked for in the mean; 0 without any call.
    #[must_use]
    pub fn keys_per_call(&self) -> f64 {
        if self.calls == 0 { 0.0 } else { self.keys as f64 / self.calls as f64 }
    }
}

/// A provider as its registry sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct ProviderReport {
    /// Its name.
    pub name: String,
    /// Its priority: the lower goes first.
    pub priority: i32,
    /// Why it is not asked at present, if it is not for its quota: it failed too often, or wants no calls.
    pub unhealthy: Option<String>,
    /// What was asked of it.
    pub usage: ProviderUsage,
    /// What went wrong last, and when.
    pub last_error: Option<(Timestamp, ProviderError)>,
}

impl ProviderReport {
    /// Returns whether it is asked when its turn comes.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.unhealthy.is_none()
    }
}

macro_rules! usage_counters {
    ($($field:ident),+) => {
        /// The counts of one provider.
        #[derive(Debug, Default)]
        pub(super) struct UsageCounters {
            $($field: AtomicU64,)+
            last_error: Mutex<Option<(Timestamp, ProviderError)>>,
        }

        impl UsageCounters {
            pub(super) fn usage(&self) -> ProviderUsage {
                ProviderUsage { $($field: self.$field.load(Ordering::Relaxed),)+ }
            }
        }
    };
}

usage_counters!(calls, keys, answered, unknown, failed_keys, failures, refused, retries);

impl UsageCounters {
    pub(super) fn went_out(&self, keys: usize, again: bool) {
        add(&self.calls, 1);
        add(&self.keys, keys as u64);
        add(&self.retries, u64::from(again));
    }

    pub(super) fn held_back(&self) {
        add(&self.refused, 1);
    }

    pub(super) fn failed(&self, error: &ProviderError, now: Timestamp) {
        add(&self.failures, 1);
        self.note(error, now);
    }

    pub(super) fn answered<V>(&self, answers: &[Answer<V>], now: Timestamp) {
        for answer in answers {
            match answer {
                Answer::Value(_) => add(&self.answered, 1),
                Answer::Unknown => add(&self.unknown, 1),
                Answer::Failed(error) => {
                    add(&self.failed_keys, 1);
                    self.note(error, now);
                }
            }
        }
    }

    pub(super) fn last_error(&self) -> Option<(Timestamp, ProviderError)> {
        self.last_error.lock().clone()
    }

    fn note(&self, error: &ProviderError, now: Timestamp) {
        *self.last_error.lock() = Some((now, error.clone()));
    }
}

fn add(count: &AtomicU64, by: u64) {
    count.fetch_add(by, Ordering::Relaxed);
}
