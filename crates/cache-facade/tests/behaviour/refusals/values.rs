//! One value at a time, refused by one who holds an older one.

use std::sync::Arc;

use cache_core::{Clock, ErrorKind, Fetched, Operation};
use cache_facade::{Cache, Memory, Ttl};
use tests::{Answer, FaultyTier, Fixture, LIFE, LocalBus, ModelTier, RecordedEvent, Recorder, settle};

use super::{Bounded, Says};

const BOUND: usize = 1000;

fn large() -> String {
    "x".repeat(2 * BOUND)
}

fn refused(events: &Recorder, by: &'static str) -> usize {
    events.count(|seen| matches!(seen, RecordedEvent::Refused { tier, .. } if *tier == by))
}

/// A cache whose tier and whose memory hold no value of more than [`BOUND`] bytes, or so.
async fn bounded(says: Says, memory: Memory) -> (Cache, Arc<ModelTier>, Recorder, Clock) {
    let (clock, events) = (Clock::manual(), Recorder::default());
    let model = Arc::new(ModelTier::new("far"));
    let tier = Bounded { model: Arc::clone(&model), bytes: BOUND, says };
    let builder = Cache::builder().clock(clock.clone()).memory(memory).tier(tier).observer(events.clone());
    (builder.build().await.unwrap(), model, events, clock)
}

#[tokio::test]
async fn rule_65_a_put_that_nobody_keeps_ends_the_older_value_and_is_an_error() {
    for says in [Says::Error, Says::Outcome] {
        let (cache, model, events, _) = bounded(says, Memory::bytes(1500)).await;
        let region = cache.region::<String>("k").open().unwrap();
        region.put("a", "old".to_owned()).await.unwrap();
        let error = region.put("a", large()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
        assert_eq!(region.get("a").await.unwrap(), None, "{says:?}");
        assert_eq!(model.entry(&region.key("a").unwrap()), None, "{says:?}");
        assert_eq!((refused(&events, "far"), refused(&events, "memory")), (1, 1));
        assert_eq!(cache.stats().tiers[0].refused, 1);
        assert_eq!(cache.stats().memory.evictions.oversized, 1);
        assert!(cache.health().healthy, "a bound is no failure");
        region.put("a", "new".to_owned()).await.unwrap();
        assert_eq!(region.get("a").await.unwrap().as_deref().map(String::as_str), Some("new"));
    }
}

#[tokio::test]
async fn rule_65_a_put_that_memory_keeps_is_no_error_and_ends_the_older_value_below() {
    for says in [Says::Error, Says::Outcome] {
        let (cache, model, events, _) = bounded(says, Memory::mib(1)).await;
        let region = cache.region::<String>("k").open().unwrap();
        region.put("a", "old".to_owned()).await.unwrap();
        region.put("a", large()).await.unwrap();
        assert_eq!(refused(&events, "far"), 1);
        assert_eq!(*region.get("a").await.unwrap().unwrap(), large());
        assert_eq!(model.entry(&region.key("a").unwrap()), None);
        let below = region.with(|policy| policy.skip("memory"));
        assert_eq!(below.get("a").await.unwrap(), None);
    }
}

#[tokio::test]
async fn rule_65_of_a_batch_only_the_refused_are_ended_and_the_others_stored() {
    for says in [Says::Error, Says::Outcome] {
        let (cache, _, events, _) = bounded(says, Memory::bytes(1500)).await;
        let region = cache.region::<String>("k").open().unwrap();
        let ids = ["a", "b", "c"];
        region.put_many(ids.map(|id| (id, "old".to_owned()))).await.unwrap();
        let values = ids.map(|id| (id, if id == "b" { large() } else { "new".to_owned() }));
        assert_eq!(region.put_many(values).await.unwrap_err().kind(), ErrorKind::Limit);
        let below = region.with(|policy| policy.skip("memory"));
        let found = below.get_many(&ids).await.unwrap();
        let found: Vec<_> = found.iter().map(|value| value.as_deref().map(String::as_str)).collect();
        assert_eq!(found, [Some("new"), None, Some("new")], "{says:?}");
        assert_eq!(refused(&events, "far"), 1, "{says:?}");
    }
}

#[tokio::test]
async fn rule_65_a_load_too_large_for_a_tier_ends_the_older_value_there() {
    for says in [Says::Error, Says::Outcome] {
        let (cache, model, events, clock) = bounded(says, Memory::bytes(1500)).await;
        let source = tests::ScriptedLoader::versions();
        let ttl = Ttl::new(LIFE).grace(100 * LIFE);
        let region = cache.region::<String>("k").ttl(ttl).loader(source.clone()).open().unwrap();
        region.get("a").await.unwrap();
        settle().await;
        let key = region.key("a").unwrap();
        assert!(model.entry(&key).is_some());
        clock.advance(2 * LIFE);
        source.answer(&key, Answer::Value(Fetched::new(large())));
        region.refresh(&["a"]).await.unwrap().all().unwrap();
        settle().await;
        assert_eq!((model.entry(&key), refused(&events, "far")), (None, 1), "{says:?}");
        source.answer(&key, Answer::Fail(ErrorKind::Load));
        assert!(region.get("a").await.is_err(), "no grace of what is older: {says:?}");
    }
}

#[tokio::test]
async fn rule_65_a_copy_up_too_large_for_the_upper_tier_ends_the_older_value_there() {
    let clock = Clock::manual();
    let (upper, lower) = (Arc::new(ModelTier::new("upper")), Arc::new(ModelTier::new("lower")));
    let node = async || {
        let bounded = Bounded { model: Arc::clone(&upper), bytes: BOUND, says: Says::Error };
        let builder = Cache::builder().clock(clock.clone()).tier(bounded).tier(Arc::clone(&lower));
        let cache = builder.build().await.unwrap();
        let ttl = Ttl::new(LIFE).grace(100 * LIFE);
        cache.region::<String>("k").ttl(ttl).open().unwrap()
    };
    let region = node().await;
    region.put("a", "old".to_owned()).await.unwrap();
    clock.advance(2 * LIFE);
    region.with(|policy| policy.skip("upper")).put("a", large()).await.unwrap();
    let other = node().await;
    assert_eq!(*other.get("a").await.unwrap().unwrap(), large());
    settle().await;
    assert_eq!(upper.entry(&region.key("a").unwrap()), None);
}

#[tokio::test]
async fn rule_65_a_tier_that_can_not_even_remove_the_older_value_owes_the_removal() {
    for kind in [ErrorKind::Limit, ErrorKind::Config, ErrorKind::Codec, ErrorKind::Corrupt, ErrorKind::Closed]
    {
        let fixture = Fixture::built(
            |cache| cache.memory(Memory::bytes(1)),
            |region| region.ttl(Ttl::new(LIFE * 1000)),
        )
        .await;
        fixture.region.put("a", "old".to_owned()).await.unwrap();
        fixture.tier.fail(Operation::Put, kind);
        fixture.tier.fail(Operation::Remove, kind);
        assert_eq!(fixture.region.put("a", "new".to_owned()).await.unwrap_err().kind(), kind);
        assert_eq!(fixture.held("a").as_deref(), Some("old"));
        for _ in 0..20 {
            assert_ne!(fixture.get("a").await.as_deref(), Some("old"), "{kind:?}");
            fixture.pass(20);
            settle().await;
        }
        fixture.tier.up();
        fixture.pass(100);
        settle().await;
        assert_ne!(fixture.held("a").as_deref(), Some("old"), "{kind:?}");
    }
}

#[tokio::test]
async fn rule_65_a_write_that_is_given_up_leaves_no_older_value_to_be_served() {
    let fixture = Fixture::with(|region| region.ttl(Ttl::new(LIFE * 1000))).await;
    fixture.region.put("a", "old".to_owned()).await.unwrap();
    fixture.tier.poison(&fixture.key("a"));
    fixture.region.put("a", "new".to_owned()).await.unwrap();
    for _ in 0..20 {
        fixture.pass(2);
        settle().await;
    }
    assert_eq!((fixture.cache.stats().tiers[0].pending, fixture.cache.stats().tiers[0].lost), (0, 1));
    assert_eq!(fixture.held("a").as_deref(), Some("old"));
    fixture.tier.up();
    let below = fixture.region.with(|policy| policy.skip("memory"));
    assert_ne!(below.get("a").await.unwrap().as_deref().map(String::as_str), Some("old"), "not even at once");
    fixture.pass(100);
    settle().await;
    assert_ne!(fixture.held("a").as_deref(), Some("old"));
}

#[tokio::test]
async fn rule_65_what_had_no_room_in_the_queue_leaves_no_older_value_to_be_served() {
    let fixture = Fixture::with(|region| region.ttl(Ttl::new(LIFE * 1000))).await;
    for id in ["a", "b"] {
        fixture.region.put(id, "old".to_owned()).await.unwrap();
    }
    fixture.tier.down();
    // One that is larger than all that may wait, and one that others drive out.
    fixture.region.put("a", "x".repeat(20 << 20)).await.unwrap();
    fixture.region.put("b", "new".to_owned()).await.unwrap();
    fixture.region.put_many((0..10_100).map(|n| (format!("{n}"), "x".to_owned()))).await.unwrap();
    assert!(fixture.cache.stats().tiers[0].lost >= 2);
    fixture.tier.up();
    let below = fixture.region.with(|policy| policy.skip("memory"));
    for id in ["a", "b"] {
        assert_eq!(fixture.held(id).as_deref(), Some("old"));
        assert_ne!(below.get(id).await.unwrap().as_deref().map(String::as_str), Some("old"), "{id}");
    }
    fixture.pass(2);
    settle().await;
    assert_ne!((fixture.held("a").as_deref(), fixture.held("b").as_deref()), (Some("old"), Some("old")));
}

#[tokio::test]
async fn rule_65_memory_alone_ends_the_older_of_a_value_that_is_too_heavy_for_it() {
    for policy in cache_facade::Eviction::ALL {
        let events = Recorder::default();
        let memory = Memory::builder().bytes(5000).eviction(policy).build();
        let cache = Cache::builder().memory(memory).observer(events.clone()).build().await.unwrap();
        let region = cache.region::<String>("k").open().unwrap();
        region.put("a", "old".to_owned()).await.unwrap();
        let error = region.put("a", "x".repeat(10_000)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
        assert_eq!(region.get("a").await.unwrap(), None, "{policy:?}");
        assert_eq!((refused(&events, "memory"), cache.stats().memory.evictions.oversized), (1, 1));
        let values = vec![("b", "kept".to_owned()), ("a", "x".repeat(10_000))];
        assert_eq!(region.put_many(values).await.unwrap_err().kind(), ErrorKind::Limit);
        assert!(region.peek("b").is_some(), "the others are kept");
    }
}

#[tokio::test]
async fn rule_65_other_nodes_drop_the_older_value_too() {
    let (clock, bus) = (Clock::manual(), LocalBus::default());
    let model = Arc::new(ModelTier::new("far"));
    let node = async || {
        let tier = FaultyTier::over(Bounded { model: Arc::clone(&model), bytes: BOUND, says: Says::Error });
        let builder = Cache::builder().clock(clock.clone()).bus(bus.clone()).tier(tier);
        builder.build().await.unwrap().region::<String>("k").ttl(Ttl::new(LIFE * 1000)).open().unwrap()
    };
    let (a, b) = (node().await, node().await);
    settle().await;
    a.put("a", "old".to_owned()).await.unwrap();
    assert_eq!(b.get("a").await.unwrap().as_deref().map(String::as_str), Some("old"));
    a.put("a", large()).await.unwrap();
    settle().await;
    assert_eq!(b.get("a").await.unwrap(), None);
    assert_eq!(*a.get("a").await.unwrap().unwrap(), large(), "who wrote it has it");
}

/// A microsecond apart, as here, the removal of the older is born at the same moment as the older itself.
#[tokio::test]
async fn rule_65_an_older_value_that_was_still_pending_is_ended_as_well() {
    let fixture = Fixture::built(|cache| cache.memory(Memory::bytes(1)), |region| region).await;
    fixture.tier.down();
    fixture.region.put("a", "old".to_owned()).await.unwrap();
    assert_eq!(fixture.get("a").await.as_deref(), Some("old"));
    fixture.tier.fail(Operation::Put, ErrorKind::Closed);
    assert!(fixture.region.put("a", large()).await.is_err());
    assert_ne!(fixture.get("a").await.as_deref(), Some("old"));
}

#[tokio::test]
async fn rule_65_a_load_too_large_to_be_stored_anywhere_is_answered_and_said() {
    let (cache, model, events, _) = bounded(Says::Error, Memory::mib(64)).await;
    let region = cache.region::<String>("k").open().unwrap();
    let load = async || {
        let load = || async { Ok::<_, std::io::Error>("x".repeat(33 << 20)) };
        region.get_or_load("a", load).await.unwrap().len()
    };
    assert_eq!((load().await, load().await), (33 << 20, 33 << 20));
    assert_eq!((cache.stats().loads, cache.stats().too_large, refused(&events, "memory")), (2, 2, 2));
    assert_eq!(model.entry(&region.key("a").unwrap()), None);
}

#[tokio::test]
async fn rule_65_other_nodes_drop_what_is_older_than_a_load_that_a_tier_refused() {
    let (clock, bus) = (Clock::manual(), LocalBus::default());
    let (model, source) = (Arc::new(ModelTier::new("far")), tests::ScriptedLoader::versions());
    let node = async || {
        let tier = Bounded { model: Arc::clone(&model), bytes: BOUND, says: Says::Outcome };
        let cache = Cache::builder().clock(clock.clone()).bus(bus.clone()).tier(tier).build().await.unwrap();
        cache.region::<String>("k").ttl(Ttl::new(LIFE)).loader(source.clone()).open().unwrap()
    };
    let (a, b) = (node().await, node().await);
    settle().await;
    a.get("a").await.unwrap();
    settle().await;
    b.get("a").await.unwrap();
    assert!(b.peek("a").is_some());
    source.answer(&a.key("a").unwrap(), Answer::Value(Fetched::new(large())));
    assert_eq!(a.refresh(&["a"]).await.unwrap().loaded, 1);
    settle().await;
    assert_eq!(b.peek("a"), None);
    assert_eq!(*a.get("a").await.unwrap().unwrap(), large(), "who loaded it has it");
}
