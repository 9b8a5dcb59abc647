//! What a tier is owed while it is away, when it comes back empty, restarted, or refusing: stored, or lost and
//! said; and the writer has it while it lives.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use cache_core::{
    Clock, Entry, Error, ErrorKind, Key, Operation, Pattern, PutOutcome, Result, Tag, Target, Tier,
    Timestamp, Tombstone, sync::Mutex,
};
use cache_facade::{Cache, Fetched, Memory, OnBusLoss, Region, Ttl};
use tests::{FaultyTier, Fixture, LocalBus, ModelTier, RecordedEvent, Recorder, settle};

const LONG: Duration = Duration::from_secs(100_000);

/// A tier whose server may lose its memory. After that it refuses what was born before, since it may have
/// forgotten that it was removed.
#[derive(Debug)]
struct Forgetful {
    model: Arc<ModelTier>,
    floor: Arc<Mutex<Timestamp>>,
}

#[async_trait]
impl Tier for Forgetful {
    fn name(&self) -> &'static str {
        self.model.name()
    }

    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Entry>>> {
        self.model.get(keys).await
    }

    async fn put(&self, entries: &[(Key, Entry)]) -> Result<Vec<PutOutcome>> {
        let floor = *self.floor.lock();
        let mut outcomes = Vec::new();
        for (key, entry) in entries {
            if entry.meta.born <= floor {
                let error = Error::new(ErrorKind::Unavailable, "put", "born before the restart");
                outcomes.push(PutOutcome::Refused(error));
            } else {
                outcomes.extend(self.model.put(&[(key.clone(), entry.clone())]).await?);
            }
        }
        Ok(outcomes)
    }

    async fn remove(&self, target: Target<'_>, tombstone: Tombstone) -> Result<u64> {
        self.model.remove(target, tombstone).await
    }

    async fn flush(&self) -> Result<()> {
        Ok(())
    }
}

/// Nodes over one server that may restart, and one bus.
struct World {
    clock: Clock,
    bus: LocalBus,
    model: Arc<ModelTier>,
    floor: Arc<Mutex<Timestamp>>,
}

struct Node {
    cache: Cache,
    tier: FaultyTier,
    events: Recorder,
    region: Region<String>,
}

impl World {
    fn new() -> Self {
        let model = Arc::new(ModelTier::new("far"));
        Self {
            clock: Clock::manual(),
            bus: LocalBus::default(),
            model,
            floor: Arc::new(Mutex::new(Timestamp::MIN)),
        }
    }

    async fn node(&self, memory: u64) -> Node {
        let (model, floor) = (Arc::clone(&self.model), Arc::clone(&self.floor));
        let tier = FaultyTier::over(Forgetful { model, floor });
        let events = Recorder::default();
        let builder = Cache::builder().clock(self.clock.clone()).memory(Memory::bytes(memory));
        let builder = builder.tier(tier.clone()).bus(self.bus.clone()).observer(events.clone());
        let cache = builder.build().await.unwrap();
        let region = cache.region::<String>("k").ttl(Ttl::new(LONG)).open().unwrap();
        settle().await;
        Node { cache, tier, events, region }
    }

    async fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
        settle().await;
    }

    /// Loses the connections to the bus, and makes new ones.
    async fn lose_bus(&self) {
        self.bus.cut();
        self.pass(1).await;
        self.bus.restore();
        for _ in 0..10 {
            self.pass(1).await;
        }
    }

    fn restart(&self) {
        self.model.wipe();
        *self.floor.lock() = self.clock.tick();
    }

    fn held(&self, node: &Node, id: &str) -> Option<String> {
        let blob = self.model.entry(&node.region.key(id).unwrap())?.value?;
        blob.decode(blob.schema).ok()
    }
}

impl Node {
    async fn get(&self, id: &str) -> Option<String> {
        self.region.get(id).await.unwrap().map(|value| (*value).clone())
    }

    fn lost(&self) -> usize {
        self.events.count(|seen| matches!(seen, RecordedEvent::Lost { .. }))
    }
}

#[tokio::test]
async fn rule_96_what_a_restarted_tier_refuses_is_lost_and_said_and_the_writer_has_it_while_it_lives() {
    for memory in [1, 1 << 20] {
        let world = World::new();
        let a = world.node(memory).await;
        a.region.put("a", "old".to_owned()).await.unwrap();
        a.tier.down();
        a.region.put("a", "new".to_owned()).await.unwrap();
        assert_eq!(a.get("a").await.as_deref(), Some("new"), "while the tier is away, memory of {memory}");
        world.restart();
        a.tier.up();
        world.lose_bus().await;
        assert_eq!(world.held(&a, "a"), None, "refused");
        assert_eq!((a.lost(), a.cache.stats().tiers[0].lost, a.cache.stats().tiers[0].pending), (1, 1, 0));
        assert_eq!(a.cache.stats().tiers[0].refused, 1);
        assert_eq!(a.get("a").await.as_deref(), Some("new"), "memory of {memory}");
        world.pass(10_000).await;
        world.lose_bus().await;
        assert_eq!(a.get("a").await.as_deref(), Some("new"), "while it lives, memory of {memory}");
        world.pass(100_000).await;
        assert_eq!(a.get("a").await, None, "and no longer");
        a.region.put("a", "next".to_owned()).await.unwrap();
        assert_eq!(world.held(&a, "a").as_deref(), Some("next"));
    }
}

#[tokio::test]
async fn rule_96_what_an_empty_tier_takes_is_stored_and_nothing_is_lost() {
    let world = World::new();
    let a = world.node(1 << 20).await;
    a.tier.down();
    for n in 0..50 {
        a.region.put(&n.to_string(), "new".to_owned()).await.unwrap();
    }
    world.model.wipe();
    world.lose_bus().await;
    a.tier.up();
    world.pass(10).await;
    assert!((0..50).all(|n| world.held(&a, &n.to_string()).as_deref() == Some("new")));
    assert_eq!((a.lost(), a.cache.stats().tiers[0].pending), (0, 0));
}

#[tokio::test]
async fn rule_96_a_lost_connection_of_the_bus_takes_nothing_from_memory_that_nobody_else_has() {
    let world = World::new();
    let a = world.node(1 << 20).await;
    a.region.put("shared", "value".to_owned()).await.unwrap();
    a.tier.down();
    a.region.put("own", "value".to_owned()).await.unwrap();
    world.lose_bus().await;
    assert_eq!(a.region.peek("own").as_deref().map(String::as_str), Some("value"));
    assert_eq!(a.region.peek("shared"), None, "this one other nodes may have ended");
}

#[tokio::test]
async fn rule_96_what_another_node_ended_meanwhile_is_neither_served_nor_stored() {
    let world = World::new();
    let (a, b) = (world.node(1 << 20).await, world.node(1 << 20).await);
    let ids = ["removed", "matched", "replaced"];
    a.tier.down();
    for id in ids {
        a.region.put(id, "a".to_owned()).await.unwrap();
    }
    b.region.remove("removed").await.unwrap();
    b.cache.remove_matching(Pattern::glob("k:match*").unwrap()).await.unwrap();
    b.region.put("replaced", "b".to_owned()).await.unwrap();
    settle().await;
    // For longer than anybody remembers a removal.
    for _ in 0..10 {
        world.pass(100).await;
    }
    world.model.wipe();
    for up in [false, true] {
        if up {
            a.tier.up();
            world.pass(10).await;
        }
        for id in ids {
            assert_ne!(a.get(id).await.as_deref(), Some("a"), "{id} up: {up}");
            assert_ne!(world.held(&a, id).as_deref(), Some("a"), "{id} up: {up}");
        }
    }
}

#[tokio::test]
async fn rule_96_a_write_that_lost_meanwhile_leaves_the_writers_memory() {
    let world = World::new();
    let a = world.node(1 << 20).await;
    a.tier.down();
    a.region.put("a", "older".to_owned()).await.unwrap();
    let newer = cache_core::Meta::new(world.clock.tick(), Ttl::new(LONG));
    let blob = cache_core::Blob::encode(cache_core::Codec::Bincode, 0, &"newer".to_owned()).unwrap();
    world.model.force(&a.region.key("a").unwrap(), Entry::new(blob, newer));
    a.tier.up();
    world.pass(10).await;
    assert_eq!(a.get("a").await.as_deref(), Some("newer"));
}

#[tokio::test]
async fn rule_96_an_invalidation_that_is_owed_to_a_restarted_tier_is_stored() {
    let world = World::new();
    let (a, b) = (world.node(1 << 20).await, world.node(1).await);
    let tag = Tag::new("t").unwrap();
    b.region.put("a", Fetched::new("old".to_owned()).tag(tag.clone())).await.unwrap();
    let entry = world.model.entry(&a.region.key("a").unwrap()).unwrap();
    a.tier.down();
    a.cache.invalidate(&tag).await.unwrap();
    world.restart();
    // This entry was on disk, and is there again.
    world.model.force(&a.region.key("a").unwrap(), entry);
    a.tier.up();
    world.pass(10).await;
    assert_eq!(a.cache.stats().tiers[0].pending, 0);
    let later = world.node(1 << 20).await;
    assert_eq!(later.get("a").await, None, "a process that heard nothing of it");
}

#[tokio::test]
async fn rule_96_a_tier_that_can_not_look_does_not_hide_what_it_is_owed() {
    let fixture =
        Fixture::built(|cache| cache.memory(Memory::bytes(1)), |region| region.ttl(Ttl::new(LONG))).await;
    fixture.region.put("known", "x".to_owned()).await.unwrap();
    assert_eq!(fixture.get("known").await.as_deref(), Some("x"));
    fixture.tier.down();
    fixture.region.put("a", "new".to_owned()).await.unwrap();
    for _ in 0..20 {
        assert_eq!(fixture.get("a").await.as_deref(), Some("new"), "there is no room in memory");
        fixture.pass(100);
        settle().await;
    }
    assert!(fixture.tier.calls(Operation::Get).len() > 10);
    assert_eq!(fixture.source.calls(), 0);
}

/// Of two tiers that nodes share, this node can't reach the first, nor the bus. What it wrote or copied is then
/// in the second alone, which knows whether it was removed since.
#[tokio::test]
async fn rule_96_what_a_tier_is_owed_is_not_served_once_another_says_that_it_is_gone() {
    let (clock, bus) = (Clock::manual(), LocalBus::default());
    let (near, far) = (Arc::new(ModelTier::new("near")), Arc::new(ModelTier::new("far")));
    let floor = Arc::new(Mutex::new(Timestamp::MIN));
    let node = async || {
        let near = Forgetful { model: Arc::clone(&near), floor: Arc::clone(&floor) };
        let tiers = [FaultyTier::over(near), FaultyTier::over(Arc::clone(&far))];
        let builder = Cache::builder().clock(clock.clone()).bus(bus.clone()).on_bus_loss(OnBusLoss::AskTiers);
        let builder = tiers.iter().fold(builder, |builder, tier| builder.tier(tier.clone()));
        let cache = builder.build().await.unwrap();
        let region = cache.region::<u64>("k").ttl(Ttl::new(LONG)).open().unwrap();
        settle().await;
        (cache, region, tiers)
    };
    let ((_a, there, _), (b, here, [first, second])) = (node().await, node().await);
    let get = async |id: &str| here.get(id).await.unwrap().map(|value| *value);
    there.put("copied", 1).await.unwrap();
    // The clears from before it came have to be asked of all tiers, once.
    get("none").await;
    first.down();
    bus.cut();
    clock.advance(Duration::from_secs(5));
    settle().await;
    for id in ["removed", "kept", "unreachable"] {
        here.put(id, 2).await.unwrap();
    }
    assert_eq!((get("copied").await, get("removed").await, get("kept").await), (Some(1), Some(2), Some(2)));
    settle().await;
    assert_eq!(b.stats().tiers[0].pending, 3, "a copy is owed to nobody");
    there.remove("copied").await.unwrap();
    there.remove("removed").await.unwrap();
    assert_eq!((get("copied").await, get("removed").await, get("kept").await), (None, None, Some(2)));
    second.down();
    assert_eq!(get("unreachable").await, Some(2), "nobody can be asked");
    assert_eq!(get("copied").await, None, "nobody can be asked, and it is not its own");

    // The first has restarted, and refuses for good what it was owed.
    *floor.lock() = clock.tick();
    second.up();
    first.up();
    clock.advance(Duration::from_secs(5));
    settle().await;
    assert_eq!((b.stats().tiers[0].pending, b.stats().tiers[0].lost), (0, 3));
    assert_eq!((get("removed").await, get("kept").await), (None, Some(2)));
    there.remove("kept").await.unwrap();
    assert_eq!(get("kept").await, None, "removed since");
}

#[tokio::test]
async fn rule_96_what_another_node_ended_by_a_stamp_is_not_stored_in_a_tier_that_comes_back_empty() {
    for ending in ["tag", "region", "cache"] {
        let world = World::new();
        let (a, b) = (world.node(1 << 20).await, world.node(1 << 20).await);
        let tag = Tag::new("t").unwrap();
        a.tier.down();
        a.region.put("a", Fetched::new("new".to_owned()).tag(tag.clone())).await.unwrap();
        match ending {
            "tag" => b.cache.invalidate(&tag).await.unwrap(),
            "region" => b.region.clear().await.unwrap(),
            _ => b.cache.clear().await.unwrap(),
        }
        settle().await;
        world.model.wipe();
        a.tier.up();
        world.pass(10).await;
        assert_eq!(world.held(&a, "a"), None, "{ending}");
        assert_eq!(world.node(1 << 20).await.get("a").await, None, "{ending}: a node that heard nothing");
        assert_eq!(a.cache.stats().tiers[0].pending, 0);
    }
}

#[tokio::test]
async fn rule_96_a_shutdown_gives_tiers_what_they_are_owed_or_says_that_it_is_lost() {
    for back in [true, false] {
        let world = World::new();
        let a = world.node(1 << 20).await;
        for id in ["put", "removed"] {
            a.region.put(id, "old".to_owned()).await.unwrap();
        }
        a.tier.down();
        a.region.put("put", "new".to_owned()).await.unwrap();
        a.region.remove("removed").await.unwrap();
        if back {
            a.tier.up();
        }
        let ended = tests::soon(a.cache.shutdown(Duration::from_secs(5))).await;
        assert_eq!(ended.is_ok(), back, "{ended:?}");
        let stats = &a.cache.stats().tiers[0];
        if back {
            assert_eq!((world.held(&a, "put").as_deref(), world.held(&a, "removed")), (Some("new"), None));
            assert_eq!((a.lost(), stats.pending, stats.lost), (0, 0, 0));
        } else {
            assert_eq!((a.lost(), stats.lost), (2, 2), "told and counted");
        }
    }
}
