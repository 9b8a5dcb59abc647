//! Marks on other nodes: by the bus, by the tiers, and after a node was cut off.

use cache_core::{Entry, ErrorKind, Meta, Prefix};
use cache_facade::Ttl;
use tests::{Fixture, GRACE, LocalBus, settle};

use super::{Way, old, put, refresh, served};
use crate::nodes::nodes;

#[tokio::test]
async fn rule_84_a_mark_reaches_what_other_nodes_hold_and_what_they_find_later() {
    for way in Way::ALL {
        for holds in [false, true] {
            let (_bus, [a, b]) = nodes().await;
            put(&a.region).await;
            b.source.fail(ErrorKind::Unavailable);
            if holds {
                assert!(!served(&b.region).await.2);
            } else {
                // The clears and marks of others are known by now.
                b.region.get("MSFT").await.unwrap();
            }
            way.mark(&a.cache, &a.region).await;
            settle().await;
            let source = if holds { "memory" } else { "far" };
            assert_eq!(served(&b.region).await, old(source), "{way:?}");
            assert_eq!(b.region.lookup("MSFT").await.unwrap().stale, !way.spares_others(), "{way:?}");
        }
    }
}

#[tokio::test]
async fn rule_84_each_node_refreshes_once_and_the_second_finds_what_the_first_loaded() {
    for way in Way::ALL {
        let (_bus, [a, b]) = nodes().await;
        put(&a.region).await;
        served(&b.region).await;
        way.mark(&a.cache, &a.region).await;
        settle().await;
        assert_eq!(served(&b.region).await, old("memory"), "{way:?}");
        refresh(&b).await;
        // Of a put elsewhere the other node is told, and reads it from the tier.
        assert_eq!(served(&a.region).await, ("AAPL@1".to_owned(), "far", false), "{way:?}");
        assert_eq!(a.source.loads(&a.key("AAPL")), 1, "{way:?}");
    }
}

#[tokio::test]
async fn rule_84_a_node_that_was_cut_off_learns_of_a_mark() {
    for way in Way::ALL {
        for message_is_lost in [false, true] {
            let (bus, [a, b]) = nodes().await;
            put(&a.region).await;
            assert!(!served(&b.region).await.2);
            b.source.fail(ErrorKind::Unavailable);
            match message_is_lost {
                true => bus.lose(1),
                false => bus.cut(),
            }
            settle().await;
            way.mark(&a.cache, &a.region).await;
            assert!(!served(&b.region).await.2, "{way:?}: it can't know");
            bus.restore();
            for _ in 0..12 {
                b.pass(1);
                settle().await;
            }
            assert_eq!(served(&b.region).await, old("far"), "{way:?}, {message_is_lost}");
        }
    }
}

#[tokio::test]
async fn rule_84_after_a_gap_it_is_forgotten_that_a_key_was_not_marked() {
    let (bus, [a, b]) = nodes().await;
    put(&a.region).await;
    a.region.mark_stale("MSFT").await.unwrap();
    settle().await;
    // Of what is older than the last mark of its kind, a node asks whether it is marked.
    assert!(!served(&b.region).await.2);
    b.source.fail(ErrorKind::Unavailable);
    bus.cut();
    settle().await;
    a.region.mark_stale("AAPL").await.unwrap();
    bus.restore();
    for _ in 0..12 {
        b.pass(1);
        settle().await;
    }
    assert_eq!(served(&b.region).await, old("far"));
}

/// Two nodes each read the marks of patterns before the other has written its own.
#[tokio::test]
async fn rule_84_patterns_that_two_nodes_mark_at_once_are_both_kept() {
    for rounds in 1..4 {
        let (_bus, [a, b]) = nodes().await;
        put(&a.region).await;
        for round in 0..rounds {
            let (one, other) = (format!("price:A{}", "?".repeat(3 + round)), format!("price:M*{round}"));
            let both = tokio::join!(
                a.cache.mark_matching_stale("price:MS*"),
                b.cache.mark_matching_stale("price:AAP*")
            );
            both.0.and(both.1).unwrap();
            let both = tokio::join!(a.cache.mark_matching_stale(&*one), b.cache.mark_matching_stale(&*other));
            both.0.and(both.1).unwrap();
        }
        settle().await;
        a.source.fail(ErrorKind::Unavailable);
        let later = a.another(|region| region).await;
        assert_eq!(served(&later.region).await, old("far"));
        assert!(later.region.lookup("MSFT").await.unwrap().stale);
    }
}

/// A pattern marked while the tier was away is there once another node is told of one, or this one looks again.
#[tokio::test]
async fn rule_84_a_pattern_that_another_write_displaced_is_written_again() {
    let bus = LocalBus::default();
    let a = Fixture::built(|cache| cache.bus(bus.clone()), |region| region).await;
    put(&a.region).await;
    a.cache.mark_matching_stale("price:AA*").await.unwrap();
    // As one that wrote at the same moment would have done it.
    let patterns = Prefix::new(None, "stale-patterns").unwrap().reserved().key("").unwrap();
    assert!(a.model.entry(&patterns).is_some());
    let nothing = Entry::absent(Meta::new(a.clock.tick(), Ttl::new(GRACE)));
    a.model.force(&patterns, nothing);
    let b = a.another_built(|cache| cache.bus(bus.clone()), |region| region).await;
    settle().await;
    b.cache.mark_matching_stale("other:*").await.unwrap();
    settle().await;
    a.source.fail(ErrorKind::Unavailable);
    let later = a.another(|region| region).await;
    assert_eq!(served(&later.region).await, old("far"));
}
