//! A tier whose puts are delayed, and whose compare of births can be switched off.

use std::time::Duration;

use async_trait::async_trait;
use cache_core::{
    Clock, Entry, Key, ListCursor, ListPage, Pattern, PutOutcome, RemovalStep, Result, Target, Tier,
    Tombstone,
};
use tokio::time::sleep;

/// A wrapper that delays puts at random, so that later ones may overtake them.
#[derive(Debug)]
pub(crate) struct SlowTier<T> {
    pub(crate) inner: T,
    /// The longest delay.
    pub(crate) longest: Duration,
    /// Whether the tier compares births. If not, every put is given a new birth when it arrives and so
    /// replaces whatever is there, a tombstone or a newer value included.
    pub(crate) compares: bool,
    pub(crate) clock: Clock,
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<T: Tier> Tier for SlowTier<T> {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Entry>>> {
        self.inner.get(keys).await
    }

    async fn put(&self, entries: &[(Key, Entry)]) -> Result<Vec<PutOutcome>> {
        if !self.longest.is_zero() {
            sleep(self.longest.mul_f64(fastrand::f64())).await;
        }
        if self.compares {
            return self.inner.put(entries).await;
        }
        let mut forged = entries.to_vec();
        forged.iter_mut().for_each(|(_, entry)| entry.meta.born = self.clock.tick());
        self.inner.put(&forged).await
    }

    async fn remove(&self, target: Target<'_>, tombstone: Tombstone) -> Result<u64> {
        self.inner.remove(target, tombstone).await
    }

    async fn flush(&self) -> Result<()> {
        self.inner.flush().await
    }

    async fn list(
        &self,
        pattern: &Pattern,
        after: Option<&ListCursor>,
        limit: usize,
    ) -> Result<Option<ListPage>> {
        self.inner.list(pattern, after, limit).await
    }

    async fn remove_step(
        &self,
        pattern: &Pattern,
        tombstone: Tombstone,
        after: Option<&ListCursor>,
        limit: usize,
    ) -> Result<Option<RemovalStep>> {
        self.inner.remove_step(pattern, tombstone, after, limit).await
    }

    fn corrupt(&self) -> u64 {
        self.inner.corrupt()
    }

    fn needs_guard(&self) -> bool {
        self.inner.needs_guard()
    }

    fn clock(&self) -> Option<&Clock> {
        self.inner.clock()
    }
}
