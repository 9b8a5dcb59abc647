//! A stage for scenarios: a cache over one tier that can fail, a source that follows a script, and a
//! clock that only the scenario turns.

use std::{sync::Arc, time::Duration};

use cache_core::{Clock, Key, Result, Ttl};
use cache_facade::{Cache, CacheBuilder, Memory, Region, RegionBuilder};
use tokio::{spawn, task::JoinHandle};

use crate::{FaultyTier, ModelTier, Recorder, ScriptedLoader, settle, soon};

/// How long a value of a scene is fresh, unless the scenario says otherwise.
pub const LIFE: Duration = Duration::from_secs(60);
/// Until how long after its birth a value of a scene may be served stale.
pub const GRACE: Duration = Duration::from_secs(600);

/// Whether two spans are the same but for the microseconds by which births are told apart.
#[must_use]
pub fn about(one: Duration, other: Duration) -> bool {
    one.abs_diff(other) < Duration::from_millis(20)
}

/// A cache on a stage. The region's kind is `price`, its values are strings.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The clock of everything here.
    pub clock: Clock,
    /// What the tier holds.
    pub model: Arc<ModelTier>,
    /// The tier behind memory, named `far`, with its faults.
    pub tier: FaultyTier,
    /// Where values come from.
    pub source: ScriptedLoader<String>,
    /// What the cache told its observer.
    pub events: Recorder,
    /// The cache.
    pub cache: Cache,
    /// The region.
    pub region: Region<String>,
}

/// What scenarios change about the region.
pub type Settings = RegionBuilder<String>;

impl Scene {
    /// The usual stage: [`LIFE`], [`GRACE`], everything else as by default.
    pub async fn new() -> Self {
        Self::with(|region| region).await
    }

    /// The usual stage with other settings of the region.
    pub async fn with(settings: impl FnOnce(Settings) -> Settings) -> Self {
        Self::built(|cache| cache, settings).await
    }

    /// The usual stage with other settings of the cache and of the region.
    pub async fn built(
        cache: impl FnOnce(CacheBuilder) -> CacheBuilder,
        settings: impl FnOnce(Settings) -> Settings,
    ) -> Self {
        let model = Arc::new(ModelTier::new("far"));
        let tier = FaultyTier::over(Arc::clone(&model));
        Self::on(Clock::manual(), model, tier, ScriptedLoader::versions(), cache, settings).await
    }

    /// Another cache, as of another process, over the same tier, source and clock: with a memory of its
    /// own that holds nothing yet.
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

    /// Reads as a user does, and expects no failure.
    pub async fn get(&self, id: &str) -> Option<String> {
        soon(self.region.get(id)).await.expect("an answer").map(|value| (*value).clone())
    }

    /// Reads as a user does, in a task of its own that has begun to wait when this returns.
    pub async fn ask(&self, id: &str) -> JoinHandle<Result<Option<String>>> {
        self.ask_of(&self.region, id).await
    }

    /// The same of another handle to the region.
    pub async fn ask_of(&self, region: &Region<String>, id: &str) -> JoinHandle<Result<Option<String>>> {
        let (region, id) = (region.clone(), id.to_owned());
        let task = spawn(async move { Ok(soon(region.get(&id)).await?.map(|value| (*value).clone())) });
        settle().await;
        task
    }

    /// What memory would answer.
    #[must_use]
    pub fn peek(&self, id: &str) -> Option<String> {
        self.region.peek(id).map(|value| (*value).clone())
    }

    /// The value the tier holds, whatever its age.
    #[must_use]
    pub fn held(&self, id: &str) -> Option<String> {
        let blob = self.model.entry(&self.key(id))?.value?;
        blob.decode::<String>(blob.schema).ok()
    }

    /// Lets so many seconds pass.
    pub fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}
