//! Marks that a tier has not heard of while it was away, and gaps in the messages of other nodes after that.

use cache_core::{ErrorKind, Operation};
use cache_facade::Ttl;
use tests::{Fixture, GRACE, LIFE, LocalBus, settle};

use super::{Way, old, put, refresh, served};
use crate::nodes::nodes;

async fn wait(fixture: &Fixture, seconds: u32) {
    for _ in 0..seconds {
        fixture.pass(1);
        settle().await;
    }
}

/// What was marked while the tier was away is remembered here, and must not be taken for all there is.
#[tokio::test]
async fn rule_84_a_mark_made_while_the_tier_was_away_hides_no_later_one() {
    for way in Way::ALL {
        let (bus, [a, b]) = nodes().await;
        put(&a.region).await;
        a.source.fail(ErrorKind::Unavailable);
        a.tier.down();
        way.mark(&a.cache, &a.region).await;
        a.tier.up();
        wait(&a, 4).await;
        put(&a.region).await;
        assert!(!served(&a.region).await.2 && !served(&b.region).await.2, "{way:?}: it is put anew");
        bus.cut();
        settle().await;
        way.mark(&b.cache, &b.region).await;
        bus.restore();
        wait(&a, 12).await;
        assert_eq!(served(&a.region).await, old("far"), "{way:?}");
    }
}

/// A load of a key that was marked, whose value a put of another node has replaced: nobody is served the old one.
#[tokio::test]
async fn rule_112_what_was_marked_and_then_replaced_elsewhere_waits_for_no_turn() {
    let bus = LocalBus::default();
    let a = Fixture::built(|cache| cache.bus(bus.clone()), |region| region).await;
    drop(a.source.clone().batch(1));
    let b = a.another_built(|cache| cache.bus(bus.clone()), |region| region).await;
    settle().await;
    let ids: Vec<u32> = (0..8).collect();
    a.region.put_many(ids.iter().map(|id| (*id, "old".to_owned()))).await.unwrap();
    for id in &ids {
        b.region.get(id).await.unwrap();
    }
    b.region.mark_many_stale(&ids).await.unwrap();
    let gate = b.source.gate();
    for id in &ids[..7] {
        assert!(b.region.lookup(id).await.unwrap().stale);
    }
    settle().await;
    assert_eq!(b.source.calls(), 4, "the others wait for their turn");
    a.region.put(&7, "new".to_owned()).await.unwrap();
    settle().await;
    b.tier.fail(Operation::Get, ErrorKind::Unavailable);
    let caller = b.ask("7").await;
    assert_eq!(b.source.calls(), 5, "it is loaded at once");
    gate.open();
    assert!(caller.await.unwrap().unwrap().is_some());
}

/// The load of the input began before the mark, and brings what is stale.
#[tokio::test]
async fn rule_84_what_is_computed_of_an_input_that_was_marked_while_it_was_loaded_is_stale() {
    for way in [Way::Key, Way::Pattern, Way::Kind, Way::All] {
        let fixture = Fixture::new().await;
        let length = fixture.cache.region::<usize>("length").ttl(Ttl::new(LIFE).grace(GRACE)).computed(
            fixture.region.clone(),
            |id| Ok(id.to_owned()),
            |_: &str, text: Option<std::sync::Arc<String>>| Ok(text.map(|text| text.len())),
        );
        let length = length.open().unwrap();
        let gate = fixture.source.gate();
        let caller = {
            let length = length.clone();
            tokio::spawn(async move { length.lookup("AAPL").await.unwrap() })
        };
        settle().await;
        way.mark(&fixture.cache, &fixture.region).await;
        gate.open();
        let found = caller.await.unwrap();
        assert_eq!((found.value.as_deref(), found.stale), (Some(&6), true), "{way:?}");
        for _ in 0..2 {
            length.lookup("AAPL").await.unwrap();
            settle().await;
            refresh(&fixture).await;
        }
        assert!(!length.lookup("AAPL").await.unwrap().stale, "{way:?}: and computed anew");
    }
}

#[tokio::test]
async fn rule_84_a_bound_of_lives_holds_for_what_is_marked_too() {
    for marked_first in [true, false] {
        let fixture = Fixture::new().await;
        put(&fixture.region).await;
        fixture.source.fail(ErrorKind::Unavailable);
        let bound = fixture.clock.now().after(std::time::Duration::from_secs(30));
        let is_set = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let bounds = is_set.clone();
        assert!(
            fixture.cache.bound_lives(move |_, _| {
                bounds.load(std::sync::atomic::Ordering::SeqCst).then_some(bound)
            })
        );
        if marked_first {
            fixture.region.mark_stale("AAPL").await.unwrap();
        }
        is_set.store(true, std::sync::atomic::Ordering::SeqCst);
        fixture.cache.apply_life_bound(|_, _| true);
        if !marked_first {
            fixture.region.mark_stale("AAPL").await.unwrap();
        }
        // Grace is 540 s from the end of a life.
        fixture.pass(569);
        assert_eq!(served(&fixture.region).await, old("memory"), "{marked_first}");
        fixture.pass(2);
        assert!(fixture.region.get("AAPL").await.is_err(), "{marked_first}");
    }
}
