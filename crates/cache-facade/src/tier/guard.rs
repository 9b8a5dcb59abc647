//! A tier held at arm's length: a breaker around a retry around a timeout.

use std::{
    future::Future,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use cache_core::{Breaker, Clock, Entry, Error, ErrorKind, Key, Result, Target, Tier, Tombstone};
use futures_util::future::{Either, select};

use crate::timer;

/// How far a tier is trusted.
#[derive(Clone, Debug)]
pub struct GuardSettings {
    /// How long one attempt may take. Default: 1 s.
    pub timeout: Duration,
    /// How many more attempts follow a failed one that is worth it. Default: 1.
    pub retries: u32,
    /// After how many failures in a row the tier is left alone. Default: 5.
    pub failures: u32,
    /// For how long; then one call at a time tries whether it is back. Default: 5 s.
    pub pause: Duration,
    /// The clock to live by. Default: the system's.
    pub clock: Clock,
}

impl Default for GuardSettings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(1),
            retries: 1,
            failures: 5,
            pause: Duration::from_secs(5),
            clock: Clock::system(),
        }
    }
}

/// A tier behind a breaker, retries and a timeout, in this order from the outside.
///
/// Every call of a [`Tier`] may be repeated, since the later born wins: so all are.
#[derive(Debug)]
pub struct Guard<T> {
    inner: T,
    settings: GuardSettings,
    breaker: Mutex<Breaker>,
}

impl<T: Tier> Guard<T> {
    /// Guards `inner`.
    #[must_use]
    pub fn new(inner: T, settings: GuardSettings) -> Self {
        let breaker = Mutex::new(Breaker::new(settings.failures, settings.pause));
        Self { inner, settings, breaker }
    }

    /// Whether calls are being held off.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.breaker().is_open()
    }

    async fn call<R, F: Future<Output = Result<R>> + Send>(
        &self,
        attempt: impl Fn() -> F + Send,
    ) -> Result<R> {
        self.admit()?;
        let mut outcome = self.timed(attempt()).await;
        for _ in 0..self.settings.retries {
            match &outcome {
                Err(error) if error.is_retryable() => outcome = self.timed(attempt()).await,
                _ => break,
            }
        }
        self.note(outcome.as_ref().err());
        outcome
    }

    async fn timed<R>(&self, attempt: impl Future<Output = Result<R>> + Send) -> Result<R> {
        let attempt = std::pin::pin!(attempt);
        let limit = std::pin::pin!(timer::sleep(&self.settings.clock, self.settings.timeout));
        match select(attempt, limit).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(_) => {
                let message =
                    format!("{} did not answer within {:?}", self.inner.name(), self.settings.timeout);
                Err(Error::new(ErrorKind::Timeout, "tier", message))
            }
        }
    }

    fn admit(&self) -> Result<()> {
        self.breaker().admit(self.settings.clock.now()).map_err(|_| {
            let message = format!("{} is left alone after repeated failures", self.inner.name());
            Error::new(ErrorKind::Unavailable, "tier", message)
        })
    }

    /// A refused value says nothing about the tier: only what may pass counts as a failure.
    fn note(&self, error: Option<&Error>) {
        self.breaker().record(!error.is_some_and(Error::is_retryable), self.settings.clock.now());
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<T: Tier> Tier for Guard<T> {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Entry>>> {
        self.call(|| self.inner.get(keys)).await
    }

    async fn put(&self, entries: &[(Key, Entry)]) -> Result<()> {
        self.call(|| self.inner.put(entries)).await
    }

    async fn remove(&self, target: Target<'_>, tombstone: Tombstone) -> Result<u64> {
        self.call(|| self.inner.remove(target, tombstone)).await
    }

    async fn flush(&self) -> Result<()> {
        self.call(|| self.inner.flush()).await
    }
}
