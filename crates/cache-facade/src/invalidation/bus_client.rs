//! This node on the bus: whether it is connected, and what went over it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use cache_core::{
    Backoff, Bus, Clock, Error, ErrorKind, Event, Listener, LogSum, LogSummary, Result, Timestamp,
    sync::Mutex,
};
use futures_util::future::{Either, select};
use serde::{Deserialize, Serialize};

use super::{echo::Echo, publisher::Outbox};
use crate::{
    engine::{log_sums, observers::Observers},
    panics,
    stats::BusStats,
    timer,
};

/// How long a call of the bus may take.
pub(super) const CALL_LIMIT: Duration = Duration::from_secs(2);

/// The shortest and the longest limit of a pause between two attempts on a bus that fails.
const FIRST_PAUSE: Duration = Duration::from_millis(400);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What memory does while this node receives nothing from the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnBusLoss {
    /// Memory goes on serving: what other nodes end meanwhile may be served until its life is over.
    #[default]
    ServeMemory,
    /// Memory serves nothing: every read asks the tiers.
    AskTiers,
}

/// This node's connection to those that share its tiers.
#[derive(Debug)]
pub(crate) struct BusClient {
    pub(super) bus: Arc<dyn Bus>,
    /// This node's number, a new one at each start.
    pub(super) node: u128,
    pub(super) namespace: String,
    pub(super) clock: Clock,
    pub(super) outbox: Outbox,
    observers: Observers,
    /// Whether this node receives what the others publish.
    subscribed: AtomicBool,
    /// What of this node's own messages came back.
    pub(super) echo: Echo,
    /// Why the bus last failed.
    error: Mutex<Option<Error>>,
    sent: AtomicU64,
    received: AtomicU64,
    unproven: AtomicU64,
    errors: AtomicU64,
    failures: LogSum,
    recoveries: LogSum,
}

impl BusClient {
    pub(crate) fn new(
        bus: Arc<dyn Bus>,
        namespace: Option<&str>,
        clock: Clock,
        observers: Observers,
    ) -> Self {
        Self {
            bus,
            node: fastrand::u128(..),
            namespace: namespace.unwrap_or_default().to_owned(),
            clock,
            outbox: Outbox::default(),
            observers,
            subscribed: AtomicBool::new(false),
            echo: Echo::default(),
            error: Mutex::new(None),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            unproven: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            failures: LogSum::new("failures of the bus"),
            recoveries: LogSum::new("recoveries of the bus"),
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.bus.name()
    }

    /// Opens a connection to receive on.
    pub(crate) async fn listen(&self) -> Result<Box<dyn Listener>> {
        self.limited("listen", async { self.bus.listen().await }).await
    }

    /// Whether this node receives what the others publish.
    pub(crate) fn is_subscribed(&self) -> bool {
        self.subscribed.load(Ordering::Acquire)
    }

    pub(crate) fn set_subscribed(&self, subscribed: bool) {
        self.subscribed.store(subscribed, Ordering::Release);
    }

    /// Ends a call of the bus that takes longer than its limit.
    pub(super) async fn limited<T>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let limit = timer::sleep(&self.clock, CALL_LIMIT);
        let call = panics::caught(self.bus.name(), operation, call);
        match select(std::pin::pin!(call), std::pin::pin!(limit)).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(_) => {
                let message = format!("the bus {} did not answer within {CALL_LIMIT:?}", self.name());
                Err(Error::new(ErrorKind::Timeout, operation, message))
            }
        }
    }

    pub(super) fn note_sent(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
        self.echo.sent(self.clock.now());
    }

    pub(super) fn note_received(&self) {
        self.received.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a failure of the bus, tells the observers, and logs the first and sums.
    pub(super) fn note_failure(&self, error: &Error) {
        self.errors.fetch_add(1, Ordering::Relaxed);
        *self.error.lock() = Some(error.clone());
        if let Some(times) = self.failures.count(self.clock.now()) {
            tracing::error!(bus = self.name(), %error, times, "the bus failed: retrying until it works");
        }
        self.observers.tell(&Event::BusFailed { bus: self.name(), error });
    }

    /// Logs that the bus takes messages again, unless it did so just now.
    pub(super) fn note_recovery(&self) {
        if let Some(times) = self.recoveries.count(self.clock.now()) {
            tracing::info!(
                bus = self.name(),
                times,
                "the bus takes messages again: other nodes receive changes"
            );
        }
    }

    /// Logs how often the bus failed since its last line.
    pub(crate) fn settle_log_sums(&self, now: Timestamp) {
        self.log_summaries(|sum| sum.settle(now));
    }

    /// Logs the rest at the end of the cache.
    pub(crate) fn finish_log_sums(&self, now: Timestamp) {
        self.log_summaries(|sum| sum.finish(now));
    }

    fn log_summaries(&self, summary: impl Fn(&LogSum) -> Option<LogSummary>) {
        let sums = [&self.failures, &self.recoveries].into_iter();
        sums.filter_map(summary).for_each(|summary| log_sums::log(Some(self.name()), summary));
    }

    /// Counts that memory was marked unproven, and tells the observers.
    pub(super) fn note_unproven(&self) {
        self.unproven.fetch_add(1, Ordering::Relaxed);
        self.observers.tell(&Event::Unproven { bus: self.name() });
    }

    pub(crate) fn stats(&self) -> BusStats {
        let connected = self.subscribed.load(Ordering::Relaxed) && !self.outbox.is_failing();
        let mut error = self.error.lock();
        if connected {
            *error = None;
        }
        BusStats {
            name: self.name(),
            sent: self.sent.load(Ordering::Relaxed),
            received: self.received.load(Ordering::Relaxed),
            unproven: self.unproven.load(Ordering::Relaxed),
            errors: self.errors.load(Ordering::Relaxed),
            connected,
            error: error.clone(),
        }
    }
}

/// Returns the pauses between attempts on a bus that fails.
pub(super) fn backoff() -> Backoff {
    Backoff::new(FIRST_PAUSE..=LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_38_pauses_of_many_nodes_are_spread() {
        let mut firsts: Vec<u128> = (0..100).map(|_| backoff().pause().as_micros()).collect();
        firsts.sort_unstable();
        let widest = firsts.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
        assert!(firsts[0] < 40_000 && firsts[99] > 360_000 && widest < 60_000, "{firsts:?}");
        let mut one = backoff();
        let later: Vec<Duration> = (0..20).map(|_| one.pause()).collect();
        assert!(later.iter().all(|pause| *pause <= LONGEST_PAUSE));
    }
}
