//! A cache in this process.

use std::time::Duration;

use anyhow::{Context, Result};
use cache_facade::{Cache, Fetched, Region};

use super::{Found, Life};
use crate::workload::quote::Quote;

/// A region of quotes, and the tiers that its reads pass over.
#[derive(Clone, Debug)]
pub(crate) struct EmbeddedCache {
    cache: Cache,
    quotes: Region<Quote>,
}

impl EmbeddedCache {
    /// Opens a region of quotes.
    pub(crate) fn open(cache: Cache) -> Result<Self> {
        let quotes = cache.region::<Quote>("quote").ttl("1h").open().context("no region of quotes")?;
        Ok(Self { cache, quotes })
    }

    /// Returns the names of the tiers behind memory.
    pub(crate) fn tiers(&self) -> Vec<&'static str> {
        self.cache.stats().tiers.iter().map(|tier| tier.name).collect()
    }

    /// Returns the same cache, read through memory's and other tiers' backs: this tier answers.
    pub(crate) fn answered_by(&self, tier: &'static str) -> Self {
        let before = self.tiers().into_iter().take_while(|name| *name != tier);
        let quotes = before.fold(self.quotes.with(|policy| policy.skip("memory")), |quotes, name| {
            quotes.with(|policy| policy.skip(name))
        });
        Self { cache: self.cache.clone(), quotes }
    }

    pub(super) async fn get(&self, id: u64) -> Result<Found> {
        let found = self.quotes.lookup(&id).await?;
        Ok(Found { quote: found.value, by: found.source.as_str().into() })
    }

    pub(super) async fn get_many(&self, ids: &[u64]) -> Result<Vec<Found>> {
        let found = self.quotes.lookup_many(ids).await.into_iter();
        let told = found.map(|found| {
            let found = found?;
            Ok(Found { quote: found.value, by: found.source.as_str().into() })
        });
        told.collect()
    }

    pub(super) async fn put(&self, quotes: Vec<Quote>, life: Life) -> Result<()> {
        let life = Duration::from_secs(life.seconds());
        let pairs: Vec<_> =
            quotes.into_iter().map(|quote| (quote.id(), Fetched::new(quote).ttl(life))).collect();
        match <[_; 1]>::try_from(pairs) {
            Ok([(id, quote)]) => self.quotes.put(&id, quote).await?,
            Err(many) => self.quotes.put_many(many).await?,
        }
        Ok(())
    }

    /// Returns how many calls of tiers failed so far, and how many writes they refused or lost: to callers
    /// these are no errors, and to a load test they are.
    pub(crate) fn tier_faults(&self) -> TierFaults {
        faults_of_tiers(&self.cache)
    }

    /// Waits for the writes under way, and closes the tiers.
    pub(crate) async fn close(self) {
        // What is under way ends with the servers at the latest.
        let _ = self.cache.shutdown(Duration::from_secs(5)).await;
    }
}

/// Calls of tiers that failed, and writes that they refused or lost.
#[derive(Clone, Debug, Default)]
pub(crate) struct TierFaults {
    pub(crate) count: u64,
    /// The last error of a tier that fails now.
    pub(crate) last: Option<String>,
}

impl TierFaults {
    /// Returns those that came after `before`.
    pub(crate) fn since(self, before: &Self) -> Self {
        Self { count: self.count - before.count, ..self }
    }

    /// Returns both.
    pub(crate) fn and(self, other: Self) -> Self {
        Self { count: self.count + other.count, last: self.last.or(other.last) }
    }

    /// Says how many there were, if there were any.
    pub(crate) fn told(&self) -> Option<String> {
        let last = self.last.as_ref().map_or_else(String::new, |last| format!(", the last: {last}"));
        let what = "calls of tiers failed, or values were refused or lost";
        (self.count > 0).then(|| format!("{} times {what}{last}", self.count))
    }
}

/// Returns what of a cache's tiers failed so far.
pub(crate) fn faults_of_tiers(cache: &Cache) -> TierFaults {
    let tiers = cache.stats().tiers;
    let count = tiers.iter().map(|tier| tier.errors + tier.corrupt + tier.refused + tier.lost).sum();
    let failing = cache.health().tiers.into_iter().find_map(|tier| Some((tier.name, tier.error?)));
    TierFaults { count, last: failing.map(|(name, error)| format!("{name}: {error}")) }
}
