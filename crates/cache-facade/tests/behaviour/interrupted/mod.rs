//! What is cut short: calls by their callers, runtimes by their end, users' code by a panic.

mod cancelled;
mod panics;
mod runtimes;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use cache_core::{Clock, Entry, Fetched, Key, PutOutcome, Result, Tag, Target, Tier, Tombstone};
use cache_facade::{Cache, Region, Ttl};
use tests::{LocalBus, ModelTier, ScriptedLoader, settle};
use tokio::task::yield_now;

pub(crate) const LIFE: Duration = Duration::from_secs(1000);
const IDS: [&str; 3] = ["a", "b", "c"];

/// A tier each of whose calls has several points at which its caller may be cancelled.
#[derive(Debug)]
pub(crate) struct Yielding(Arc<ModelTier>);

impl Yielding {
    pub(crate) fn new(name: &'static str) -> Self {
        Self(Arc::new(ModelTier::new(name)))
    }

    async fn pause() {
        for _ in 0..2 {
            yield_now().await;
        }
    }
}

#[async_trait]
impl Tier for Yielding {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Entry>>> {
        Self::pause().await;
        let answers = self.0.get(keys).await;
        Self::pause().await;
        answers
    }

    async fn put(&self, entries: &[(Key, Entry)]) -> Result<Vec<PutOutcome>> {
        Self::pause().await;
        let outcomes = self.0.put(entries).await;
        Self::pause().await;
        outcomes
    }

    async fn remove(&self, target: Target<'_>, tombstone: Tombstone) -> Result<u64> {
        Self::pause().await;
        let removed = self.0.remove(target, tombstone).await;
        Self::pause().await;
        removed
    }

    async fn flush(&self) -> Result<()> {
        self.0.flush().await
    }
}

/// Two nodes with a tier of its own each, and one that they share.
pub(crate) struct World {
    clock: Clock,
    bus: LocalBus,
    shared: Arc<ModelTier>,
    own: [Arc<ModelTier>; 2],
    pub(crate) source: ScriptedLoader<u64>,
}

pub(crate) type Node = (Cache, Region<u64>);

impl World {
    /// The first node wrote the values 1, 2 and 3 under one tag, and both hold them.
    pub(crate) async fn new() -> (Self, [Node; 2]) {
        let model = |name| Arc::new(ModelTier::new(name));
        let world = Self {
            clock: Clock::manual(),
            bus: LocalBus::default(),
            shared: model("shared"),
            own: [model("own"), model("own")],
            source: ScriptedLoader::new(|_: &Key, load| 100 + load),
        };
        let nodes = [world.node(0).await, world.node(1).await];
        for (id, value) in IDS.iter().zip(1..) {
            nodes[0].1.put(*id, Fetched::new(value).tag(tag())).await.unwrap();
        }
        for (_, region) in &nodes {
            for id in IDS {
                assert!(region.get(id).await.unwrap().is_some());
            }
        }
        settle().await;
        (world, nodes)
    }

    pub(crate) async fn node(&self, number: usize) -> Node {
        let cache = Cache::builder().clock(self.clock.clone()).bus(self.bus.clone());
        let cache = cache.local_tier(Yielding(Arc::clone(&self.own[number])));
        let cache = cache.tier(Yielding(Arc::clone(&self.shared))).build().await.unwrap();
        let region = cache.region::<u64>("k").ttl(Ttl::new(LIFE)).open().unwrap();
        settle().await;
        (cache, region)
    }

    /// What a node serves without asking anybody but its tiers.
    pub(crate) async fn served((_, region): &Node) -> [Option<u64>; 3] {
        let mut served = [None; 3];
        for (id, served) in IDS.iter().zip(&mut served) {
            *served = region.get(*id).await.unwrap().map(|value| *value);
        }
        settle().await;
        served
    }
}

pub(crate) fn tag() -> Tag {
    Tag::new("t").unwrap()
}
