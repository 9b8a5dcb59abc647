//! The cache as a whole: opens regions, invalidates across them, tells how it is.

use std::{any::TypeId, sync::Arc, time::Duration};

use cache_core::{Clock, Error, ErrorKind, Key, Lives, Meta, Pattern, Result, Tag, Target, Timestamp};
use cache_memory::HotKey;

use crate::{
    builder::CacheBuilder,
    engine::{Engine, counters::Count},
    inspect::removed::Removed,
    policy::Policy,
    region::{Cacheable, Region},
    region_builder::RegionBuilder,
    region_core::RegionCore,
    settings::value_codec::{Storable, ValueCodec},
    stats::{Health, Stats},
    tier::handle::TierHandle,
};

/// By how many microseconds this machine's clock may differ from the shared server's before health says so.
const NOTABLE_SKEW_MICROS: u64 = 1_000_000;

/// A tiered cache. Clones are handles to the same one.
///
/// ```
/// use cache_facade::{Cache, Fetched};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cache_facade::Result<()> {
/// let cache = Cache::builder().namespace("md").build().await?;
/// let names = cache.region::<String>("name").ttl("1h").open()?;
///
/// names.put("AAPL", Fetched::new("Apple Inc.".to_owned()).tag("apple")).await?;
/// cache.invalidate("apple").await?;
/// assert_eq!(names.get("AAPL").await?, None);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Cache {
    pub(crate) engine: Arc<Engine>,
}

impl Cache {
    /// Returns the default settings, to be changed and built.
    #[must_use]
    pub fn builder() -> CacheBuilder {
        CacheBuilder::default()
    }

    /// Begins to open the region of the values of one kind.
    #[must_use]
    pub fn region<V: Storable>(&self, kind: &str) -> RegionBuilder<V> {
        RegionBuilder::new(Arc::clone(&self.engine), kind, Some(ValueCodec::new()))
    }

    /// Begins to open the region of values that memory alone holds, of any type that threads may share: serde need
    /// not know it. Every node loads them for itself; a put or removal on one ends what the others hold. A value
    /// weighs what [`RegionBuilder::cost`] says, and without that the size of its type, whatever that points to.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_facade::Result<()> {
    /// struct Compiled(Box<dyn Fn(&str) -> bool + Send + Sync>);
    ///
    /// let cache = cache_facade::Cache::builder().build().await?;
    /// let rules = cache.memory_region::<Compiled>("rule").open()?;
    /// let rule = rules.get_or_load("long", || async { Compiled(Box::new(|text| text.len() > 9)) }).await?;
    /// assert!(rule.0("AAPL, MSFT"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn memory_region<V: Cacheable>(&self, kind: &str) -> RegionBuilder<V> {
        RegionBuilder::new(Arc::clone(&self.engine), kind, None)
    }

    /// Returns the region that `open` describes. The first call from a place in the code opens it; later calls
    /// find it in a table. It has no loader: values come by [`Region::get_or_load`]. The attributes open their
    /// regions in this way.
    ///
    /// Places are told apart by the type of `open`, which therefore has to be a closure or function that
    /// captures nothing. The compiler refuses one that does.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_facade::Result<()> {
    /// # let cache = cache_facade::Cache::builder().build().await?;
    /// for _ in 0..2 {
    ///     let prices = cache.region_once(|cache| cache.region::<f64>("price").eager(0.8))?;
    ///     prices.put("AAPL", 190.5).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`RegionBuilder::open`].
    pub fn region_once<V, F>(&self, open: F) -> Result<Region<V>>
    where
        V: Cacheable,
        F: Fn(&Self) -> RegionBuilder<V> + 'static,
    {
        self.region_once_if(open, |_| Ok(()))
    }

    /// As [`Cache::region_once`], if `admit` allows it for the region's kind: it is asked by the first call.
    pub(crate) fn region_once_if<V, F>(
        &self,
        open: F,
        admit: impl FnOnce(&str) -> Result<()>,
    ) -> Result<Region<V>>
    where
        V: Cacheable,
        F: Fn(&Self) -> RegionBuilder<V> + 'static,
    {
        const { assert!(size_of::<F>() == 0, "what opens a region once must capture nothing") };
        type Parts<V> = (Arc<RegionCore<V>>, Arc<Policy<V>>);
        let (call_site, regions) = (TypeId::of::<F>(), self.engine.regions());
        let parts = match regions.opened_by::<Parts<V>>(call_site) {
            Some(parts) => parts,
            None => {
                let Region { core, policy, .. } = open(self).open()?;
                admit(core.prefix.kind())?;
                let parts: Arc<Parts<V>> = Arc::new((core, policy));
                regions.note_opened_by(call_site, Arc::clone(&parts));
                parts
            }
        };
        let (core, policy) = (Arc::clone(&parts.0), Arc::clone(&parts.1));
        Ok(Region { engine: Arc::clone(&self.engine), core, policy, loader: None })
    }

    /// Removes a key of any kind, whatever the type of its values. Otherwise as [`Region::remove`], with what it
    /// returns; of a kind that is not open here, it is not known whether it was cleared by itself.
    ///
    /// # Errors
    ///
    /// `Limit` or `Config` for an invalid kind or id. A tier that fails is an event.
    pub async fn remove(&self, kind: &str, id: &str) -> Result<bool> {
        self.engine.enter_though_closed("remove")?;
        self.engine.remove_key(kind, id).await
    }

    /// Invalidates every entry that carries `tag`, a text or a [`Tag`], in every tier. What is put later with
    /// the tag is not concerned. It writes one stamp, however many entries that ends, and so can't say how many.
    ///
    /// # Errors
    ///
    /// `Limit` for a tag that is empty or too long. A tier that fails is an event, and this process knows that
    /// the tag is invalidated all the same.
    pub async fn invalidate(&self, tag: impl TryInto<Tag, Error: Into<Error>>) -> Result<()> {
        let tag = tag.try_into().map_err(Into::into)?;
        self.engine.enter_though_closed("invalidate")?;
        self.engine.invalidate(&tag).await
    }

    /// As [`Cache::invalidate`], for what was born at `at` or before: several nodes that do so because of the
    /// same moment end nothing that was loaded after it.
    ///
    /// # Errors
    ///
    /// As [`Cache::invalidate`].
    pub async fn invalidate_until(
        &self,
        tag: impl TryInto<Tag, Error: Into<Error>>,
        at: Timestamp,
    ) -> Result<()> {
        let tag = tag.try_into().map_err(Into::into)?;
        self.engine.enter_though_closed("invalidate until")?;
        self.engine.invalidate_until(&tag, at.min(self.engine.clock().tick())).await
    }

    /// Sets a bound on lives, for all regions: no entry of which `bound` tells a moment is fresh past it. It is
    /// asked of whatever is put, loaded or read from a tier, whatever life that was given, so it must be quick.
    /// Only the first one is set; returns whether it was. What memory holds is bounded by
    /// [`Cache::apply_life_bound`].
    pub fn bound_lives(
        &self,
        bound: impl Fn(&Key, &Meta) -> Option<Timestamp> + Send + Sync + 'static,
    ) -> bool {
        self.engine.set_life_bound(bound)
    }

    /// Shortens what memory holds to the bound of [`Cache::bound_lives`], which knows of more than it did before.
    /// Every entry that is `concerned` is asked about. Returns how many lives were shortened.
    pub fn apply_life_bound(&self, concerned: impl Fn(&Key, &Meta) -> bool) -> u64 {
        self.engine.apply_life_bound(concerned)
    }

    /// Removes the keys that match. The pattern, a text or a [`Pattern`], is written without the cache's
    /// namespace: `"price:AAPL*"`. Returns how many values went that were alive, from memory and from each tier.
    ///
    /// A tier removes them step by step. One that takes longer than 10 s, or fails, is named in
    /// [`Removed::under_way`]: it goes on by itself, once, and [`Removed::settled`] waits for it. What it still
    /// holds of them is not served.
    ///
    /// # Errors
    ///
    /// `Config` for a text that is no pattern. A tier that fails is an event.
    pub async fn remove_matching(
        &self,
        pattern: impl TryInto<Pattern, Error: Into<Error>>,
    ) -> Result<Removed> {
        let pattern = pattern.try_into().map_err(Into::into)?;
        self.engine.enter_though_closed("remove matching")?;
        let pattern = self.engine.within(&pattern);
        Ok(self.engine.remove_matching(&pattern).await)
    }

    /// Ends every entry of every kind. Nothing from before is served again, in grace or otherwise. It writes one
    /// stamp, however many entries that ends, and so can't say how many.
    ///
    /// # Errors
    ///
    /// None at present. A tier that fails is an event.
    pub async fn clear(&self) -> Result<()> {
        self.engine.enter_though_closed("clear")?;
        self.engine.clear().await;
        Ok(())
    }

    /// Keeps entries that match from being evicted from memory for space: those held now, and those put later.
    /// They still expire, and can be removed. Each that the share of protected entries has no room for is an
    /// event. The pattern, a text or a [`Pattern`], is written without the cache's namespace.
    ///
    /// # Errors
    ///
    /// `Config` if the near tier keeps no share for protected entries, and for a text that is no pattern.
    pub fn protect(&self, pattern: impl TryInto<Pattern, Error: Into<Error>>) -> Result<()> {
        let pattern = pattern.try_into().map_err(Into::into)?;
        self.engine.protect(Target::Matching(&self.engine.within(&pattern)))
    }

    /// Ends the protection by exactly this pattern.
    ///
    /// # Errors
    ///
    /// `Config` for a text that is no pattern.
    pub fn unprotect(&self, pattern: impl TryInto<Pattern, Error: Into<Error>>) -> Result<()> {
        let pattern = pattern.try_into().map_err(Into::into)?;
        self.engine.memory().unprotect(Target::Matching(&self.engine.within(&pattern)));
        Ok(())
    }

    /// Returns what each [`Class`](crate::Class) of lives comes to now.
    #[must_use]
    pub fn lives(&self) -> Lives {
        *self.engine.lives().read()
    }

    /// Changes what the classes of lives come to, for values that are put or loaded from now on.
    pub fn set_lives(&self, lives: Lives) {
        *self.engine.lives().write() = lives;
    }

    /// Returns the namespace of its keys, if it has one.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.engine.namespace()
    }

    /// Returns whether entries in memory weigh their bytes; else each weighs one.
    #[must_use]
    pub fn weighs_bytes(&self) -> bool {
        self.engine.memory().weighs_bytes()
    }

    /// Returns the keys read most of late, the hottest first: at most `most`, and at most 512.
    #[must_use]
    pub fn hottest(&self, most: usize) -> Vec<HotKey> {
        self.engine.memory().hottest(most)
    }

    /// Returns the kinds whose regions were opened, in order.
    #[must_use]
    pub fn kinds(&self) -> Vec<String> {
        self.engine.regions().kinds()
    }

    /// Returns the cache in numbers.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let engine = &self.engine;
        let total = |count| engine.counters().total(count) + engine.regions().total(count);
        Stats {
            memory: engine.memory().stats(),
            memory_stale: total(Count::MemoryStale),
            tier_hits: total(Count::TierHit),
            tier_stale: total(Count::TierStale),
            coalesced: total(Count::Coalesced),
            loads: total(Count::Load),
            loaded_keys: total(Count::LoadedKey),
            load_failures: total(Count::LoadFailure),
            late_loads: total(Count::LateLoad),
            puts: total(Count::Put),
            codec_failures: total(Count::CodecFailure),
            too_large: total(Count::TooLarge),
            removals: total(Count::Removal),
            observer_panics: engine.observers().panics(),
            flights: engine.regions().flights(),
            regions: engine.regions().stats(),
            tiers: engine.tiers().iter().map(TierHandle::stats).collect(),
            bus: engine.bus().map(|bus| bus.stats()),
        }
    }

    /// Returns whether each tier worked when last asked, and whether the bus works.
    #[must_use]
    pub fn health(&self) -> Health {
        let tiers: Vec<_> = self.engine.tiers().iter().map(TierHandle::health).collect();
        let bus = self.engine.bus().map(|bus| bus.stats());
        let connected = bus.as_ref().is_none_or(|bus| bus.connected);
        let ahead = self.engine.clock().wall_ahead();
        Health {
            healthy: connected && tiers.iter().all(|tier| tier.error.is_none()),
            bus,
            tiers,
            clock_ahead_micros: ahead.filter(|micros| micros.unsigned_abs() > NOTABLE_SKEW_MICROS),
        }
    }

    /// Begins no more loads, waits for those under way and their writes, and flushes the tiers. Reads that memory
    /// can answer go on.
    ///
    /// # Errors
    ///
    /// `Timeout` if that took longer than `limit`; a tier's own error if it could not flush; `Config` outside a
    /// Tokio runtime.
    pub async fn shutdown(&self, limit: Duration) -> Result<()> {
        self.engine.check_runtime("shutdown")?;
        self.engine.shutdown(limit).await
    }

    /// Runs several calls to their end as one, even if the caller is dropped before: for work of which no half may
    /// be left. Each single call of a cache goes on by itself. [`Cache::shutdown`] waits for it, and for what
    /// its own task calls meanwhile; what it spawns by itself is refused then.
    ///
    /// ```
    /// # use cache_facade::{Cache, Region};
    /// # async fn example(cache: Cache, accounts: Region<i64>) -> cache_facade::Result<()> {
    /// let both = accounts.clone();
    /// let moved = cache.run_to_completion(async move {
    ///     both.put("from", -5).await?;
    ///     both.put("to", 5).await
    /// });
    /// moved.await?
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `Unavailable` if the work panicked or its runtime ended, `Config` outside a Tokio runtime, where it is not
    /// begun.
    pub async fn run_to_completion<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T> {
        self.engine.enter_though_closed("run")?;
        self.engine.run_to_completion(work).await.ok_or_else(|| {
            let message = "the work panicked, or its runtime ended: part of it may be done";
            Error::new(ErrorKind::Unavailable, "run", message)
        })
    }

    /// The clock of this cache.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        self.engine.clock()
    }

    /// Changes the budget of memory, in the unit in which it was set: bytes or entries. As [`Memory::set_budget`],
    /// which blocks while it evicts what is too much; what is dead goes first.
    ///
    /// [`Memory::set_budget`]: crate::Memory::set_budget
    ///
    /// # Errors
    ///
    /// `Config`, and nothing is changed, for the policies `lru` and `lfu`, whose budget is fixed; and if the
    /// protected entries weigh more than their share of the new budget.
    pub fn set_memory_budget(&self, budget: u64) -> Result<()> {
        if budget < self.engine.memory().budget() {
            self.sweep();
        }
        self.engine.memory().set_budget(budget)
    }

    /// Removes dead entries from memory now, rather than within half a minute. Returns how many there were.
    pub fn sweep(&self) -> u64 {
        self.engine.memory().sweep(self.engine.clock().now())
    }

    /// Whether memory holds an entry of this key, of whatever age.
    #[must_use]
    pub fn in_memory(&self, key: &Key) -> bool {
        self.engine.memory().peek(key).is_some()
    }
}
