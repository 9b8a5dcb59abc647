//! Tiers that refuse, fail and heal at random: no read returns what is older than the last write, whatever
//! became of that.

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use cache_core::{Clock, ErrorKind, Key, Loaded, Loader, Operation, Request, Result, sync::Mutex};
use cache_facade::{Cache, Memory, Region, Ttl};
use proptest::{collection::vec, prelude::*};
use tests::{FaultyTier, LocalBus, ModelTier, settle};

use super::{Bounded, Says};

const IDS: [&str; 3] = ["a", "b", "c"];

/// Each value begins with a number. Whoever writes takes the next.
#[derive(Debug, Default)]
struct Truth {
    next: u64,
    /// The number that a read must have at least, by key: that of the last write.
    least: HashMap<String, u64>,
    /// The same for each node by what it has loaded, which the other need not have.
    loaded: HashMap<(usize, String), u64>,
}

impl Truth {
    fn write(&mut self, id: &str, size: usize) -> String {
        self.next += 1;
        self.least.insert(id.to_owned(), self.next);
        format!("{:020}{}", self.next, "x".repeat(size))
    }

    fn load(&mut self, node: usize, id: &str, size: usize) -> String {
        self.next += 1;
        self.loaded.insert((node, id.to_owned()), self.next);
        format!("{:020}{}", self.next, "x".repeat(size))
    }

    fn least(&self, node: usize, id: &str) -> u64 {
        let loaded = self.loaded.get(&(node, id.to_owned())).copied().unwrap_or(0);
        self.least.get(id).copied().unwrap_or(0).max(loaded)
    }
}

/// Loads the next number.
struct Source {
    node: usize,
    truth: Arc<Mutex<Truth>>,
    size: Arc<Mutex<usize>>,
}

#[async_trait]
impl Loader<String> for Source {
    fn max_batch(&self) -> usize {
        2
    }

    async fn load(&self, requests: &[Request<String>]) -> Result<Vec<Loaded<String>>> {
        let size = *self.size.lock();
        let mut truth = self.truth.lock();
        Ok(requests.iter().map(|request| truth.load(self.node, request.key.id(), size).into()).collect())
    }
}

#[derive(Clone, Debug)]
enum Step {
    Put(usize, usize),
    PutMany(Vec<(usize, usize)>),
    Remove(usize),
    Read { node: usize, id: usize, below: bool },
    Refresh(usize),
    Fail { tier: usize, operation: usize, kind: ErrorKind },
    Poison { tier: usize, id: usize },
    Heal(usize),
    LoadsOfSize(usize),
    Pass(u64),
}

fn kind() -> impl Strategy<Value = ErrorKind> {
    use ErrorKind::{Closed, Codec, Config, Limit, Storage, Timeout, Unavailable};
    prop::sample::select(vec![Closed, Codec, Config, Limit, Storage, Timeout, Unavailable])
}

fn step() -> impl Strategy<Value = Step> {
    let size = || prop::sample::select(vec![0_usize, 0, 500, 5_000]);
    let id = 0..IDS.len();
    prop_oneof![
        4 => (id.clone(), size()).prop_map(|(id, size)| Step::Put(id, size)),
        2 => vec((id.clone(), size()), 1..4).prop_map(Step::PutMany),
        1 => id.clone().prop_map(Step::Remove),
        8 => (0..2_usize, id.clone(), any::<bool>())
            .prop_map(|(node, id, below)| Step::Read { node, id, below }),
        2 => id.clone().prop_map(Step::Refresh),
        3 => (0..2_usize, 0..3_usize, kind())
            .prop_map(|(tier, operation, kind)| Step::Fail { tier, operation, kind }),
        1 => (0..2_usize, id).prop_map(|(tier, id)| Step::Poison { tier, id }),
        3 => (0..2_usize).prop_map(Step::Heal),
        1 => size().prop_map(Step::LoadsOfSize),
        3 => prop::sample::select(vec![1_u64, 1, 2, 30, 100]).prop_map(Step::Pass),
    ]
}

/// Two nodes with a shared tier and a bus; the first has a tier of its own above it.
struct World {
    clock: Clock,
    /// The tier of the first node alone, and the shared one.
    tiers: [FaultyTier; 2],
    nodes: [(Cache, Region<String>); 2],
    truth: Arc<Mutex<Truth>>,
    size: Arc<Mutex<usize>>,
    says: Says,
}

impl World {
    async fn new(says: Says, memory: u64) -> Self {
        let (clock, bus) = (Clock::manual(), LocalBus::default());
        let (truth, size) = (Arc::<Mutex<Truth>>::default(), Arc::<Mutex<usize>>::default());
        let tiers = [("own", 300), ("far", 1_000)].map(|(name, bytes)| {
            FaultyTier::over(Bounded { model: Arc::new(ModelTier::new(name)), bytes, says })
        });
        let node = async |node: usize| {
            let mut builder =
                Cache::builder().clock(clock.clone()).bus(bus.clone()).memory(Memory::bytes(memory));
            if node == 0 {
                builder = builder.local_tier(tiers[0].clone());
            }
            let cache = builder.tier(tiers[1].clone()).build().await.unwrap();
            let source = Source { node, truth: Arc::clone(&truth), size: Arc::clone(&size) };
            let ttl = Ttl::new(Duration::from_secs(20)).grace(Duration::from_secs(100_000));
            let region = cache.region::<String>("k").ttl(ttl).loader(source).open().unwrap();
            (cache, region)
        };
        let nodes = [node(0).await, node(1).await];
        settle().await;
        Self { clock, tiers: tiers.clone(), nodes, truth, size, says }
    }

    async fn take(&self, step: &Step) {
        let (_, writer) = &self.nodes[0];
        match step {
            Step::Put(id, size) => {
                let value = self.truth.lock().write(IDS[*id], *size);
                let _ = writer.put(IDS[*id], value).await;
            }
            Step::PutMany(values) => {
                let values: Vec<_> = values
                    .iter()
                    .map(|(id, size)| (IDS[*id], self.truth.lock().write(IDS[*id], *size)))
                    .collect();
                let _ = writer.put_many(values).await;
            }
            Step::Remove(id) => {
                self.truth.lock().write(IDS[*id], 0);
                writer.remove(IDS[*id]).await.unwrap();
            }
            Step::Read { node, id, below } => self.read(*node, *id, *below).await,
            Step::Refresh(id) => {
                let _ = writer.refresh(&[IDS[*id]]).await;
            }
            Step::Fail { tier, operation, kind } => {
                let operation = [Operation::Get, Operation::Put, Operation::Remove][*operation];
                self.tiers[*tier].fail(operation, *kind);
            }
            Step::Poison { tier, id } => {
                self.tiers[*tier].poison(&Key::new("k", IDS[*id]).unwrap());
            }
            Step::Heal(tier) => {
                self.tiers[*tier].up();
                // What was owed is paid before the other node reads; who owes it knows better at once.
                for id in 0..IDS.len() {
                    self.read(0, id, true).await;
                }
                for seconds in [1, 1, 70, 1] {
                    self.pass(seconds).await;
                }
            }
            Step::LoadsOfSize(size) => *self.size.lock() = *size,
            Step::Pass(seconds) => self.pass(*seconds).await,
        }
        settle().await;
    }

    async fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
        settle().await;
    }

    async fn read(&self, node: usize, id: usize, below: bool) {
        let (cache, region) = &self.nodes[node];
        // What is loaded past memory leaves memory as it was, so the look past memory loads nothing.
        let past_memory = || cache.region::<String>("k").skip("memory").open().unwrap();
        let region = if below { past_memory() } else { region.clone() };
        let least = self.truth.lock().least(node, IDS[id]);
        if let Ok(Some(value)) = region.get(IDS[id]).await {
            let number: u64 = value[..20].parse().unwrap();
            assert!(
                number >= least,
                "node {node} read {number} of {}, written since: {least} ({:?})",
                IDS[id],
                self.says
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rule_65_no_read_returns_what_is_older_than_the_last_write(
        steps in vec(step(), 1..40), outcome in any::<bool>(), memory in prop::sample::select(vec![1, 600, 100_000]),
    ) {
        let says = if outcome { Says::Outcome } else { Says::Error };
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let world = World::new(says, memory).await;
            for step in &steps {
                world.take(step).await;
            }
        });
    }
}
