//! Servers that are down: calls fail at once, and work again when the servers are back.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use cache_core::{Clock, ErrorKind, Target, Tier, TierExt, Timestamp};
use cache_l1_redis::{Redis, RedisTier};
use servers::Proxy;

use crate::fixture::{
    LONG, connect, entry, eventually, get, key, reads_again, server, server_with, short_timeouts, tombstone,
};

/// How long a call may take that must not wait for anything.
const AT_ONCE: Duration = Duration::from_millis(100);

async fn put(tier: &dyn Tier, id: &str, born: Timestamp) {
    tier.put_one(key(id), entry(id, born)).await.unwrap();
}

/// Returns the error of a read, and how long it took.
async fn refused(tier: &RedisTier) -> (ErrorKind, Duration) {
    let since = Instant::now();
    let error = get(tier, "a").await.unwrap_err();
    (error.kind(), since.elapsed())
}

/// Waits until calls fail at once, as they do while there is no connection.
async fn fails_at_once(tier: &RedisTier) {
    eventually("calls fail at once", async || {
        let (kind, took) = refused(tier).await;
        kind == ErrorKind::Unavailable && took < AT_ONCE
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_52_a_killed_server_is_an_error_at_once_and_a_tier_again_when_it_is_back() {
    let mut server = server();
    let tier = connect(short_timeouts(&server.url())).await.tier();
    let clock = Clock::system();
    put(&tier, "a", clock.tick()).await;

    server.kill();
    fails_at_once(&tier).await;
    for _ in 0..20 {
        let (kind, took) = refused(&tier).await;
        assert!(kind == ErrorKind::Unavailable && took < AT_ONCE, "{kind:?} after {took:?}");
    }

    server.restart().unwrap();
    reads_again(&tier).await;
    assert_eq!(get(&tier, "a").await.unwrap(), None, "the server keeps nothing on disk");
    // The server has forgotten the scripts.
    put(&tier, "b", clock.tick()).await;
    tier.remove(Target::Keys(&[key("c")]), tombstone(clock.tick())).await.unwrap();
    assert_eq!(get(&tier, "b").await.unwrap().as_deref(), Some("b"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_33_what_was_born_before_a_restart_is_not_stored_after_it() {
    let mut server = server();
    let clock = Clock::manual();
    let tier = Redis::connect(short_timeouts(&server.url()), clock.clone()).await.unwrap().tier();
    let loading_since = clock.tick();
    clock.advance(Duration::from_secs(1));
    tier.remove(Target::Keys(&[key("a")]), tombstone(clock.tick())).await.unwrap();

    server.kill();
    server.restart().unwrap();
    // The server has lost the removal, and the load that began before it is put.
    eventually("connected to the restarted server", async || {
        tier.put_one(key("a"), entry("old", loading_since)).await.is_ok()
    })
    .await;
    assert_eq!(get(&tier, "a").await.unwrap(), None);
    assert!(tier.stats().refused >= 1);

    clock.advance(Duration::from_secs(1));
    put(&tier, "a", clock.tick()).await;
    assert!(get(&tier, "a").await.unwrap().is_some(), "an entry born later is stored");

    clock.advance(Duration::from_secs(60));
    tier.put_one(key("b"), entry("copied", loading_since)).await.unwrap();
    assert!(get(&tier, "b").await.unwrap().is_some(), "no load lasts this long, so it is a copy");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_41_a_put_from_before_a_restart_removes_what_is_older_there() {
    let mut server = server_with(&["appendonly yes", "appendfsync no"]);
    let clock = Clock::manual();
    let tier = Redis::connect(short_timeouts(&server.url()), clock.clone()).await.unwrap().tier();
    for id in ["a", "b", "c"] {
        put(&tier, id, clock.tick()).await;
    }
    let away = clock.tick();
    for id in ["b", "c"] {
        put(&tier, id, clock.tick()).await;
    }
    clock.advance(Duration::from_secs(1));

    server.kill();
    server.restart().unwrap();
    reads_again(&tier).await;
    // Writes that could not reach the server while it was down are put now.
    let pending = ["a", "b", "d"].map(|id| (key(id), entry("pending", away)));
    tier.put(&pending).await.unwrap();
    assert_eq!(tier.stats().refused, 3);
    assert_eq!(get(&tier, "a").await.unwrap(), None, "the stored value is older than the put");
    assert!(get(&tier, "b").await.unwrap().is_some(), "the stored value is newer");
    assert_eq!(get(&tier, "d").await.unwrap(), None);
    assert!(get(&tier, "c").await.unwrap().is_some(), "it was not put again");
    clock.advance(Duration::from_secs(1));
    put(&tier, "a", clock.tick()).await;
    assert!(get(&tier, "a").await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_52_a_paused_server_costs_the_timeout_once_and_then_nothing() {
    let mut server = server();
    // Without keepalives, only a call that times out shows that the server is silent.
    let tier = connect(short_timeouts(&server.url()).keepalive(LONG)).await.tier();
    put(&tier, "a", Clock::system().tick()).await;

    server.pause();
    let (kind, took) = refused(&tier).await;
    assert_eq!(kind, ErrorKind::Timeout);
    assert!((Duration::from_millis(150)..Duration::from_secs(2)).contains(&took), "{took:?}");
    fails_at_once(&tier).await;

    server.resume();
    reads_again(&tier).await;
    assert_eq!(get(&tier, "a").await.unwrap().as_deref(), Some("a"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_52_a_connection_that_is_cut_or_silent_is_replaced() {
    let server = server();
    let proxy = Proxy::start(SocketAddr::from(([127, 0, 0, 1], server.port()))).unwrap();
    let tier = connect(short_timeouts(&format!("redis://{}", proxy.addr())).connections(2)).await.tier();
    put(&tier, "a", Clock::system().tick()).await;

    proxy.cut();
    fails_at_once(&tier).await;
    proxy.restore();
    reads_again(&tier).await;

    // The silence is noticed although nobody calls.
    proxy.stall();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (kind, took) = refused(&tier).await;
    assert!(kind == ErrorKind::Unavailable && took < AT_ONCE, "{kind:?} after {took:?}");
    proxy.flow();
    reads_again(&tier).await;
    assert_eq!(get(&tier, "a").await.unwrap().as_deref(), Some("a"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_64_a_tier_starts_without_its_server_and_finds_it_later() {
    let mut server = server();
    let url = server.url();
    server.kill();
    let config = short_timeouts(&url);
    let error = Redis::connect(config.clone(), Clock::system()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.to_string().contains(&server.port().to_string()), "{error}");

    let redis = Redis::new(config, Clock::system()).unwrap();
    let tier = redis.tier();
    assert_eq!(get(&tier, "a").await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(tier.flush().await.unwrap_err().kind(), ErrorKind::Unavailable);
    eventually("health says so", async || redis.health().servers[0].error.is_some()).await;

    server.restart().unwrap();
    reads_again(&tier).await;
    put(&tier, "a", Clock::system().tick()).await;
    tier.flush().await.unwrap();
    let health = &redis.health().servers[0];
    assert!(
        health.error.is_none() && health.version.as_deref().is_some_and(|it| it.contains('.')),
        "{health:?}"
    );
}
