//! Simulates an upstream: rate limit, latency, faults, and counts of calls.

use std::{
    fmt,
    num::NonZeroU32,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use cache_core::{Clock, Timestamp, sync::Mutex};

use super::{FaultInjector, ReplayUsage};
use crate::{DataType, ProviderError, ProviderErrorKind, monotonic_clock::MonotonicClock, registry::Window};

pub(super) struct SimulatedUpstream {
    time: MonotonicClock,
    latency: Duration,
    rate: NonZeroU32,
    calls_made: Mutex<Window>,
    max_wait: Duration,
    faults: FaultInjector,
    calls: AtomicU64,
    keys: AtomicU64,
    failures: AtomicU64,
    refused: AtomicU64,
}

impl SimulatedUpstream {
    pub(super) fn new(
        clock: Clock,
        latency: Duration,
        rate: NonZeroU32,
        max_wait: Duration,
        faults: FaultInjector,
    ) -> Self {
        let time = MonotonicClock::new(clock);
        Self {
            calls_made: Mutex::new(Window::new(rate.get(), Duration::from_secs(1))),
            time,
            latency,
            rate,
            max_wait,
            faults,
            calls: AtomicU64::new(0),
            keys: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    pub(super) fn faults(&self) -> &FaultInjector {
        &self.faults
    }

    pub(super) fn usage(&self) -> ReplayUsage {
        ReplayUsage {
            calls: self.calls.load(Ordering::Relaxed),
            keys: self.keys.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
        }
    }

    /// Makes one call.
    ///
    /// # Errors
    ///
    /// `Throttled` if the rate limit would hold the call longer than it waits; `Broken` for an injected failure.
    pub(super) async fn call(&self, data: DataType, keys: usize) -> Result<(), ProviderError> {
        self.turn().await?;
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.keys.fetch_add(keys as u64, Ordering::Relaxed);
        self.time.sleep(self.latency).await;
        if !self.faults.strike().await {
            return Ok(());
        }
        self.failures.fetch_add(1, Ordering::Relaxed);
        let message = format!("replay failed a call for {keys} {data} keys, as it was told to");
        Err(ProviderError::new(ProviderErrorKind::Broken, message))
    }

    /// Counts a call; or returns from when on one may be made.
    fn take_turn(&self) -> Result<(), Timestamp> {
        let (mut window, now) = (self.calls_made.lock(), self.time.now());
        window.ready(now)?;
        window.take(now);
        Ok(())
    }

    /// Waits until the rate limit allows a call.
    async fn turn(&self) -> Result<(), ProviderError> {
        let began = self.time.now();
        while let Err(next) = self.take_turn() {
            if next.since(began) > self.max_wait {
                self.refused.fetch_add(1, Ordering::Relaxed);
                let message = format!(
                    "replay lets {} calls a second through and allows none within {} ms: try again later",
                    self.rate,
                    self.max_wait.as_millis()
                );
                return Err(ProviderError::new(ProviderErrorKind::Throttled { retry_after: None }, message));
            }
            self.time.sleep(next.since(self.time.now())).await;
        }
        Ok(())
    }
}

impl fmt::Debug for SimulatedUpstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedUpstream")
            .field("latency", &self.latency)
            .field("calls_per_second", &self.rate)
            .field("faults", &self.faults)
            .field("usage", &self.usage())
            .finish_non_exhaustive()
    }
}
