//! Events that were announced before a restart, and values that were stored before an announcement.

use std::sync::{Arc, atomic::Ordering};

use cache_core::{Fetched, Pattern, Ttl};
use cache_facade::Cache;
use cache_market::{AnnouncedEvents, EventKind, MarketEvent};
use market_data::DataType;
use tests::settle;

use crate::fixture::{HOUR, SECOND, World, asset, disk};

#[tokio::test]
async fn rule_76_an_event_holds_after_a_restart_and_ends_what_came_from_disk() {
    let (world, disk) = (World::new(), disk());
    let first = world.lone(&disk).await;
    assert_eq!(first.price("AAPL").await.2, Some(0));
    let at = world.ahead(HOUR);
    let id = first.announce("AAPL", EventKind::CorporateAction, at).await.id;
    drop(first);

    let second = world.lone(&disk).await;
    assert_eq!(second.events.get(id).map(|event| event.at), Some(Some(at)));
    let (fresh, until, value) = second.price("AAPL").await;
    assert_eq!((fresh, value), (true, Some(0)), "from disk");
    assert_eq!(
        until, at,
        "and no longer fresh than until the event, of which nobody knew when it was stored"
    );
    world.pass(HOUR).await;
    // Nobody has looked for what is due yet.
    let (fresh, _, value) = second.price("AAPL").await;
    assert!(!fresh || value != Some(0), "not fresh past the event");
    assert_eq!(second.events.get(id), None);
}

#[tokio::test]
async fn rule_76_an_event_that_came_due_while_no_node_ran_has_its_effects() {
    let (world, disk) = (World::new(), disk());
    let first = world.lone(&disk).await;
    first.price("AAPL").await;
    first.narrative("AAPL").await;
    first.narrative("MSFT").await;
    first.announce("AAPL", EventKind::Earnings, world.ahead(HOUR)).await;
    drop(first);
    world.pass(10 * HOUR).await;

    world.source.down.store(true, Ordering::SeqCst);
    let second = world.lone(&disk).await;
    assert!(second.narratives.get("AAPL").await.is_err(), "dropped");
    assert_eq!(second.narrative("MSFT").await, Some(2), "of another asset");
    let (fresh, _, value) = second.price("AAPL").await;
    assert_eq!(
        (fresh, value),
        (false, Some(0)),
        "to be refreshed: stale, and served while the provider is down"
    );
    world.source.down.store(false, Ordering::SeqCst);
    let loads = world.source.loads();
    world.pass(10 * SECOND).await;
    second.price("AAPL").await;
    assert_eq!(second.price("AAPL").await.2, Some(loads), "loaded");

    drop(second);
    let third = world.lone(&disk).await;
    let (fresh, _, value) = third.price("AAPL").await;
    assert_eq!((fresh, value), (true, Some(loads)), "what was loaded after the event is not ended by it");
}

#[tokio::test]
async fn rule_76_what_is_stale_past_its_event_is_not_served_if_its_life_has_no_grace() {
    let world = World { life: Ttl::new(100 * HOUR), ..World::new() };
    let disk = disk();
    let node = world.lone(&disk).await;
    node.price("AAPL").await;
    node.announce("AAPL", EventKind::Earnings, world.ahead(HOUR)).await;
    world.pass(HOUR).await;
    world.source.down.store(true, Ordering::SeqCst);
    assert!(node.prices.get("AAPL").await.is_err());
    drop(node);
    assert!(world.lone(&disk).await.prices.get("AAPL").await.is_err(), "nor from disk");
}

#[tokio::test]
async fn rule_76_a_life_given_by_a_source_or_a_caller_ends_at_the_event_too() {
    let world = World::new();
    let node = world.lone(&disk()).await;
    let at = world.ahead(HOUR);
    node.announce("AAPL", EventKind::News, at).await;
    let ttl = Ttl::new(50 * HOUR);
    node.prices.put("AAPL", Fetched::new(7).ttl(ttl)).await.unwrap();
    assert_eq!(node.price("AAPL").await.1, at);
    // By its tag, in a region of another name, of which nobody knows what its keys mean.
    let own = node.cache.region::<u64>("my_view").ttl(ttl).open().unwrap();
    let tag = cache_market::data_tag(DataType::Signal, &asset("AAPL")).unwrap();
    own.put("view-1", Fetched::new(1).tag(tag)).await.unwrap();
    let until = own.lookup("view-1").await.unwrap().fresh_for;
    assert_eq!(world.end_of(until), at);
    own.put("view-2", Fetched::new(1)).await.unwrap();
    assert!(own.lookup("view-2").await.unwrap().fresh_for > 49 * HOUR, "about nothing");
}

#[tokio::test]
async fn rule_76_an_announcement_bounds_what_memory_holds_alone() {
    let world = World::new();
    let cache = Cache::builder().clock(world.clock.clone()).build().await.unwrap();
    let node = world.open(cache).await;
    node.price("AAPL").await;
    node.price("MSFT").await;
    let at = world.ahead(HOUR);
    node.announce("AAPL", EventKind::Earnings, at).await;
    assert_eq!(node.price("AAPL").await, (true, at, Some(0)), "held as before");
    assert!(node.price("MSFT").await.1 > at);
    world.pass(HOUR).await;
    assert_eq!(node.poll().await, ["price:AAPL"]);
    assert!(!node.price("AAPL").await.0);
    assert_eq!(node.price("MSFT").await.2, Some(1));
}

#[tokio::test]
async fn rule_76_an_event_now_makes_stale_what_it_refreshes_even_if_that_fails() {
    let (world, disk) = (World::new(), disk());
    let node = world.lone(&disk).await;
    node.price("AAPL").await;
    world.source.down.store(true, Ordering::SeqCst);
    let halt = MarketEvent::announced(asset("AAPL"), EventKind::Halt);
    let first = node.events.announce(&halt).await.unwrap();
    assert!(!first.effects.is_empty());
    assert!(!node.price("AAPL").await.0, "stale");
    drop(node);
    let node = world.lone(&disk).await;
    assert!(!node.price("AAPL").await.0, "also from disk, after a restart");
    assert_eq!(node.ahead(), [""; 0], "it is over");
    let again = node.events.announce(&halt).await.unwrap();
    assert_ne!(again.id, first.id, "another halt");
    assert!(!again.effects.is_empty());
}

#[tokio::test]
async fn rule_76_an_event_in_the_past_is_carried_out_once() {
    let world = World::new();
    let node = world.lone(&disk()).await;
    node.narrative("AAPL").await;
    let past = MarketEvent::announced(asset("AAPL"), EventKind::Earnings).at(world.clock.now().before(HOUR));
    assert!(!node.events.announce(&past).await.unwrap().effects.is_empty());
    node.narrative("AAPL").await;
    let loads = world.source.loads();
    assert_eq!(node.events.announce(&past).await.unwrap().effects, [], "the same once more");
    node.narrative("AAPL").await;
    assert_eq!(world.source.loads(), loads);
    assert_eq!(node.ahead(), [""; 0]);
}

#[tokio::test]
async fn rule_76_an_event_that_is_announced_again_after_it_was_due_does_nothing() {
    let world = World::new();
    let node = world.lone(&disk()).await;
    let at = world.ahead(HOUR);
    let id = node.announce("AAPL", EventKind::Earnings, at).await.id;
    world.pass(HOUR).await;
    node.poll().await;
    let again = node.announce("AAPL", EventKind::Earnings, at).await;
    assert_eq!((again.id, again.effects), (id, Vec::new()));
}

#[tokio::test]
async fn rule_76_events_outlive_clears_and_what_a_tier_evicts() {
    let (world, disk) = (World::new(), disk());
    let node = world.lone(&disk).await;
    node.announce("AAPL", EventKind::Earnings, world.ahead(10 * HOUR)).await;
    node.cache.clear().await.unwrap();
    drop(node);
    let node = world.lone(&disk).await;
    assert_eq!(node.ahead(), ["AAPL"], "cleared");
    node.cache.remove_matching(Pattern::glob("*").unwrap()).await.unwrap();
    node.poll().await;
    drop(node);
    let node = world.lone(&disk).await;
    assert_eq!(node.ahead(), ["AAPL"], "removed, and written again by whoever knows of it");
}

#[tokio::test]
async fn rule_76_a_tier_that_fails_at_the_announcement_has_it_later() {
    let (world, disk) = (World::new(), disk());
    let node = world.node(&disk).await;
    world.shared.down();
    node.announce("AAPL", EventKind::Earnings, world.ahead(10 * HOUR)).await;
    assert_eq!(node.ahead(), ["AAPL"]);
    drop(node);
    let node = world.node(&disk).await;
    assert_eq!(node.ahead(), ["AAPL"], "from disk");
    world.shared.up();
    world.pass(3 * SECOND).await;
    node.poll().await;
    drop(node);
    let other = world.node(&crate::fixture::disk()).await;
    assert_eq!(other.ahead(), ["AAPL"], "from the shared tier");
}

#[tokio::test]
async fn rule_76_a_cache_has_its_events_once() {
    let cache = Cache::builder().build().await.unwrap();
    AnnouncedEvents::open(&cache, cache_market::MarketTime::default()).await.unwrap();
    let again = AnnouncedEvents::open(&cache, cache_market::MarketTime::default()).await.unwrap_err();
    assert!(again.to_string().contains("open its announced events once"), "{again}");
    settle().await;
}

#[tokio::test]
async fn rule_76_an_absence_is_not_remembered_past_an_event() {
    let world = World::new();
    let cache = Cache::builder().clock(world.clock.clone()).build().await.unwrap();
    let node = world.open(cache).await;
    let at = world.ahead(HOUR);
    node.announce("NEWCO", EventKind::News, at).await;
    let load = || async { Ok::<_, std::io::Error>(cache_core::Loaded::Absent) };
    node.prices.get_or_load("NEWCO", load).await.unwrap();
    assert_eq!(node.price("NEWCO").await.1, at);
}

#[tokio::test]
async fn rule_76_a_load_that_began_before_an_event_and_ended_after_it_brings_nothing_fresh() {
    let world = World::new();
    let node = world.lone(&disk()).await;
    node.announce("AAPL", EventKind::Earnings, world.ahead(HOUR)).await;
    let gate = Arc::new(tokio::sync::Notify::new());
    let (opened, prices) = (gate.clone(), node.prices.with(|policy| policy.hard_timeout(5 * HOUR)));
    let reader = tokio::spawn(async move {
        let load = move || async move {
            opened.notified().await;
            Ok::<_, std::io::Error>(Fetched::new(7))
        };
        prices.get_or_load("AAPL", load).await.unwrap()
    });
    settle().await;
    world.pass(HOUR).await;
    node.poll().await;
    gate.notify_one();
    assert_eq!(*reader.await.unwrap(), 7, "those who waited get it");
    world.source.down.store(true, Ordering::SeqCst);
    let (fresh, _, value) = node.price("AAPL").await;
    assert_eq!((fresh, value), (false, Some(7)));
}

#[tokio::test]
async fn rule_76_rules_that_are_replaced_bound_what_memory_holds() {
    let world = World::new();
    let node = world.lone(&disk()).await;
    node.price("AAPL").await;
    let at = world.ahead(HOUR);
    let mut rules = (*node.time.rules()).clone();
    rules.events.touches.clear();
    node.time.replace(rules.clone()).unwrap();
    node.announce("AAPL", EventKind::Earnings, at).await;
    node.poll().await;
    assert!(node.price("AAPL").await.1 > at, "it touches nothing");
    rules.events = cache_market::EventRules::default();
    node.time.replace(rules).unwrap();
    node.poll().await;
    assert_eq!(node.price("AAPL").await.1, at);
}

#[tokio::test]
async fn rule_76_every_key_of_an_asset_that_is_touched_ends_and_no_other() {
    let world = World::new();
    let node = world.lone(&disk()).await;
    let life = Ttl::new(50 * HOUR);
    let bars = node.cache.region::<u64>("ohlcv").ttl(life).open().unwrap();
    let market = node.cache.region::<u64>("market").ttl(life).open().unwrap();
    for id in ["AAPL:1d", "AAPL:5m", "AAPL:1d:2024-01-01:2024-02-01", "AAPLX:1d", "A:1d"] {
        bars.put(id, 1).await.unwrap();
    }
    market.put("AAPL:M5", 1).await.unwrap();
    node.prices.put("AAPL:yahoo", 1).await.unwrap();
    let at = world.ahead(HOUR);
    node.announce("AAPL", EventKind::CorporateAction, at).await;
    let until = async |region: &cache_facade::Region<u64>, id: &str| {
        world.end_of(region.lookup(id).await.unwrap().fresh_for)
    };
    for id in ["AAPL:1d", "AAPL:5m", "AAPL:1d:2024-01-01:2024-02-01"] {
        assert_eq!(until(&bars, id).await, at, "{id}");
    }
    assert_eq!(until(&market, "AAPL:M5").await, at);
    assert_eq!(until(&node.prices, "AAPL:yahoo").await, at);
    for id in ["AAPLX:1d", "A:1d"] {
        assert!(until(&bars, id).await > at, "{id}");
    }
}

#[tokio::test]
async fn rule_76_a_moment_at_either_end_of_time_harms_nothing() {
    let world = World::new();
    let node = world.lone(&disk()).await;
    for at in [i64::MAX, i64::MAX - 1, 253_402_207_200_000_000] {
        let event = MarketEvent::announced(asset("AAPL"), EventKind::Earnings);
        let event = event.at(cache_core::Timestamp::from_micros(at));
        let id = node.events.announce(&event).await.unwrap().id;
        assert!(node.events.get(id).is_some());
    }
    for at in [i64::MIN, 0] {
        let event = MarketEvent::announced(asset("AAPL"), EventKind::Earnings);
        node.events.announce(&event.at(cache_core::Timestamp::from_micros(at))).await.unwrap();
    }
    world.pass(HOUR).await;
    node.poll().await;
    node.price("AAPL").await;
    assert!(node.price("AAPL").await.0);
    assert_eq!(node.ahead().len(), 3);
}

#[tokio::test]
async fn rule_76_an_event_announced_again_changes_nothing_though_a_later_one_of_its_kind_was() {
    let world = World::new();
    let node = world.lone(&disk()).await;
    world.pass(5 * HOUR).await;
    let ago = |hours: u32| world.clock.now().before(hours * HOUR);
    let past = [ago(3), ago(2), ago(1)];
    for at in past {
        let first = node.announce("AAPL", EventKind::Earnings, at).await;
        assert!(!first.effects.is_empty());
    }
    world.pass(10 * SECOND).await;
    for at in past {
        let again = node.announce("AAPL", EventKind::Earnings, at).await;
        assert_eq!(again.effects, [], "{at:?}");
    }
}

#[tokio::test]
async fn rule_76_what_a_tier_did_not_take_is_not_said_to_be_stored() {
    let world = World::new();
    let disk = disk();
    let node = world.lone(&disk).await;
    let stored = node.announce("MSFT", EventKind::Earnings, world.ahead(HOUR)).await;
    assert!(stored.stored);
    disk.down();
    let lost = node.announce("AAPL", EventKind::Earnings, world.ahead(HOUR)).await;
    assert!(!lost.stored && !node.events.withdraw(stored.id).await.unwrap().unwrap().stored);
    disk.up();
    world.pass(30 * SECOND).await;
    node.poll().await;
    world.pass(30 * SECOND).await;
    drop(node);
    let again = world.lone(&disk).await;
    assert_eq!(again.ahead(), ["AAPL"], "stored once that was possible");
}
