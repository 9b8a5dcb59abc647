//! Several nodes over one tier and one bus: what one writes or invalidates, the others drop, and nothing
//! else.

mod clocks;
mod deaf_bus;
mod replaced;
mod set_back;

use std::{sync::Arc, time::Duration};

use cache_core::{Bus, Operation, Pattern, Tag, message::Message};
use cache_facade::{Cache, CacheBuilder, Fetched, OnBusLoss};
use tests::{FaultyTier, Fixture, LocalBus, RecordedEvent, eventually, settle, soon};

/// This many nodes over one tier and one bus.
pub(crate) async fn nodes<const N: usize>() -> (LocalBus, [Fixture; N]) {
    let bus = LocalBus::default();
    let first = Fixture::built(|cache| cache.bus(bus.clone()), |region| region).await;
    let mut nodes = vec![first];
    while nodes.len() < N {
        nodes.push(nodes[0].another_built(|cache| cache.bus(bus.clone()), |region| region).await);
    }
    settle().await;
    (bus, nodes.try_into().expect("as many as asked for"))
}

fn unproven(node: &Fixture) -> usize {
    node.events.count(|seen| matches!(seen, RecordedEvent::Unproven { .. }))
}

#[tokio::test]
async fn rule_34_a_put_reaches_who_holds_the_key_and_costs_the_others_nothing() {
    let (_bus, [a, b, c]) = nodes().await;
    b.get("AAPL").await;
    settle().await;
    c.tier.forget_calls();
    a.region.put("AAPL", "new".to_owned()).await.unwrap();
    settle().await;
    assert_eq!(b.peek("AAPL"), None, "what was put elsewhere is newer");
    assert!(c.tier.calls(Operation::Get).is_empty(), "nobody reads because somebody wrote");
    assert_eq!(c.cache.stats().memory.tombstones, 0, "nor keeps anything in mind");
    assert_eq!(b.get("AAPL").await.as_deref(), Some("new"));
}

#[tokio::test]
async fn rule_35_a_node_ignores_its_own_messages() {
    let (bus, [a]) = nodes().await;
    a.region.put("AAPL", "new".to_owned()).await.unwrap();
    settle().await;
    assert_eq!(bus.carried().len(), 1);
    assert_eq!(a.peek("AAPL").as_deref(), Some("new"));
    assert_eq!(a.cache.stats().bus.unwrap().received, 0);
}

#[tokio::test]
async fn rule_36_a_message_older_than_the_entry_is_ignored() {
    let (bus, [a, b]) = nodes().await;
    a.region.put("AAPL", "old".to_owned()).await.unwrap();
    a.region.remove("MSFT").await.unwrap();
    settle().await;
    let messages = bus.carried();
    b.region.put("AAPL", "new".to_owned()).await.unwrap();
    b.region.put("MSFT", "new".to_owned()).await.unwrap();
    for message in messages {
        bus.publish(message).await.unwrap();
    }
    settle().await;
    assert_eq!(b.peek("AAPL").as_deref(), Some("new"));
    assert_eq!(b.peek("MSFT").as_deref(), Some("new"));
}

#[tokio::test]
async fn rule_29_a_load_is_not_kept_after_a_removal_on_another_node() {
    let (_bus, [a, b]) = nodes().await;
    let gate = b.source.gate();
    let caller = b.ask("AAPL").await;
    a.region.remove("AAPL").await.unwrap();
    settle().await;
    gate.open();
    assert_eq!(caller.await.unwrap().unwrap().as_deref(), Some("AAPL@1"), "its callers are answered");
    settle().await;
    assert_eq!((b.peek("AAPL"), b.held("AAPL")), (None, None));
}

#[tokio::test]
async fn rule_29_nor_is_a_load_that_was_given_up_and_comes_late() {
    let (_bus, [a, b]) = nodes().await;
    let gate = b.source.gate();
    let caller = b.ask("AAPL").await;
    b.pass(31);
    assert!(caller.await.unwrap().is_err(), "nobody waits longer");
    a.region.remove("AAPL").await.unwrap();
    settle().await;
    gate.open();
    settle().await;
    assert_eq!((b.peek("AAPL"), b.held("AAPL")), (None, None));
}

#[tokio::test]
async fn rule_45_whatever_ends_entries_ends_them_on_every_node() {
    let (_bus, [a, b]) = nodes().await;
    let tag = Tag::new("tech").unwrap();
    let fill = async || {
        for id in ["AAPL", "MSFT"] {
            b.region.put(id, Fetched::new(id.to_owned()).tag(tag.clone())).await.unwrap();
        }
        settle().await;
        assert!(b.peek("AAPL").is_some() && b.peek("MSFT").is_some());
    };
    fill().await;
    a.cache.invalidate(&tag).await.unwrap();
    settle().await;
    assert_eq!((b.peek("AAPL"), b.peek("MSFT")), (None, None), "by tag");
    fill().await;
    a.cache.remove_matching(Pattern::glob("price:A*").unwrap()).await.unwrap();
    settle().await;
    assert_eq!((b.peek("AAPL"), b.peek("MSFT").as_deref()), (None, Some("MSFT")), "by pattern");
    fill().await;
    a.region.clear().await.unwrap();
    settle().await;
    assert_eq!((b.peek("AAPL"), b.peek("MSFT")), (None, None), "by kind");
    fill().await;
    a.cache.clear().await.unwrap();
    settle().await;
    assert_eq!((b.peek("AAPL"), b.peek("MSFT")), (None, None), "all");
}

#[tokio::test]
async fn rule_37_what_was_held_before_the_connection_was_lost_is_not_served_unchecked() {
    let (bus, [a, b]) = nodes().await;
    b.region.put("AAPL", "old".to_owned()).await.unwrap();
    settle().await;
    bus.cut();
    settle().await;
    assert!(!b.cache.health().healthy && !b.cache.health().bus.unwrap().connected);
    a.region.put("AAPL", "new".to_owned()).await.unwrap();
    assert_eq!(b.get("AAPL").await.as_deref(), Some("old"), "while it is cut, for as long as it lives");
    bus.restore();
    let before = unproven(&b);
    for _ in 0..12 {
        b.pass(1);
        settle().await;
    }
    assert!(unproven(&b) > before);
    assert_eq!(b.get("AAPL").await.as_deref(), Some("new"));
    assert!(b.cache.health().healthy);
}

#[tokio::test]
async fn rule_37_a_load_from_before_the_gap_is_not_kept_after_it() {
    let (bus, [a, b]) = nodes().await;
    a.region.put("first", "x".to_owned()).await.unwrap();
    let gate = b.source.gate();
    let caller = b.ask("AAPL").await;
    bus.lose(1);
    a.cache.remove_matching(Pattern::glob("price:*").unwrap()).await.unwrap();
    a.region.put("other", "x".to_owned()).await.unwrap();
    settle().await;
    gate.open();
    caller.await.unwrap().unwrap();
    settle().await;
    assert_eq!(b.peek("AAPL"), None);
}

#[tokio::test]
async fn rule_37_a_message_that_was_lost_is_missed_at_the_next_or_at_the_next_heartbeat() {
    let (bus, [a, b]) = nodes().await;
    a.region.put("first", "x".to_owned()).await.unwrap();
    for last in [false, true] {
        b.region.put("AAPL", "old".to_owned()).await.unwrap();
        settle().await;
        bus.lose(1);
        a.region.remove("AAPL").await.unwrap();
        settle().await;
        assert_eq!(b.peek("AAPL").as_deref(), Some("old"), "it can't know");
        if last {
            a.pass(7);
        } else {
            a.region.put("other", "x".to_owned()).await.unwrap();
        }
        settle().await;
        assert_eq!(b.peek("AAPL"), None);
        assert_eq!(b.get("AAPL").await.as_deref().map(|value| value.starts_with("AAPL@")), Some(true));
        b.region.remove("AAPL").await.unwrap();
    }
}

#[tokio::test]
async fn rule_43_more_than_can_wait_to_be_told_is_told_as_a_gap() {
    let (bus, [a, b]) = nodes().await;
    a.region.put("first", "x".to_owned()).await.unwrap();
    b.region.put("AAPL", "old".to_owned()).await.unwrap();
    settle().await;
    bus.cut();
    for batch in 0..25 {
        a.region.put_many((0..500).map(|n| (format!("{batch}/{n}"), "x".to_owned()))).await.unwrap();
    }
    bus.restore();
    for _ in 0..12 {
        a.pass(1);
        settle().await;
    }
    assert!(bus.carried().len() < 100, "they were not all kept");
    assert_eq!(b.peek("AAPL"), None);
}

#[tokio::test]
async fn a_dead_bus_holds_up_nobody() {
    let (bus, [a, _b]) = nodes().await;
    bus.cut();
    for n in 0..20 {
        a.region.put(&n.to_string(), "x".to_owned()).await.unwrap();
        a.region.remove(&n.to_string()).await.unwrap();
    }
    let failures = a.events.count(|seen| matches!(seen, RecordedEvent::BusFailed { .. }));
    assert!((1..10).contains(&failures), "{failures}: it is tried again now and then, not at each write");
}

#[tokio::test]
async fn a_bus_that_dies_while_it_sends_holds_up_nobody_who_came_meanwhile() {
    let (bus, [a, _b]) = nodes().await;
    let gate = bus.gate();
    let write = |id: &'static str| {
        let region = a.region.clone();
        tokio::spawn(async move { region.put(id, "x".to_owned()).await })
    };
    let first = write("first");
    gate.reached(1).await;
    let second = write("second");
    settle().await;
    bus.cut();
    gate.open();
    for write in [first, second] {
        soon(write).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn rule_39_what_nobody_understands_is_taken_for_a_gap() {
    let (bus, [_a, b]) = nodes().await;
    b.region.put("AAPL", "old".to_owned()).await.unwrap();
    bus.publish(b"anything".as_slice().into()).await.unwrap();
    settle().await;
    assert_eq!(b.peek("AAPL"), None);
    assert_eq!(b.get("AAPL").await.as_deref(), Some("old"), "from the tier");
}

#[tokio::test]
async fn caches_of_other_namespaces_on_the_same_bus_are_not_heard() {
    let (bus, [_a, b]) = nodes().await;
    let other = Cache::builder().namespace("other").bus(bus.clone()).build().await.unwrap();
    b.region.put("AAPL", "mine".to_owned()).await.unwrap();
    other.clear().await.unwrap();
    settle().await;
    assert_eq!(Message::open(bus.carried().last().unwrap()).unwrap().namespace, "other");
    assert_eq!(b.peek("AAPL").as_deref(), Some("mine"));
}

#[tokio::test]
async fn a_cache_that_is_gone_leaves_the_bus() {
    let (bus, [a, b]) = nodes().await;
    assert_eq!(bus.listeners(), 2);
    drop(b);
    a.region.put("AAPL", "x".to_owned()).await.unwrap();
    eventually("its listener goes", || bus.listeners() == 1).await;
    a.clock.advance(Duration::from_secs(10));
    settle().await;
    assert_eq!(bus.listeners(), 1);
}

#[tokio::test]
async fn rule_37_a_node_first_heard_of_long_after_its_first_message_may_have_ended_anything() {
    let (bus, [a, b]) = nodes().await;
    b.region.put("AAPL", "old".to_owned()).await.unwrap();
    settle().await;
    bus.lose(usize::MAX);
    a.region.remove("AAPL").await.unwrap();
    for _ in 0..4 {
        a.pass(7);
        settle().await;
    }
    bus.lose(0);
    a.region.put("other", "x".to_owned()).await.unwrap();
    settle().await;
    assert_eq!(b.peek("AAPL"), None);
}

#[tokio::test]
async fn rule_37_a_load_that_was_given_up_before_the_gap_is_not_kept_after_it() {
    let (bus, [a, b]) = nodes().await;
    a.region.put("first", "x".to_owned()).await.unwrap();
    let gate = b.source.gate();
    let caller = b.ask("AAPL").await;
    b.pass(31);
    assert!(caller.await.unwrap().is_err());
    bus.lose(1);
    a.cache.remove_matching(Pattern::glob("price:*").unwrap()).await.unwrap();
    a.region.put("other", "x".to_owned()).await.unwrap();
    settle().await;
    gate.open();
    settle().await;
    assert_eq!(b.peek("AAPL"), None);
}

#[tokio::test]
async fn rule_37_a_stamp_that_was_missed_is_read_from_the_tiers_after_the_gap() {
    let (bus, [a, b]) = nodes().await;
    let tag = Tag::new("tech").unwrap();
    a.region.put("AAPL", Fetched::new("old".to_owned()).tag(tag.clone())).await.unwrap();
    a.region.put("MSFT", "old".to_owned()).await.unwrap();
    assert_eq!(b.get("AAPL").await.as_deref(), Some("old"), "now it knows the stamps: none");
    bus.lose(1);
    a.cache.invalidate(&tag).await.unwrap();
    a.region.put("other", "x".to_owned()).await.unwrap();
    settle().await;
    assert_eq!(b.get("AAPL").await.as_deref(), Some("AAPL@1"));
    assert_eq!(b.get("MSFT").await.as_deref(), Some("old"));
    bus.lose(1);
    a.region.clear().await.unwrap();
    a.region.put("other", "x".to_owned()).await.unwrap();
    settle().await;
    assert_eq!(b.get("MSFT").await.as_deref(), Some("MSFT@1"));
}

#[tokio::test]
async fn rule_37_memory_can_be_told_to_serve_nothing_while_others_cannot_be_heard() {
    let bus = LocalBus::default();
    let strict = |cache: CacheBuilder| cache.bus(bus.clone()).on_bus_loss(OnBusLoss::AskTiers);
    let a = Fixture::built(strict, |region| region).await;
    let b = a.another_built(strict, |region| region).await;
    settle().await;
    b.region.put("AAPL", "old".to_owned()).await.unwrap();
    settle().await;
    bus.cut();
    settle().await;
    a.region.put("AAPL", "new".to_owned()).await.unwrap();
    assert_eq!(b.get("AAPL").await.as_deref(), Some("new"), "from the tier");
    assert_eq!(b.peek("AAPL"), None);
}

#[tokio::test]
async fn rule_44_what_other_nodes_read_before_a_tier_was_told_of_a_removal_is_let_go_then() {
    let (bus, [a, b]) = nodes().await;
    // `a` alone can't reach the tier.
    let down = FaultyTier::over(Arc::clone(&a.model));
    let cut_off = {
        let (tier, clock, bus) = (down.clone(), a.clock.clone(), bus.clone());
        a.another_built(|_| Cache::builder().clock(clock).bus(bus).tier(tier), |region| region).await
    };
    b.region.put("removed", "old".to_owned()).await.unwrap();
    b.region.put("put", "old".to_owned()).await.unwrap();
    b.region.put("quiet", "old".to_owned()).await.unwrap();
    settle().await;
    down.down();
    cut_off.region.remove("quiet").await.unwrap();
    cut_off.region.remove("removed").await.unwrap();
    cut_off.region.put("put", "new".to_owned()).await.unwrap();
    settle().await;
    for id in ["removed", "put"] {
        assert_ne!(
            b.get(id).await.as_deref(),
            Some("old"),
            "{id}: the tier holds it, but it is known to be over"
        );
    }
    // A node that comes now can't know, until the tier is told.
    let late = a.another_built(|cache| cache.bus(bus.clone()), |region| region).await;
    settle().await;
    assert_eq!(late.get("quiet").await.as_deref(), Some("old"));
    down.up();
    late.pass(2);
    settle().await;
    assert_eq!(late.peek("quiet"), None);
    assert_ne!(late.get("put").await.as_deref(), Some("old"));
}
