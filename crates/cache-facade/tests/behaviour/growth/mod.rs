//! More of everything than is remembered: what must be forgotten goes a little at a time.

use std::time::Duration;

use cache_core::{Clock, ErrorKind, Operation};
use cache_facade::{Cache, Fetched, Region};
use tests::{Fixture, Gate, LocalBus, RecordedEvent, settle};

use crate::nodes::nodes;

const HOUR: Duration = Duration::from_secs(3600);

/// How many tags the caches of these scenarios remember.
const REMEMBERED: usize = 1024;

/// Lets the upkeep of a cache run once.
async fn upkeep(clock: &Clock) {
    clock.advance(Duration::from_secs(30));
    settle().await;
}

/// A cache of memory alone, and a region whose values live for a day.
async fn memory_alone() -> (Clock, Cache, Region<u32>) {
    let clock = Clock::manual();
    let builder = Cache::builder().clock(clock.clone()).remembered_tags(REMEMBERED);
    let cache = builder.build().await.unwrap();
    let region = cache.region::<u32>("price").ttl(24 * HOUR).open().unwrap();
    (clock, cache, region)
}

async fn put_tagged(region: &Region<u32>, count: u32) {
    for id in 0..count {
        region.put(&id, Fetched::new(id).tag(format!("own-{id}"))).await.unwrap();
    }
}

#[tokio::test]
async fn rule_97_memory_alone_forgets_any_number_of_tags_and_loses_nothing_that_they_do_not_name() {
    let (clock, cache, region) = memory_alone().await;
    put_tagged(&region, 1000).await;
    for id in 0..10 {
        cache.invalidate(format!("own-{id}")).await.unwrap();
        cache.mark_stale(format!("own-{}", id + 10)).await.unwrap();
    }
    for round in 0..100 {
        for tag in 0..100 {
            cache.invalidate(format!("{round}-{tag}")).await.unwrap();
        }
        upkeep(&clock).await;
    }
    let held = |id: u32| region.peek(&id).is_some();
    assert_eq!((0..10).filter(|id| held(*id)).count(), 0, "what a tag ended is ended for good");
    assert_eq!((10..1000).filter(|id| !held(*id)).count(), 0, "and nothing else is");
    for id in [10, 19, 20, 999] {
        let answer = region.lookup(&id).await.unwrap();
        assert_eq!(
            (answer.value.as_deref(), answer.stale),
            (Some(&id), id < 20),
            "what was marked stays marked"
        );
    }
    // Nor does what comes later lose anything to what was forgotten.
    put_tagged(&region, 10).await;
    assert!((0..10).all(held));
}

#[tokio::test]
async fn rule_97_a_burst_of_tags_ends_a_part_of_what_memory_alone_holds_and_never_all_at_once() {
    let (_clock, cache, region) = memory_alone().await;
    put_tagged(&region, 1000).await;
    let mut held = 1000;
    for round in 0..16 {
        for tag in 0..128 {
            cache.invalidate(format!("{round}-{tag}")).await.unwrap();
        }
        let now = (0..1000_u32).filter(|id| region.peek(id).is_some()).count();
        assert!(now + 130 > held, "round {round}: {held} to {now}");
        held = now;
    }
    assert!((400..900).contains(&held), "{held}");
}

#[tokio::test]
async fn rule_97_a_load_that_began_before_a_tag_was_invalidated_is_not_kept_though_the_tag_was_forgotten() {
    let (clock, cache, _) = memory_alone().await;
    let region = cache.region::<u32>("price").ttl(24 * HOUR).hard_timeout("2m").open().unwrap();
    let (gate, loading) = (Gate::closed(), region.clone());
    let passed = gate.clone();
    let caller = tokio::spawn(async move {
        let load = move || async move {
            passed.pass().await;
            Fetched::new(7).tag("own")
        };
        loading.get_or_load(&1, load).await
    });
    gate.reached(1).await;
    cache.invalidate("own").await.unwrap();
    for tag in 0..3000 {
        cache.invalidate(format!("other-{tag}")).await.unwrap();
    }
    // The upkeep sweeps memory, which holds nothing of it yet. The load has not timed out.
    for _ in 0..2 {
        upkeep(&clock).await;
    }
    gate.open();
    assert_eq!(*caller.await.unwrap().unwrap(), 7, "its caller is answered");
    assert_eq!(region.peek(&1), None);
}

#[tokio::test]
async fn rule_103_a_tier_that_takes_no_writes_while_tags_are_invalidated_serves_nothing_that_they_ended() {
    let fixture =
        Fixture::built(|cache| cache.remembered_tags(REMEMBERED), |region| region.ttl(24 * HOUR)).await;
    for id in 0..200 {
        let value = Fetched::new("old".to_owned()).tag(format!("own-{id}"));
        fixture.region.put(&id.to_string(), value).await.unwrap();
    }
    fixture.tier.fail(Operation::Put, ErrorKind::Unavailable);
    for id in 0..100 {
        fixture.cache.invalidate(format!("own-{id}")).await.unwrap();
    }
    for round in 0..30 {
        for tag in 0..100 {
            fixture.cache.invalidate(format!("{round}-{tag}")).await.unwrap();
        }
        upkeep(&fixture.clock).await;
    }
    let held = |id: usize| fixture.peek(&id.to_string()).is_some();
    assert!((0..100).all(|id| !held(id)), "ended");
    assert!((100..200).all(held), "memory is swept, whatever the tier has not taken");
    let after_a_restart = fixture.another(|region| region.ttl(24 * HOUR)).await;
    for id in 0..100 {
        assert_ne!(fixture.get(&id.to_string()).await.as_deref(), Some("old"), "{id}");
    }
    // What the tier got, others read.
    fixture.tier.up();
    for _ in 0..5 {
        upkeep(&fixture.clock).await;
    }
    drop(after_a_restart);
}

#[tokio::test]
async fn rule_100_a_batch_of_any_size_takes_nothing_from_other_nodes_that_it_does_not_name() {
    let (_bus, [a, b]): (LocalBus, _) = nodes().await;
    for id in 0..100 {
        b.region.put(&format!("own-{id}"), "kept".to_owned()).await.unwrap();
    }
    b.region.put("24999", "old".to_owned()).await.unwrap();
    settle().await;
    let unproven = || b.events.count(|seen| matches!(seen, RecordedEvent::Unproven { .. }));
    let before = unproven();
    a.region.put_many((0..25_000).map(|id| (id.to_string(), "new".to_owned()))).await.unwrap();
    settle().await;
    assert_eq!(unproven(), before, "no message is missed");
    assert!((0..100).all(|id| b.peek(&format!("own-{id}")).is_some()));
    assert_eq!(b.peek("24999"), None);
    let keys: Vec<String> = (0..25_000).map(|id| id.to_string()).collect();
    assert_eq!(a.region.remove_many(&keys).await.unwrap(), 25_000);
    settle().await;
    assert_eq!(unproven(), before, "nor by a removal");
    assert!((0..100).all(|id| b.peek(&format!("own-{id}")).is_some()));
}
