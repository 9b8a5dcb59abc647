//! Tags, clears and patterns: many entries are invalidated at once, and none of them comes back.

use std::sync::Arc;

use cache_core::{Clock, ErrorKind, Fetched, Loaded, Operation, Pattern, Tag};
use cache_facade::{Cache, CacheBuilder, Region};
use tests::{Answer, FaultyTier, Fixture, ModelTier, Moment, ScriptedLoader, settle, soon};

fn tag(text: &str) -> Tag {
    Tag::new(text).expect("a valid tag")
}

fn tagged(text: &str, tags: &[&str]) -> Fetched<String> {
    tags.iter().fold(Fetched::new(text.to_owned()), |fresh, text| fresh.tag(tag(text)))
}

#[tokio::test]
async fn rule_45_what_carries_an_invalidated_tag_is_dead_and_what_is_put_later_is_alive() {
    let fixture = Fixture::new().await;
    fixture.region.put("both", tagged("old", &["tech", "us"])).await.unwrap();
    fixture.region.put("other", tagged("other", &["us"])).await.unwrap();
    fixture.region.put("none", "none".to_owned()).await.unwrap();
    fixture.cache.invalidate(tag("tech")).await.unwrap();
    assert_eq!(fixture.peek("both"), None);
    assert_eq!(fixture.get("both").await.as_deref(), Some("both@1"), "not from the tier either");
    assert_eq!(fixture.peek("other").as_deref(), Some("other"));
    assert_eq!(fixture.peek("none").as_deref(), Some("none"));

    fixture.region.put("both", tagged("new", &["tech", "us"])).await.unwrap();
    for fixture in [fixture.another(|region| region).await, fixture] {
        assert_eq!(fixture.get("both").await.as_deref(), Some("new"));
    }
}

#[tokio::test]
async fn rule_45_a_process_started_later_knows_of_an_invalidation() {
    let fixture = Fixture::new().await;
    fixture.region.put("AAPL", tagged("old", &["tech"])).await.unwrap();
    fixture.cache.invalidate(tag("tech")).await.unwrap();
    let later = fixture.another(|region| region).await;
    assert_eq!(later.get("AAPL").await.as_deref(), Some("AAPL@1"));
}

#[tokio::test]
async fn rule_46_of_stamps_that_arrive_out_of_order_the_later_one_counts() {
    let fixture = Fixture::new().await;
    let other = fixture.another(|region| region).await;
    // The earlier stamp is held up on its way to the tier.
    let gate = fixture.tier.gate(Operation::Put, Moment::Before);
    let earlier = tokio::spawn({
        let cache = fixture.cache.clone();
        async move { cache.invalidate(tag("tech")).await.unwrap() }
    });
    gate.reached(1).await;
    fixture.tier.ungate(Operation::Put, Moment::Before);
    other.region.put("AAPL", tagged("between", &["tech"])).await.unwrap();
    other.cache.invalidate(tag("tech")).await.unwrap();
    gate.open();
    earlier.await.unwrap();
    for fixture in [fixture.another(|region| region).await, other] {
        assert_ne!(fixture.get("AAPL").await.as_deref(), Some("between"));
    }
}

/// A cache over two tiers, with a memory of its own.
async fn over(
    clock: &Clock,
    tiers: [&FaultyTier; 2],
    source: &ScriptedLoader<String>,
) -> (Cache, Region<String>) {
    let cache = Cache::builder().clock(clock.clone()).tier(tiers[0].clone()).tier(tiers[1].clone());
    let cache = cache.build().await.unwrap();
    let region = cache.region::<String>("price").loader(source.clone()).open().unwrap();
    (cache, region)
}

#[tokio::test]
async fn rule_47_a_stamp_that_can_not_be_read_is_not_taken_for_none() {
    let clock = Clock::manual();
    let [one, two] = ["one", "two"].map(|name| FaultyTier::over(Arc::new(ModelTier::new(name))));
    let source = ScriptedLoader::versions();
    let (cache, region) = over(&clock, [&one, &two], &source).await;
    region.put("AAPL", tagged("old", &["tech"])).await.unwrap();
    // Only the second tier has the stamp.
    one.down();
    cache.invalidate(tag("tech")).await.unwrap();
    one.up();

    let (_later, region) = over(&clock, [&one, &two], &source).await;
    // The clears of earlier processes are known once something was read.
    region.get("other").await.unwrap();
    two.down();
    let read = region.get("AAPL").await.unwrap().unwrap();
    assert_eq!(*read, "AAPL@1", "the stamp is unknown, so the first tier's value isn't served");

    two.up();
    let (_still_later, region) = over(&clock, [&one, &two], &source).await;
    assert_ne!(*region.get("AAPL").await.unwrap().unwrap(), "old");
}

#[tokio::test]
async fn rule_47_a_stamp_that_could_not_be_read_is_read_again() {
    let clock = Clock::manual();
    let [one, two] = ["one", "two"].map(|name| FaultyTier::over(Arc::new(ModelTier::new(name))));
    let source = ScriptedLoader::versions();
    let (cache, region) = over(&clock, [&one, &two], &source).await;
    region.put("AAPL", tagged("old", &["tech"])).await.unwrap();
    region.put("MSFT", tagged("alive", &["soft"])).await.unwrap();
    one.down();
    cache.invalidate(tag("tech")).await.unwrap();
    one.up();

    let (_later, region) = over(&clock, [&one, &two], &source).await;
    region.get("other").await.unwrap();
    two.down();
    source.fail(ErrorKind::Load);
    for id in ["AAPL", "MSFT"] {
        assert!(region.get(id).await.is_err(), "{id}: neither a stamp nor a load");
    }
    two.up();
    assert_eq!(*region.get("MSFT").await.unwrap().unwrap(), "alive");
    assert!(region.get("AAPL").await.is_err(), "invalidated, and now that is known");
}

#[tokio::test]
async fn rule_47_a_clear_that_could_not_be_read_is_not_taken_for_none() {
    let fixture = Fixture::new().await;
    fixture.region.put("AAPL", "old".to_owned()).await.unwrap();
    fixture.region.clear().await.unwrap();
    // A tier that forgot the clear's tombstones but not its stamp would be asked for it first.
    fixture.tier.fail(Operation::Get, ErrorKind::Unavailable);
    let later = fixture.another(|region| region).await;
    assert_eq!(later.get("AAPL").await.as_deref(), Some("AAPL@1"));
    fixture.tier.up();
    later.region.remove("MSFT").await.unwrap();
    assert_eq!(later.get("AAPL").await.as_deref(), Some("AAPL@1"));
}

#[tokio::test]
async fn rule_48_an_entry_outlives_the_memory_of_its_stamp_and_is_still_dead() {
    let alone = Cache::builder().clock(Clock::manual()).build().await.unwrap();
    let fixture = Fixture::new().await;
    for cache in [alone, fixture.cache] {
        let region = cache.region::<String>("price").open().unwrap();
        region.put("old", tagged("old", &["first"])).await.unwrap();
        cache.invalidate(tag("first")).await.unwrap();
        // More tags than a cache remembers.
        for n in 0..70_000 {
            cache.invalidate(tag(&n.to_string())).await.unwrap();
        }
        assert_eq!(region.get("old").await.unwrap(), None);
        region.put("new", tagged("new", &["first"])).await.unwrap();
        assert_eq!(region.get("new").await.unwrap().as_deref().map(String::as_str), Some("new"));
    }
}

#[tokio::test]
async fn rule_49_after_a_clear_a_failing_loader_brings_no_value_from_before_it() {
    for all in [false, true] {
        let fixture = Fixture::new().await;
        for id in ["fresh", "stale"] {
            fixture.get(id).await;
        }
        fixture.pass(61);
        fixture.get("fresh").await;
        settle().await;
        if all {
            fixture.cache.clear().await.unwrap();
        } else {
            fixture.region.clear().await.unwrap();
        }
        fixture.source.fail(ErrorKind::Load);
        for fixture in [fixture.clone(), fixture.another(|region| region).await] {
            for id in ["fresh", "stale"] {
                assert_eq!(fixture.region.get(id).await.unwrap_err().kind(), ErrorKind::Load, "{id}");
            }
        }
        fixture.source.recover();
        assert!(fixture.get("fresh").await.is_some());
        settle().await;
        assert!(fixture.peek("fresh").is_some(), "what comes later is kept");
    }
}

#[tokio::test]
async fn rule_49_a_region_opened_after_a_clear_serves_nothing_from_before_it() {
    let fixture = Fixture::new().await;
    fixture.region.put("AAPL", "old".to_owned()).await.unwrap();
    let later = fixture.another(|region| region).await;
    later.cache.clear().await.unwrap();
    let opened = later.cache.region::<String>("price").open().unwrap();
    assert_eq!(
        soon(opened.get("AAPL")).await.unwrap(),
        None,
        "without a loader there is nothing to wait for"
    );
}

#[tokio::test]
async fn rule_49_grace_does_not_outlive_a_tag_that_is_invalidated_during_the_load() {
    let fixture = Fixture::new().await;
    fixture.source.answer(&fixture.key("AAPL"), Answer::Value(tagged("old", &["tech"])));
    fixture.get("AAPL").await;
    fixture.pass(61);
    let gate = fixture.source.gate();
    fixture.get("AAPL").await;
    gate.reached(1).await;
    fixture.cache.invalidate(tag("tech")).await.unwrap();
    let caller = fixture.ask("AAPL").await;
    fixture.source.fail(ErrorKind::Load);
    gate.open();
    assert_eq!(caller.await.unwrap().unwrap_err().kind(), ErrorKind::Load);
}

#[tokio::test]
async fn rule_50_a_clear_of_one_kind_leaves_kinds_that_begin_like_it() {
    for namespace in [None, Some("md")] {
        let cache = |cache: CacheBuilder| match namespace {
            Some(name) => cache.namespace(name),
            None => cache,
        };
        let fixture = Fixture::built(cache, |region| region).await;
        let regions =
            ["users", "usersAbc", "user"].map(|kind| fixture.cache.region::<String>(kind).open().unwrap());
        for region in &regions {
            region.put("1", "value".to_owned()).await.unwrap();
        }
        regions[0].clear().await.unwrap();
        let left = regions.each_ref().map(|region| region.peek("1").is_some());
        assert_eq!(left, [false, true, true]);
        for (region, left) in regions.iter().zip(left) {
            assert_eq!(soon(region.get("1")).await.unwrap().is_some(), left);
        }
    }
}

#[tokio::test]
async fn rule_50_a_pattern_ends_what_it_matches_in_memory_and_in_the_tier_within_its_namespace() {
    let fixture = Fixture::built(|cache| cache.namespace("md"), |region| region).await;
    let ids = ["AAPL:yahoo", "AAPL", "xAAPL", "A*PL", "[A]"];
    for id in ids {
        fixture.region.put(id, id.to_owned()).await.unwrap();
    }
    for (glob, gone) in
        [("price:A\\*PL", 1), ("price:AAPL*", 2), ("price:\\[A]", 1), ("md:price:*", 0), ("price:*", 1)]
    {
        let removed = fixture.cache.remove_matching(Pattern::glob(glob).unwrap()).await.unwrap();
        assert_eq!((removed.memory, &*removed.tiers), (gone, &[("far", gone)][..]), "{glob}");
        let left = |id: &&str| fixture.peek(id).is_some();
        let (near, far) = (
            ids.iter().filter(|id| left(id)).count(),
            ids.iter().filter(|id| fixture.held(id).is_some()).count(),
        );
        assert_eq!(near, far, "memory and the tier agree after {glob}");
    }
}

#[tokio::test]
async fn what_is_known_to_be_absent_ends_with_its_tags() {
    let cache = Cache::builder().tier(tests::ModelTier::new("far")).build().await.unwrap();
    let users = cache.region::<u64>("user").ttl("1h").negative("1h").open().unwrap();
    let load = || async { Loaded::<u64>::AbsentWith { tags: vec![Tag::new("team").unwrap()] } };
    assert_eq!(users.get_or_load("a", load).await.unwrap(), None);
    assert!(users.lookup("a").await.unwrap().is_known_absent());
    cache.invalidate("team").await.unwrap();
    assert!(!users.lookup("a").await.unwrap().is_known_absent());
    assert_eq!(users.get_or_load("a", || async { Some(1) }).await.unwrap().as_deref(), Some(&1));
}
