//! The usage and health of a provider, in numbers.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use cache_core::{Timestamp, sync::Mutex};

use crate::{Answer, DataType, ProviderError};

/// The usage of a provider since its registry was built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProviderUsage {
    /// Calls made, including those that failed.
    pub calls: u64,
    /// Keys asked for in those calls.
    pub keys: u64,
    /// Keys answered with a value.
    pub answered: u64,
    /// Keys that it doesn't know.
    pub unknown: u64,
    /// Keys that failed alone, in calls that succeeded.
    pub failed_keys: u64,
    /// Calls that failed.
    pub failures: u64,
    /// Calls not made: because of a used-up quota, a requested pause, or an open breaker.
    pub refused: u64,
    /// Calls that were retries.
    pub retries: u64,
}

impl ProviderUsage {
    /// Returns the mean number of keys a call; 0 without any call.
    #[must_use]
    pub fn keys_per_call(&self) -> f64 {
        if self.calls == 0 { 0.0 } else { self.keys as f64 / self.calls as f64 }
    }
}

/// How a quota of a provider stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaReport {
    /// How many calls may be made within the span.
    pub limit: u32,
    /// The span: a second, a minute or a day that ends now.
    pub span: Duration,
    /// How many calls may be made now.
    pub left: u32,
    /// How long it takes until no call may be made, if as many are made as in the last hour, or within the span if
    /// that is shorter; `None` if it lasts. Zero if it is used up.
    pub runs_out_in: Option<Duration>,
}

/// Who counts the calls of a quota for all nodes, and what this node knows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaCounter {
    /// The name of the store that counts, such as `redis`.
    pub store: &'static str,
    /// Whether other nodes count there too.
    pub is_shared: bool,
    /// How many nodes were seen there lately, this one included.
    pub nodes: usize,
    /// How many calls this node may make within each span while the store can't be reached.
    pub share: Vec<(u32, Duration)>,
    /// Since when the store can't be reached, and why; `None` if it can.
    pub unreachable: Option<(Timestamp, String)>,
}

/// A provider as its registry sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct ProviderReport {
    /// Its name.
    pub name: String,
    /// Its priority: the lower goes first.
    pub priority: i32,
    /// Why it is not asked at present, other than for its quota: its breaker is open, or it asked for a pause.
    pub unhealthy_reason: Option<String>,
    /// Until when it is not asked because it asked for no calls, by `Retry-After` or otherwise; bounded by
    /// [`ProviderSettings::retry_after_max_ms`](crate::ProviderSettings::retry_after_max_ms).
    pub silent_until: Option<Timestamp>,
    /// How many calls its quotas of a minute and a day leave now; `None` without one.
    pub calls_left: Option<usize>,
    /// How many quotes, fields of quotes and bars were refused because they can't be true.
    pub implausible: u64,
    /// Its usage.
    pub usage: ProviderUsage,
    /// Its quotas, the shortest first.
    pub quotas: Vec<QuotaReport>,
    /// Who counts their calls; `None` if this process does by itself, and forgets them at its end.
    pub counter: Option<QuotaCounter>,
    /// How many of its calls were for which data: their sum is [`ProviderUsage::calls`].
    pub calls_by_data: Vec<(DataType, u64)>,
    /// Its last error, and when that happened.
    pub last_error: Option<(Timestamp, ProviderError)>,
}

impl ProviderReport {
    /// Returns whether it can be asked, quotas apart.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.unhealthy_reason.is_none()
    }
}

macro_rules! usage_counters {
    ($($field:ident),+) => {
        /// The counts of one provider.
        #[derive(Debug, Default)]
        pub(super) struct UsageCounters {
            $($field: AtomicU64,)+
            calls_by_data: [AtomicU64; DataType::ALL.len()],
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
    pub(super) fn went_out(&self, data: DataType, keys: usize, again: bool) {
        add(&self.calls, 1);
        add(&self.calls_by_data[data as usize], 1);
        add(&self.keys, keys as u64);
        add(&self.retries, u64::from(again));
    }

    pub(super) fn calls_by_data(&self) -> Vec<(DataType, u64)> {
        let calls = self.calls_by_data.iter().map(|calls| calls.load(Ordering::Relaxed));
        DataType::ALL.iter().copied().zip(calls).filter(|(_, calls)| *calls > 0).collect()
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
