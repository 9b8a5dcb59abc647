//! The usual fixture of a scenario: a cache over one tier that can fail, a source that follows a script, and
//! a clock that only the scenario advances.

use std::{sync::Arc, time::Duration};

use cache_core::{Clock, Key, Result, Ttl};
use cache_facade::{Cache, CacheBuilder, Memory, Region, RegionBuilder};
use tokio::{spawn, task::JoinHandle};

use crate::{FaultyTier, ModelTier, Recorder, ScriptedLoader, settle, soon};

/// How long a value of a fixture is fresh, unless the scenario says otherwise.
pub const LIFE: Duration = Duration::from_secs(60);
/// How long after its birth a value of a fixture may be served stale.
pub const GRACE: Duration = Duration::from_secs(600);

/// Whether two spans are equal, except for the microseconds that keep births distinct.
#[must_use]
pub fn about(one: Duration, other: Duration) -> bool {
    one.abs_diff(other) < Duration::from_millis(20)
}

/// A cache with one region, one tier and one source. The region's kind is `price`, its values are strings.
#[derive(Clone, Debug)]
pub struct Fixture {
    /// The clock of the cache, the tier and the source.
    pub clock: Clock,
    /// What the tier stores in.
    pub model: Arc<ModelTier>,
    /// The tier behind memory, named `far`, which fails on demand.
    pub tier: FaultyTier,
    /// The loader of the region.
    pub source: ScriptedLoader<String>,
    /// The events that the cache has reported.
    pub events: Recorder,
    /// The cache.
    pub cache: Cache,
    /// The region.
    pub region: Region<String>,
}

/// The settings of the region that a scenario may change.
pub type Settings = RegionBuilder<String>;

impl Fixture {
    /// The usual fixture: [`LIFE`], [`GRACE`], and defaults for everything else.
    pub async fn new() -> Self {
        Self::with(|region| region).await
    }

    /// The usual fixture with other settings of the region.
    pub async fn with(settings: impl FnOnce(Settings) -> Settings) -> Self {
        Self::built(|cache| cache, settings).await
    }

    /// The usual fixture with other settings of the cache and of the region.
    pub async fn built(
        cache: impl FnOnce(CacheBuilder) -> CacheBuilder,
        settings: impl FnOnce(Settings) -> Settings,
    ) -> Self {
        let model = Arc::new(ModelTier::new("far"));
        let tier = FaultyTier::over(Arc::clone(&model));
        Self::on(Clock::manual(), model, tier, ScriptedLoader::versions(), cache, settings).await
    }

    /// Another cache over the same tier, source and clock, as in another process: its own memory is empty.
    pub async fn another(&self, settings: impl FnOnce(Settings) -> Settings) -> Self {
        self.another_built(|cache| cache, settings).await
    }

    /// The same with other settings of the cache.
    pub async fn another_built(
        &self,
        cache: impl FnOnce(CacheBuilder) -> CacheBuilder,
        settings: impl FnOnce(Settings) -> Settings,
    ) -> Self {
        let Self { clock, model, tier, source, .. } = self.clone();
        Self::on(clock, model, tier, source, cache, settings).await
    }

    async fn on(
        clock: Clock,
        model: Arc<ModelTier>,
        tier: FaultyTier,
        source: ScriptedLoader<String>,
        cache: impl FnOnce(CacheBuilder) -> CacheBuilder,
        settings: impl FnOnce(Settings) -> Settings,
    ) -> Self {
        let events = Recorder::default();
        let builder = Cache::builder().memory(Memory::mib(64)).tier(tier.clone()).clock(clock.clone());
        let cache = cache(builder.observer(events.clone())).build().await.expect("a cache");
        let region = cache.region::<String>("price").ttl(Ttl::new(LIFE).grace(GRACE)).loader(source.clone());
        let region = settings(region).open().expect("a region");
        Self { clock, model, tier, source, events, cache, region }
    }

    /// The key of an id in the region.
    #[must_use]
    pub fn key(&self, id: &str) -> Key {
        self.region.key(id).expect("a valid key")
    }

    /// Reads as a user does.
    ///
    /// # Panics
    ///
    /// If the read fails, or does not end by itself.
    pub async fn get(&self, id: &str) -> Option<String> {
        soon(self.region.get(id)).await.expect("an answer").map(|value| (*value).clone())
    }

    /// Reads in a task of its own, which has begun to wait when this returns.
    pub async fn ask(&self, id: &str) -> JoinHandle<Result<Option<String>>> {
        self.ask_of(&self.region, id).await
    }

    /// The same by another handle to the region.
    pub async fn ask_of(&self, region: &Region<String>, id: &str) -> JoinHandle<Result<Option<String>>> {
        let (region, id) = (region.clone(), id.to_owned());
        let task = spawn(async move { Ok(soon(region.get(&id)).await?.map(|value| (*value).clone())) });
        settle().await;
        task
    }

    /// The value in memory, if a read would return it.
    #[must_use]
    pub fn peek(&self, id: &str) -> Option<String> {
        self.region.peek(id).map(|value| (*value).clone())
    }

    /// The value in the tier, whatever its age.
    #[must_use]
    pub fn held(&self, id: &str) -> Option<String> {
        let blob = self.model.entry(&self.key(id))?.value?;
        blob.decode::<String>(blob.schema).ok()
    }

    /// Advances the clock by this many seconds.
    pub fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}
