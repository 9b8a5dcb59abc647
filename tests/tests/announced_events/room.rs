//! How much room there is for events, and who gives way.

use std::time::Duration;

use cache_core::ErrorKind;
use cache_market::{EventKind, MarketEvent};

use crate::fixture::{HOUR, World, asset, disk};

const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test]
async fn rule_76_ten_thousand_events_far_ahead_leave_room_for_others() {
    let world = World::new();
    let cache = cache_facade::Cache::builder().clock(world.clock.clone()).build().await.unwrap();
    let node = world.open(cache).await;
    for number in 0..10_000 {
        let event = MarketEvent::announced(asset(&format!("X{number}")), EventKind::Earnings);
        node.events.announce(&event.at(world.ahead(1_000 * DAY + number * HOUR))).await.unwrap();
    }
    let at = world.ahead(HOUR);
    let announced = node.announce("AAPL", EventKind::Earnings, at).await;
    assert_eq!(announced.displaced.len(), 1);
    assert_eq!(announced.displaced[0].asset, asset("X9999"), "the farthest");
    assert_eq!(node.price("AAPL").await.1, at);
    let farther = MarketEvent::announced(asset("MSFT"), EventKind::Earnings).at(world.ahead(9_000 * DAY));
    let refused = node.events.announce(&farther).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Limit);
    assert!(refused.to_string().contains("MSFT") && refused.to_string().contains("withdraw"), "{refused}");
    assert_eq!(node.ahead().len(), 10_000);
    assert!(!node.ahead().contains(&"MSFT".to_owned()));
}

#[tokio::test]
async fn rule_76_an_asset_has_its_own_bound_and_others_are_not_concerned() {
    let world = World::new();
    let node = world.lone(&disk()).await;
    for hours in 1..=64 {
        node.announce("AAPL", EventKind::News, world.ahead(hours * HOUR)).await;
    }
    let event =
        |hours: u32| MarketEvent::announced(asset("AAPL"), EventKind::News).at(world.ahead(hours * HOUR));
    let refused = node.events.announce(&event(65)).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Limit);
    assert!(refused.to_string().contains("AAPL has 64 events ahead"), "{refused}");
    let nearer = MarketEvent::announced(asset("AAPL"), EventKind::Halt).at(world.ahead(HOUR));
    let displaced = node.events.announce(&nearer).await.unwrap().displaced;
    assert_eq!(displaced, [event(64)]);
    assert_eq!(node.ahead().len(), 64);
    assert_eq!(node.announce("MSFT", EventKind::News, world.ahead(900 * HOUR)).await.displaced, []);
}

#[tokio::test]
async fn rule_76_what_is_over_makes_room_by_itself() {
    let world = World::new();
    let node = world.lone(&disk()).await;
    for hours in 1..=64 {
        node.announce("AAPL", EventKind::News, world.ahead(hours * HOUR)).await;
    }
    world.pass(HOUR).await;
    node.poll().await;
    assert_eq!(node.ahead().len(), 63);
    node.announce("AAPL", EventKind::News, world.ahead(900 * HOUR)).await;
    world.pass(1_000 * HOUR).await;
    node.poll().await;
    assert_eq!((node.ahead().len(), node.time.next_event()), (0, None));
}

#[tokio::test]
async fn rule_76_a_flood_of_events_now_and_of_withdrawals_leaves_room_for_others() {
    let world = World::new();
    let cache = cache_facade::Cache::builder().clock(world.clock.clone()).build().await.unwrap();
    let node = world.open(cache).await;
    for number in 0..11_000 {
        let event = MarketEvent::announced(asset(&format!("X{number}")), EventKind::Halt);
        node.events.announce(&event).await.unwrap();
        let id = node.events.announce(&event.at(world.ahead(DAY))).await.unwrap().id;
        node.events.withdraw(id).await.unwrap().unwrap();
    }
    let at = world.ahead(HOUR);
    assert_eq!(node.announce("AAPL", EventKind::Earnings, at).await.displaced, []);
    assert_eq!(node.ahead(), ["AAPL"]);
    node.price("AAPL").await;
    assert_eq!(node.price("AAPL").await.1, at);
}

#[tokio::test]
async fn rule_76_equal_instants_are_one_event_or_several() {
    let world = World::new();
    let node = world.lone(&disk()).await;
    let at = world.ahead(HOUR);
    for (symbol, kind) in
        [("AAPL", EventKind::Earnings), ("AAPL", EventKind::Halt), ("MSFT", EventKind::Earnings)]
    {
        for _ in 0..3 {
            node.announce(symbol, kind, at).await;
        }
    }
    assert_eq!(node.ahead().len(), 3);
    world.pass(HOUR).await;
    let mut to_load = node.poll().await;
    to_load.sort();
    to_load.dedup();
    assert_eq!(to_load, ["price:AAPL", "price:MSFT"]);
}

#[tokio::test]
async fn rule_76_assets_with_many_events_give_way_to_those_with_few() {
    let world = World::new();
    let cache = cache_facade::Cache::builder().clock(world.clock.clone()).build().await.unwrap();
    let node = world.open(cache).await;
    for number in 0..156 {
        for hours in 1..=64 {
            node.announce(&format!("X{number}"), EventKind::News, world.ahead(hours * HOUR)).await;
        }
    }
    for number in 0..16 {
        node.announce(&format!("Y{number}"), EventKind::Earnings, world.ahead(1_000 * DAY)).await;
    }
    assert_eq!(node.ahead().len(), 10_000);
    let announced = node.announce("AAPL", EventKind::Earnings, world.ahead(2_000 * DAY)).await;
    assert_eq!(announced.displaced.len(), 1);
    assert_eq!(announced.displaced[0].at, Some(world.ahead(64 * HOUR)), "though it is nearer");
}
