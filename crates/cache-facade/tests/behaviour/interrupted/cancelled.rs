//! Calls whose caller goes away: once begun they go on to their end, in every tier and on every node.

use std::{future::Future, pin::Pin, sync::Arc, task::Poll, time::Duration};

use async_trait::async_trait;
use cache_core::{Clock, Entry, Fetched, Key, Pattern, PutOutcome, Result, Tag, Target, Tier, Tombstone};
use cache_facade::{Cache, Region, Ttl};
use tests::{LocalBus, ModelTier, ScriptedLoader, settle};
use tokio::task::yield_now;

const LIFE: Duration = Duration::from_secs(1000);
const IDS: [&str; 3] = ["a", "b", "c"];

/// A tier each of whose calls has several points at which its caller may be cancelled.
#[derive(Debug)]
struct Yielding(Arc<ModelTier>);

impl Yielding {
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
struct World {
    clock: Clock,
    bus: LocalBus,
    shared: Arc<ModelTier>,
    own: [Arc<ModelTier>; 2],
    source: ScriptedLoader<u64>,
}

type Node = (Cache, Region<u64>);

impl World {
    /// The first node wrote the values 1, 2 and 3 under one tag, and both hold them.
    async fn new() -> (Self, [Node; 2]) {
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

    async fn node(&self, number: usize) -> Node {
        let cache = Cache::builder().clock(self.clock.clone()).bus(self.bus.clone());
        let cache = cache.local_tier(Yielding(Arc::clone(&self.own[number])));
        let cache = cache.tier(Yielding(Arc::clone(&self.shared))).build().await.unwrap();
        let region = cache.region::<u64>("k").ttl(Ttl::new(LIFE)).open().unwrap();
        settle().await;
        (cache, region)
    }

    /// What a node serves without asking anybody but its tiers.
    async fn served((_, region): &Node) -> [Option<u64>; 3] {
        let mut served = [None; 3];
        for (id, served) in IDS.iter().zip(&mut served) {
            *served = region.get(*id).await.unwrap().map(|value| *value);
        }
        settle().await;
        served
    }
}

fn tag() -> Tag {
    Tag::new("t").unwrap()
}

type Call = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A call that changes something, and what is served once it has ended.
struct Change {
    name: &'static str,
    call: fn(&World, &Node) -> Call,
    then: [Option<u64>; 3],
}

/// Makes a call of clones of a cache and a region.
macro_rules! call {
    (|$world:ident, $cache:ident, $region:ident| $body:expr) => {
        |$world, (cache, region)| {
            let ($cache, $region, _source) = (cache.clone(), region.clone(), $world.source.clone());
            Box::pin(async move {
                $body.await.unwrap();
                let _ = (&$cache, &$region, &_source);
            })
        }
    };
}

/// All that a cache and a region offer to write or end something.
fn changes() -> Vec<Change> {
    const OLD: [Option<u64>; 3] = [Some(1), Some(2), Some(3)];
    const NONE: [Option<u64>; 3] = [None; 3];
    let change = |name, then, call| Change { name, call, then };
    vec![
        change("put", [Some(10), OLD[1], OLD[2]], call!(|world, cache, region| region.put("a", 10))),
        change(
            "put of no life",
            [None, OLD[1], OLD[2]],
            call!(|world, cache, region| region.put("a", Fetched::new(10).ttl(Ttl::NONE))),
        ),
        change(
            "put_many of mixed lives",
            [Some(10), None, Some(30)],
            call!(|world, cache, region| region.put_many(vec![
                ("a", Fetched::new(10)),
                ("b", Fetched::new(20).ttl(Ttl::NONE)),
                ("c", Fetched::new(30)),
            ])),
        ),
        change("remove", [None, OLD[1], OLD[2]], call!(|world, cache, region| region.remove("a"))),
        change(
            "remove_many",
            [None, None, OLD[2]],
            call!(|world, cache, region| region.remove_many(&["a", "b"])),
        ),
        change("cache.remove", [OLD[0], None, OLD[2]], call!(|world, cache, region| cache.remove("k", "b"))),
        change(
            "remove_matching",
            [None, OLD[1], OLD[2]],
            call!(|world, cache, region| cache.remove_matching(&Pattern::glob("k:a*").unwrap())),
        ),
        change("invalidate", NONE, call!(|world, cache, region| cache.invalidate(&tag()))),
        change(
            "invalidate_until",
            NONE,
            call!(|world, cache, region| cache.invalidate_until(&tag(), cache.clock().now().after(LIFE))),
        ),
        change("region.clear", NONE, call!(|world, cache, region| region.clear())),
        change("cache.clear", NONE, call!(|world, cache, region| cache.clear())),
    ]
}

/// Polls a call until it has been pending `most` times, or is over. Returns whether it is.
async fn cancelled_after(mut call: Call, most: usize) -> bool {
    let mut pending = 0;
    std::future::poll_fn(move |context| {
        if pending == most {
            return Poll::Ready(false);
        }
        match call.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(true),
            Poll::Pending => {
                pending += 1;
                if pending == most { Poll::Ready(false) } else { Poll::Pending }
            }
        }
    })
    .await
}

#[tokio::test]
async fn rule_105_a_call_cancelled_at_any_point_has_done_all_or_nothing() {
    let mut points = 0;
    for Change { name, call, then } in changes() {
        for most in 0.. {
            let (world, [first, second]) = World::new().await;
            let before = World::served(&first).await;
            let over = cancelled_after(call(&world, &first), most).await;
            settle().await;
            let expected = if most == 0 { before } else { then };
            assert_eq!(World::served(&first).await, expected, "{name}, here, cancelled at {most}");
            assert_eq!(World::served(&second).await, expected, "{name}, on the other node, at {most}");
            drop(first);
            let again = world.node(0).await;
            assert_eq!(World::served(&again).await, expected, "{name}, after a restart, at {most}");
            points += 1;
            if over {
                break;
            }
        }
    }
    println!("{points} points of cancellation");
}

/// A refresh is cancelled as any other change, and other nodes let go of what it replaced.
#[tokio::test]
async fn rule_109_a_refresh_reaches_every_node_wherever_its_caller_goes_away() {
    for most in 0.. {
        let (world, [first, second]) = World::new().await;
        let before = World::served(&first).await;
        let source = world.source.clone();
        let region = first.0.region::<u64>("k").ttl(Ttl::new(LIFE)).loader(source).open().unwrap();
        let refresh = async move { assert_eq!(region.refresh(&["a", "b"]).await.unwrap(), 2) };
        let over = cancelled_after(Box::pin(refresh), most).await;
        settle().await;
        let served = World::served(&first).await;
        let changed = served.iter().zip(before).filter(|(now, before)| **now != *before).count();
        assert_eq!(changed, if most == 0 { 0 } else { 2 }, "{served:?}, cancelled at {most}");
        assert_eq!(World::served(&second).await, served, "on the other node, at {most}");
        drop(first);
        assert_eq!(World::served(&world.node(0).await).await, served, "after a restart, at {most}");
        if over {
            break;
        }
    }
}

#[tokio::test]
async fn rule_109_a_refresh_that_changed_nothing_takes_nothing_from_other_nodes() {
    let (world, [first, second]) = World::new().await;
    let same = ScriptedLoader::new(|_: &Key, _| 1);
    let region = first.0.region::<u64>("k").ttl(Ttl::new(LIFE)).loader(same).open().unwrap();
    assert_eq!(region.refresh(&["a"]).await.unwrap(), 1);
    settle().await;
    assert_eq!(second.1.peek("a").as_deref(), Some(&1));
    drop(world);
}

/// A handle that leaves out memory or a tier: what is there from before is not served by others.
#[tokio::test]
async fn rule_110_a_write_that_skips_a_tier_ends_the_older_value_there() {
    for skipped in ["memory", "own", "shared"] {
        for refreshed in [false, true] {
            let (world, [first, second]) = World::new().await;
            let source = ScriptedLoader::new(|_: &Key, _| 50);
            let region = first.0.region::<u64>("k").ttl(Ttl::new(LIFE)).loader(source).open().unwrap();
            let elsewhere = region.with(|policy| policy.skip(skipped));
            if refreshed {
                assert_eq!(elsewhere.refresh(&["a"]).await.unwrap(), 1);
            } else {
                elsewhere.put("a", 50).await.unwrap();
            }
            settle().await;
            let held = World::served(&first).await[0];
            assert!(held != Some(1), "{skipped}, refreshed: {refreshed}: {held:?}");
            // Neither by another node, nor once memory has forgotten it.
            let there = World::served(&second).await[0];
            assert!(there != Some(1), "{skipped}, refreshed: {refreshed}, on the other node: {there:?}");
            drop(first);
            let again = World::served(&world.node(0).await).await[0];
            assert!(again != Some(1), "{skipped}, refreshed: {refreshed}, after a restart: {again:?}");
        }
    }
}
