//! The way to the upstream: its rate limit, its latency, its faults, and the count of it all.

use std::{
    fmt,
    num::NonZeroU32,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use cache_core::{Clock, Timestamp};
use governor::{
    Quota, RateLimiter,
    clock::Clock as _,
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed},
};

use super::{Faults, Usage};
use crate::{DataType, Fault, ProviderError, monotonic_clock::Steady};

pub(super) struct Upstream {
    time: Steady,
    latency: Duration,
    rate: NonZeroU32,
    limiter: RateLimiter<NotKeyed, InMemoryState, Pace, NoOpMiddleware<Duration>>,
    patience: Duration,
    faults: Faults,
    calls: AtomicU64,
    keys: AtomicU64,
    failures: AtomicU64,
    refused: AtomicU64,
}

impl Upstream {
    pub(super) fn new(
        clock: Clock,
        latency: Duration,
        rate: NonZeroU32,
        patience: Duration,
        faults: Faults,
    ) -> Self {
        let time = Steady::new(clock);
        Self {
            limiter: RateLimiter::direct_with_clock(Quota::per_second(rate), Pace(time.clone())),
            time,
            latency,
            rate,
            patience,
            faults,
            calls: AtomicU64::new(0),
            keys: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    pub(super) fn faults(&self) -> &Faults {
        &self.faults
    }

    pub(super) fn usage(&self) -> Usage {
        Usage {
            calls: self.calls.load(Ordering::Relaxed),
            keys: self.keys.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
        }
    }

    /// Goes there and back.
    ///
    /// # Errors
    ///
    /// `Throttled` if the rate limit left no turn in time; `Broken` if the upstream failed.
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
        Err(ProviderError::new(Fault::Broken, message))
    }

    /// Waits for a turn under the rate limit, as a client that knows its quota does.
    async fn turn(&self) -> Result<(), ProviderError> {
        let began = self.time.now();
        while let Err(not_yet) = self.limiter.check() {
            let wait = not_yet.wait_time_from(Pace(self.time.clone()).now());
            if self.time.now().since(began) + wait > self.patience {
                self.refused.fetch_add(1, Ordering::Relaxed);
                let message = format!(
                    "replay lets {} calls a second through and has no turn left within {} ms: try again later",
                    self.rate,
                    self.patience.as_millis()
                );
                return Err(ProviderError::new(Fault::Throttled { retry_after: None }, message));
            }
            self.time.sleep(wait).await;
        }
        Ok(())
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream")
            .field("latency", &self.latency)
            .field("calls_per_second", &self.rate)
            .field("faults", &self.faults)
            .field("usage", &self.usage())
            .finish_non_exhaustive()
    }
}

/// The limiter's view of time.
#[derive(Clone)]
struct Pace(Steady);

impl governor::clock::Clock for Pace {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.now().since(Timestamp::from_micros(0))
    }
}
