//! What is cut short: calls by their callers, runtimes by their end, users' code by a panic.

mod cancelled;
mod panics;
mod runtimes;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use cache_core::{Clock, Entry, Key, PutOutcome, Result, Target, Tier, Tombstone};
use cache_facade::Cache;
use tests::{
    LocalBus, ModelTier, ScriptedLoader,
    mutations::{Node, Values},
    settle,
};
use tokio::task::yield_now;

pub(crate) const LIFE: Duration = Duration::from_secs(1000);

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
        nodes[0].fill().await;
        for node in &nodes {
            assert!(node.served().await.iter().all(Option::is_some));
        }
        settle().await;
        (world, nodes)
    }

    pub(crate) async fn node(&self, number: usize) -> Node {
        let cache = Cache::builder().clock(self.clock.clone()).bus(self.bus.clone());
        let cache = cache.local_tier(Yielding(Arc::clone(&self.own[number])));
        let cache = cache.tier(Yielding(Arc::clone(&self.shared))).build().await.unwrap();
        settle().await;
        Node::open(&cache, "k")
    }

    /// What a node serves without asking anybody but its tiers.
    pub(crate) async fn served(node: &Node) -> Values {
        let served = node.served().await;
        settle().await;
        served
    }
}
