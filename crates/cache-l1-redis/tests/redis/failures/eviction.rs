//! Servers that evict keys when their memory is full, and clocks that differ.

use std::time::Duration;

use cache_core::{Clock, Key, Pattern, Prefix, Target, Tier, TierExt};
use cache_l1_redis::{Redis, RedisConfig, RedisTier};
use servers::Reply;

use crate::fixture::{connect, entry, get, key, server_with, tombstone};

fn guarded(server: &servers::Redis) -> RedisConfig {
    RedisConfig::single(&server.url()).unwrap().protect([Pattern::glob("k:kept*").unwrap()])
}

fn stamp() -> Key {
    Prefix::new(None, "tag").unwrap().reserved().key("AAPL").unwrap()
}

fn left(server: &servers::Redis, key: &Key) -> i64 {
    match server.command(&["PTTL", key.as_str()]).unwrap() {
        Reply::Int(left) => left,
        other => panic!("{other:?}"),
    }
}

async fn fill(tier: &RedisTier) {
    let clock = Clock::system();
    let keys = [key("kept1"), key("other"), stamp()];
    let entries = keys.map(|key| (key, entry("text", clock.tick())));
    tier.put(&entries).await.unwrap();
}

#[tokio::test]
async fn rule_59_under_volatile_policies_what_is_protected_has_no_expiry() {
    let server = server_with(&["maxmemory 100mb", "maxmemory-policy volatile-lru"]);
    let redis = connect(guarded(&server)).await;
    let tier = redis.tier();
    fill(&tier).await;
    assert_eq!((left(&server, &key("kept1")), left(&server, &stamp())), (-1, -1));
    assert!(left(&server, &key("other")) > 0);
    // A removed key leaves a tombstone, which expires.
    let removal = tombstone(Clock::system().tick());
    tier.remove(Target::Keys(&[key("kept1")]), removal).await.unwrap();
    assert!(left(&server, &key("kept1")) > 0);
    let health = &redis.health().servers[0];
    assert!(!health.may_evict_protected && health.eviction_policy.as_deref() == Some("volatile-lru"));
}

#[tokio::test]
async fn rule_59_what_is_protected_outlives_a_full_server() {
    let server = server_with(&["maxmemory 4mb", "maxmemory-policy volatile-lru"]);
    let config = guarded(&server).response_timeout(Duration::from_secs(5));
    let tier = connect(config).await.tier();
    fill(&tier).await;
    let clock = Clock::system();
    for page in 0..40 {
        let text = || (0..2000).map(|_| fastrand::alphanumeric()).collect::<String>();
        let page: Vec<_> =
            (0..100).map(|n| (key(&format!("fill{page}/{n}")), entry(&text(), clock.tick()))).collect();
        tier.put(&page).await.unwrap();
    }
    let first: Vec<Key> = (0..100).map(|n| key(&format!("fill0/{n}"))).collect();
    assert!(tier.get(&first).await.unwrap().iter().any(Option::is_none), "the server was full");
    assert!(get(&tier, "kept1").await.unwrap().is_some());
    assert!(tier.get_one(&stamp()).await.unwrap().is_some());
}

#[tokio::test]
async fn rule_59_elsewhere_all_have_an_expiry_and_health_shows_a_bad_policy() {
    for (lines, bad) in [
        (&["maxmemory 100mb", "maxmemory-policy allkeys-lru"][..], true),
        (&["maxmemory-policy allkeys-lru"], false),
        (&["maxmemory 100mb"], false),
    ] {
        let server = server_with(lines);
        let redis = connect(guarded(&server)).await;
        fill(&redis.tier()).await;
        assert!(left(&server, &key("kept1")) > 0 && left(&server, &stamp()) > 0);
        assert_eq!(redis.health().servers[0].may_evict_protected, bad, "{lines:?}");
    }
}

#[tokio::test]
async fn a_full_server_that_evicts_nothing_refuses_puts_and_goes_on_reading() {
    let server = server_with(&["maxmemory 3mb", "maxmemory-policy noeviction"]);
    let tier = connect(guarded(&server)).await.tier();
    fill(&tier).await;
    let clock = Clock::system();
    let mut refused = None;
    for n in 0..400 {
        let bytes: String = (0..20_000).map(|_| fastrand::alphanumeric()).collect();
        refused = tier.put_one(key(&n.to_string()), entry(&bytes, clock.tick())).await.err();
        if refused.is_some() {
            break;
        }
    }
    let error = refused.expect("the server is full");
    assert_eq!(error.kind(), cache_core::ErrorKind::Storage, "{error}");
    assert!(get(&tier, "kept1").await.unwrap().is_some());
}

#[tokio::test]
async fn health_shows_the_difference_between_clocks() {
    let server = server_with(&[]);
    let skew = async |clock: Clock| {
        let config = RedisConfig::single(&server.url()).unwrap();
        Redis::connect(config, clock).await.unwrap().health().servers[0].skew_micros.unwrap()
    };
    assert!(skew(Clock::system()).await.abs() < 2_000_000);
    let years = skew(Clock::manual()).await / (365 * 24 * 3600 * 1_000_000);
    assert!(years >= 5, "a manual clock begins in 2020");
}
