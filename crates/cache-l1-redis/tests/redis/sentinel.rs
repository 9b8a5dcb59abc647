//! A master under sentinels, and failovers.

use std::time::Duration;

use cache_core::{Clock, ErrorKind, Tier, TierExt};
use cache_l1_redis::{Redis, RedisConfig};
use servers::RedisSentinel;

use crate::fixture::{LONG, entry, eventually, get, key, reads_again};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_52_after_a_failover_the_new_master_is_found() {
    let mut servers = RedisSentinel::start().unwrap();
    let config = RedisConfig::sentinel(servers.sentinel_urls(), servers.master_name()).unwrap();
    let millis = Duration::from_millis;
    let config =
        config.response_timeout(millis(300)).reconnect(millis(20)..=millis(200)).keepalive(millis(200));
    let tier = Redis::connect(config, Clock::system()).await.unwrap().tier();
    let clock = Clock::system();
    tier.put_one(key("a"), entry("before", clock.tick())).await.unwrap();
    servers.master().unwrap().command(&["WAIT", "1", "2000"]).unwrap();

    let old = servers.kill_master().unwrap();
    servers.wait_for_failover(old, Duration::from_secs(30)).unwrap();
    reads_again(&tier).await;
    assert_eq!(get(&tier, "a").await.unwrap().as_deref(), Some("before"));
    tier.put_one(key("a"), entry("after", clock.tick())).await.unwrap();
    assert_eq!(get(&tier, "a").await.unwrap().as_deref(), Some("after"));

    // The old master comes back as a replica, which changes nothing.
    servers.server(old).restart().unwrap();
    assert_eq!(get(&tier, "a").await.unwrap().as_deref(), Some("after"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_52_a_replica_is_not_taken_for_the_master() {
    let mut servers = RedisSentinel::start().unwrap();
    let config = RedisConfig::sentinel(servers.sentinel_urls(), servers.master_name()).unwrap();
    let tier = Redis::connect(config.keepalive(LONG), Clock::system()).await.unwrap().tier();
    let clock = Clock::system();
    tier.put_one(key("a"), entry("text", clock.tick())).await.unwrap();
    // The master becomes a replica of a server that doesn't exist. The sentinels don't know it yet.
    servers.master().unwrap().command(&["REPLICAOF", "127.0.0.1", "1"]).unwrap();
    let error = tier.put_one(key("a"), entry("late", clock.tick())).await.unwrap_err();
    assert!(error.is_retryable(), "{error}");
    eventually("the replica is no longer used", async || {
        get(&tier, "a").await.is_err_and(|error| error.to_string().contains("is a replica"))
    })
    .await;
}

#[tokio::test]
async fn a_master_that_no_sentinel_knows_is_named() {
    let (urls, _) = servers::env::redis_sentinel().unwrap();
    let config = RedisConfig::sentinel(urls, "nobody").unwrap();
    let error = Redis::connect(config, Clock::system()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("knows no master named \"nobody\""), "{error}");
}

#[tokio::test]
async fn sentinels_that_are_down_are_skipped() {
    let (mut urls, master) = servers::env::redis_sentinel().unwrap();
    urls.insert(0, "redis://127.0.0.1:1".to_owned());
    let config = RedisConfig::sentinel(urls, &master).unwrap();
    let tier = Redis::connect(config, Clock::system()).await.unwrap().tier();
    tier.flush().await.unwrap();
}
