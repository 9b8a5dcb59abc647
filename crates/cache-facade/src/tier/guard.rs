//! A tier that may hang, made safe to call: a breaker around retries around a timeout.

use std::{future::Future, time::Duration};

use async_trait::async_trait;
use cache_core::{
    Breaker, Clock, Entry, Error, ErrorKind, Key, ListCursor, ListPage, Pattern, PutOutcome, RemovalStep,
    Result, Target, Tier, TierExt, Tombstone, sync::Mutex,
};
use futures_util::future::{Either, select};

use crate::timer;

/// How many entries a step of a removal by pattern examines.
const ENTRIES_PER_STEP: usize = 2048;

/// How long a guarded tier may take, how often it is retried, and when it is no longer called.
#[derive(Clone, Debug)]
pub struct GuardSettings {
    /// How long one attempt may take. Default: 1 s.
    pub timeout: Duration,
    /// How many more attempts follow one that failed with a retryable error. Default: 1.
    pub retries: u32,
    /// How many failures in a row open the breaker, so that the tier is no longer called. Default: 5.
    pub failures: u32,
    /// How long the breaker stays open; after that one call at a time probes the tier. Default: 5 s.
    pub pause: Duration,
    /// The clock for all of these. Default: the system's.
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
/// A removal by pattern is a call for each of its steps, of a tier that knows steps, so it may take as long as it
/// must.
///
/// Every call of a [`Tier`] may be repeated, since the later born wins, so all of them are. A cache puts each
/// tier that [needs one](Tier::needs_guard) and has none in a guard with the default settings, on the cache's
/// clock.
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

    /// Whether the breaker is open: calls fail at once.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.breaker.lock().is_open()
    }

    async fn call<R, F: Future<Output = Result<R>> + Send>(
        &self,
        attempt: impl Fn() -> F + Send,
    ) -> Result<R> {
        self.call_counted(attempt).await.map(|(answer, _)| answer)
    }

    /// Returns the answer, and how many attempts failed before.
    async fn call_counted<R, F: Future<Output = Result<R>> + Send>(
        &self,
        attempt: impl Fn() -> F + Send,
    ) -> Result<(R, u32)> {
        self.admit()?;
        let (mut outcome, mut failed) = (self.timed(attempt()).await, 0);
        for _ in 0..self.settings.retries {
            match &outcome {
                Err(error) if error.is_retryable() => outcome = self.timed(attempt()).await,
                _ => break,
            }
            failed += 1;
        }
        self.note(outcome.as_ref().err());
        outcome.map(|answer| (answer, failed))
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
        self.breaker.lock().admit(self.settings.clock.now()).map_err(|_| {
            let message =
                format!("{} is not called after repeated failures: its breaker is open", self.inner.name());
            Error::new(ErrorKind::Unavailable, "tier", message)
        })
    }

    /// A value that is refused says nothing about the tier: only retryable errors count as failures.
    fn note(&self, error: Option<&Error>) {
        self.breaker.lock().record(!error.is_some_and(Error::is_retryable), self.settings.clock.now());
    }
}

/// Returns the step without its count if an attempt before it failed, since that may have removed some.
fn counted(step: RemovalStep, failed: u32) -> RemovalStep {
    if failed > 0 { step.uncounted() } else { step }
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

    async fn put(&self, entries: &[(Key, Entry)]) -> Result<Vec<PutOutcome>> {
        self.call(|| self.inner.put(entries)).await
    }

    async fn remove(&self, target: Target<'_>, tombstone: Tombstone) -> Result<u64> {
        let Target::Matching(pattern) = target else {
            return self.call(|| self.inner.remove(target, tombstone)).await;
        };
        // However long it takes, each of its steps is bounded; of a tier that knows no steps the first is all.
        RemovalStep::all(|after| async move {
            let attempt =
                || self.inner.remove_step_or_all(pattern, tombstone, after.as_ref(), ENTRIES_PER_STEP);
            let (step, failed) = self.call_counted(attempt).await?;
            Ok(counted(step, failed))
        })
        .await
    }

    async fn flush(&self) -> Result<()> {
        self.call(|| self.inner.flush()).await
    }

    async fn list(
        &self,
        pattern: &Pattern,
        after: Option<&ListCursor>,
        limit: usize,
    ) -> Result<Option<ListPage>> {
        self.call(|| self.inner.list(pattern, after, limit)).await
    }

    async fn remove_step(
        &self,
        pattern: &Pattern,
        tombstone: Tombstone,
        after: Option<&ListCursor>,
        limit: usize,
    ) -> Result<Option<RemovalStep>> {
        let attempt = || self.inner.remove_step(pattern, tombstone, after, limit);
        let (step, failed) = self.call_counted(attempt).await?;
        Ok(step.map(|step| counted(step, failed)))
    }

    fn corrupt(&self) -> u64 {
        self.inner.corrupt()
    }

    fn needs_guard(&self) -> bool {
        false
    }

    fn clock(&self) -> Option<&Clock> {
        self.inner.clock()
    }
}
