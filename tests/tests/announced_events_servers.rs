//! Announced events of two caches that share a Redis server and its bus.

use std::time::Duration;

use cache_core::Clock;
use cache_facade::Cache;
use cache_l1_redis::{Redis, RedisConfig};
use cache_market::{AnnouncedEvents, EventKind, MarketEvent, MarketTime};
use servers::env;
use tokio::time::{sleep, timeout};

async fn node(namespace: &str) -> AnnouncedEvents {
    let config = RedisConfig::single(&env::redis().expect("a server")).expect("a URL").namespace(namespace);
    let redis = Redis::new(config, Clock::system()).expect("a configuration");
    let cache = Cache::builder().tier(redis.tier()).bus(redis.bus("events"));
    AnnouncedEvents::open(&cache.build().await.unwrap(), MarketTime::default()).await.unwrap()
}

/// Polls as a service does, until the node knows this many events.
async fn until_known(node: &AnnouncedEvents, count: usize) {
    let known = async {
        while node.ahead().len() != count {
            node.poll().await.unwrap();
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(20), known).await.expect("heard of");
}

#[tokio::test]
async fn rule_76_events_on_redis_reach_other_nodes_and_last() {
    let namespace = format!("announced{}", std::process::id());
    let (a, b) = (node(&namespace).await, node(&namespace).await);
    let at = Clock::system().now().after(Duration::from_secs(3_600));
    let event = |symbol: &str| MarketEvent::announced(symbol.parse().unwrap(), EventKind::Earnings).at(at);
    // At the same time, so that they write the same keys.
    let symbols: Vec<String> = (0..100).map(|number| format!("X{number}")).collect();
    let announce = async |node: &AnnouncedEvents, parity: usize| {
        for symbol in symbols.iter().skip(parity).step_by(2) {
            node.announce(&event(symbol)).await.unwrap();
        }
    };
    tokio::join!(announce(&a, 0), announce(&b, 1));
    for node in [&a, &b] {
        until_known(node, 100).await;
    }
    let id = a.ahead()[0].0;
    b.withdraw(id).await.unwrap().unwrap();
    until_known(&a, 99).await;
    drop((a, b));
    assert_eq!(node(&namespace).await.ahead().len(), 99, "after a restart of all");
}
