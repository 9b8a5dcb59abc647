//! The cache as a whole: opening regions, invalidating across them, seeing how it is.

use std::{sync::Arc, time::Duration};

use cache_core::{Clock, Key, Pattern, Result, Tag, Target};
use cache_memory::HotKey;

use crate::{
    builder::CacheBuilder,
    counters::Count,
    engine::Engine,
    region::Cacheable,
    region_builder::RegionBuilder,
    slot::Slot,
    stats::{Health, Stats},
};

/// A tiered cache. Clones are handles to the same one.
///
/// ```
/// use std::time::Duration;
/// use cache_facade::{Cache, Fresh, Tag, Ttl};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cache_facade::Result<()> {
/// let cache = Cache::builder().namespace("md").build().await?;
/// let names = cache.region::<String>("name").ttl(Ttl::new(Duration::from_secs(3600))).open()?;
///
/// let apple = Tag::new("AAPL")?;
/// names.put("AAPL", Fresh::new("Apple Inc.".to_owned()).tag(apple.clone())).await?;
/// cache.invalidate(&apple).await?;
/// assert_eq!(names.get("AAPL").await?, None);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Cache {
    pub(crate) engine: Arc<Engine>,
}

impl Cache {
    /// Settings to begin with.
    #[must_use]
    pub fn builder() -> CacheBuilder {
        CacheBuilder::default()
    }

    /// Begins to open the region of the values of one kind.
    #[must_use]
    pub fn region<V: Cacheable>(&self, kind: &str) -> RegionBuilder<V> {
        RegionBuilder::new(Arc::clone(&self.engine), kind)
    }

    /// Ends every entry that carries `tag`, in every tier; what is put later with the tag lives.
    ///
    /// # Errors
    ///
    /// `Limit` for a tag that is too long. A tier that fails is an event: this process knows the tag
    /// as invalidated all the same.
    pub async fn invalidate(&self, tag: &Tag) -> Result<()> {
        self.engine.invalidate(tag).await
    }

    /// Removes the keys that match, which are written without the cache's namespace: `price:AAPL*`.
    /// Answers how many entries went from the tier that lost most.
    ///
    /// # Errors
    ///
    /// None at present. A tier that fails is an event.
    pub async fn remove_matching(&self, pattern: &Pattern) -> Result<u64> {
        let pattern = self.within(pattern);
        Ok(self.engine.remove_matching(&pattern).await)
    }

    /// Ends every entry of every kind. Nothing from before is served again, in grace or otherwise.
    ///
    /// # Errors
    ///
    /// None at present. A tier that fails is an event.
    pub async fn clear(&self) -> Result<()> {
        self.engine.clear().await;
        Ok(())
    }

    /// Keeps entries that match from being evicted from memory for space: those held now, and those put
    /// later. They still expire, and may be removed. Those that the share of protected entries has no
    /// room for are each an event.
    ///
    /// # Errors
    ///
    /// `Config` if the near tier keeps no share for protected entries.
    pub fn protect(&self, pattern: &Pattern) -> Result<()> {
        self.engine.protect(Target::Matching(&self.within(pattern)))
    }

    /// Ends the protection by this very pattern.
    pub fn unprotect(&self, pattern: &Pattern) {
        self.engine.memory.unprotect(Target::Matching(&self.within(pattern)));
    }

    /// The keys read most of late, the hottest first: at most `most`, and at most 512.
    #[must_use]
    pub fn hottest(&self, most: usize) -> Vec<HotKey> {
        self.engine.memory.hottest(most)
    }

    /// The cache in numbers.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let engine = &self.engine;
        let total = |count| engine.counters.total(count);
        Stats {
            memory: engine.memory.stats(),
            memory_stale: total(Count::MemoryStale),
            coalesced: total(Count::Coalesced),
            loads: total(Count::Load),
            loaded_keys: total(Count::LoadedKey),
            load_failures: total(Count::LoadFailure),
            late_loads: total(Count::LateLoad),
            puts: total(Count::Put),
            removals: total(Count::Removal),
            flights: engine.opened().values().map(|opened| opened.shared.flights() as u64).sum(),
            tiers: engine.slots.iter().map(Slot::stats).collect(),
            bus: engine.fleet.as_ref().map(|fleet| fleet.stats()),
        }
    }

    /// Whether each tier answered when last asked, and whether the bus works.
    #[must_use]
    pub fn health(&self) -> Health {
        let tiers: Vec<_> = self.engine.slots.iter().map(Slot::health).collect();
        let bus = self.engine.fleet.as_ref().map(|fleet| fleet.stats());
        let connected = bus.as_ref().is_none_or(|bus| bus.connected);
        Health { healthy: connected && tiers.iter().all(|tier| tier.error.is_none()), bus, tiers }
    }

    /// Begins no more loads, waits for those under way and their writes, and makes the tiers' contents
    /// lasting. Reads that memory can answer go on.
    ///
    /// # Errors
    ///
    /// `Timeout` if that took longer than `limit`; a tier's own error if it could not flush.
    pub async fn shutdown(&self, limit: Duration) -> Result<()> {
        self.engine.shutdown(limit).await
    }

    /// The clock this cache lives by.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.engine.clock
    }

    /// Reclaims memory held by dead entries now, rather than at the next half minute. Answers how many.
    pub fn sweep(&self) -> u64 {
        self.engine.memory.sweep(self.engine.clock.now())
    }

    /// Whether memory holds an entry of this key, of whatever age.
    #[must_use]
    pub fn in_memory(&self, key: &Key) -> bool {
        self.engine.memory.peek(key).is_some()
    }

    fn within(&self, pattern: &Pattern) -> Pattern {
        self.engine.namespace.as_deref().map_or_else(|| pattern.clone(), |space| pattern.within(space))
    }
}
