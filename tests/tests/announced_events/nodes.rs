//! Events that one node announces and others hear of, with a bus and without.

use std::time::Duration;

use cache_core::Operation;
use cache_market::{EventKind, MarketEvent};
use tests::{Moment, settle};

use crate::fixture::{HOUR, SECOND, World, asset, disk};

#[tokio::test]
async fn rule_76_other_nodes_hear_of_an_event_and_no_life_reaches_past_it() {
    let world = World::new();
    let (a, b) = (world.node(&disk()).await, world.node(&disk()).await);
    b.price("AAPL").await;
    b.price("MSFT").await;
    let at = world.ahead(HOUR);
    let id = a.announce("AAPL", EventKind::CorporateAction, at).await.id;
    b.poll().await;
    assert!(b.events.get(id).is_some());
    assert_eq!(b.price("AAPL").await, (true, at, Some(0)), "in memory since before");
    assert!(b.price("MSFT").await.1 > at);
    world.pass(HOUR).await;
    let (fresh, _, value) = b.price("AAPL").await;
    assert!(!fresh || value != Some(0));
}

#[tokio::test]
async fn rule_76_without_a_bus_other_nodes_hear_within_two_seconds() {
    let world = World::without_bus();
    let (a, b) = (world.node(&disk()).await, world.node(&disk()).await);
    b.price("AAPL").await;
    let at = world.ahead(HOUR);
    let id = a.announce("AAPL", EventKind::CorporateAction, at).await.id;
    world.pass(2 * SECOND).await;
    b.poll().await;
    assert_eq!(b.price("AAPL").await, (true, at, Some(0)));
    b.events.withdraw(id).await.unwrap().unwrap();
    world.pass(2 * SECOND).await;
    a.poll().await;
    assert_eq!(a.ahead(), [""; 0]);
    world.pass(HOUR).await;
    assert_eq!(a.poll().await, [""; 0], "nothing is due");
}

#[tokio::test]
async fn rule_76_a_node_that_starts_later_knows_what_others_announced() {
    let world = World::new();
    let a = world.node(&disk()).await;
    let at = world.ahead(HOUR);
    a.announce("AAPL", EventKind::Earnings, at).await;
    let b = world.node(&disk()).await;
    assert_eq!(b.price("AAPL").await.1, at);
}

#[tokio::test]
async fn rule_76_a_node_that_was_down_at_the_event_serves_nothing_from_before_as_fresh() {
    let world = World::new();
    let (a, own) = (world.node(&disk()).await, disk());
    let b = world.node(&own).await;
    b.price("AAPL").await;
    b.narrative("AAPL").await;
    drop(b);
    a.announce("AAPL", EventKind::Earnings, world.ahead(HOUR)).await;
    world.pass(HOUR).await;
    assert_eq!(a.poll().await, ["price:AAPL"]);
    world.pass(HOUR).await;
    let b = world.node(&own).await;
    let loads = world.source.loads();
    let (fresh, _, price) = b.price("AAPL").await;
    assert!(!fresh || price >= Some(loads), "stale, or loaded");
    assert!(b.narrative("AAPL").await >= Some(loads), "dropped, and loaded");
}

#[tokio::test]
async fn rule_76_two_nodes_that_announce_the_same_event_announce_one() {
    let world = World::new();
    let (a, b) = (world.node(&disk()).await, world.node(&disk()).await);
    let at = world.ahead(HOUR);
    let first = a.announce("AAPL", EventKind::Earnings, at);
    let second = b.announce("AAPL", EventKind::Earnings, at);
    let (first, second) = tokio::join!(first, second);
    assert_eq!(first.id, second.id);
    for node in [&a, &b] {
        node.poll().await;
        assert_eq!(node.ahead(), ["AAPL"]);
    }
    a.events.withdraw(first.id).await.unwrap().unwrap();
    b.poll().await;
    assert_eq!(b.ahead(), [""; 0], "withdrawn as one");
}

#[tokio::test]
async fn rule_76_events_announced_at_the_same_time_are_both_kept() {
    let world = World::new();
    let (a, b) = (world.node(&disk()).await, world.node(&disk()).await);
    // Of one asset, so that they are stored together: each node has read before the other wrote.
    let gate = world.shared.gate(Operation::Put, Moment::Before);
    let spawn = |node: &crate::fixture::Node, kind, at| {
        let (events, event) = (node.events.clone(), MarketEvent::announced(asset("AAPL"), kind).at(at));
        tokio::spawn(async move { events.announce(&event).await.unwrap() })
    };
    let first = spawn(&a, EventKind::Earnings, world.ahead(HOUR));
    let second = spawn(&b, EventKind::CorporateAction, world.ahead(2 * HOUR));
    settle().await;
    gate.open();
    first.await.unwrap();
    second.await.unwrap();
    drop((a, b));
    let c = world.node(&disk()).await;
    assert_eq!(c.ahead(), ["AAPL", "AAPL"]);
}

#[tokio::test]
async fn rule_76_an_event_is_withdrawn_on_another_node_and_stays_withdrawn() {
    let world = World::new();
    let own = disk();
    let (a, b) = (world.node(&own).await, world.node(&disk()).await);
    let at = world.ahead(HOUR);
    let id = a.announce("AAPL", EventKind::Earnings, at).await.id;
    drop(a);
    // At once, before it was heard of.
    let withdrawn = b.events.withdraw(id).await.unwrap().unwrap();
    assert_eq!((withdrawn.event.at, withdrawn.stored), (Some(at), true));
    assert_eq!(b.events.withdraw(id).await.unwrap(), None, "once");
    let a = world.node(&own).await;
    assert_eq!(a.ahead(), [""; 0], "although it is on the disk of this node");
    a.price("AAPL").await;
    assert!(a.price("AAPL").await.1 > at, "it bounds no life");
    let again = a.announce("AAPL", EventKind::Earnings, at).await;
    b.poll().await;
    assert_eq!((again.id, b.ahead()), (id, vec!["AAPL".to_owned()]), "announced once more");
}

#[tokio::test]
async fn rule_76_an_event_ends_once_what_several_nodes_end() {
    let world = World::new();
    let nodes = [world.node(&disk()).await, world.node(&disk()).await, world.node(&disk()).await];
    nodes[0].announce("AAPL", EventKind::Earnings, world.ahead(HOUR)).await;
    for node in &nodes {
        node.poll().await;
        node.narrative("AAPL").await;
    }
    world.pass(HOUR).await;
    let mut to_load = nodes[0].poll().await;
    nodes[0].narrative("AAPL").await;
    let loads = world.source.loads();
    for node in &nodes[1..] {
        to_load.extend(node.poll().await);
        assert_eq!(node.narrative("AAPL").await, Some(loads - 1), "what was loaded since is not ended again");
    }
    assert_eq!(to_load, ["price:AAPL"], "by one node");
    assert_eq!(world.source.loads(), loads);
}

#[tokio::test]
async fn rule_76_without_a_bus_each_node_carries_out_what_is_due() {
    let world = World::without_bus();
    let (a, b) = (world.node(&disk()).await, world.node(&disk()).await);
    a.announce("AAPL", EventKind::Earnings, world.ahead(HOUR)).await;
    world.pass(2 * SECOND).await;
    b.poll().await;
    b.narrative("AAPL").await;
    world.pass(HOUR).await;
    a.poll().await;
    b.poll().await;
    let loads = world.source.loads();
    assert_eq!(b.narrative("AAPL").await, Some(loads), "loaded anew");
}

#[tokio::test]
async fn rule_76_nodes_at_rest_write_nothing_and_tell_nothing() {
    let world = World::new();
    let (a, b) = (world.node(&disk()).await, world.node(&disk()).await);
    a.announce("AAPL", EventKind::Earnings, world.ahead(HOUR)).await;
    let poll = async || {
        for node in [&a, &b] {
            node.poll().await;
        }
    };
    for _ in 0..3 {
        poll().await;
    }
    world.shared.forget_calls();
    let told = world.bus.as_ref().unwrap().carried().len();
    for _ in 0..20 {
        world.clock.advance(Duration::from_millis(200));
        settle().await;
        poll().await;
    }
    assert_eq!(world.shared.calls(Operation::Put), [[]; 0]);
    assert_eq!(world.shared.calls(Operation::Get), [[]; 0], "nor read");
    let heartbeats = world.bus.as_ref().unwrap().carried().len() - told;
    assert!(heartbeats <= 4, "{heartbeats}");
}

#[tokio::test]
async fn rule_76_the_shared_tier_that_lost_everything_gets_it_again() {
    let world = World::new();
    let a = world.node(&disk()).await;
    a.announce("AAPL", EventKind::Earnings, world.ahead(HOUR)).await;
    let empty = World { shared: World::new().shared, ..world.clone() };
    // The same disk and another server, as after a loss of all it had.
    let own = disk();
    drop(world.node(&own).await);
    drop(empty.node(&own).await);
    assert_eq!(empty.node(&disk()).await.ahead(), ["AAPL"]);
}
