//! One client, used by one runtime after the other: each ends with the connections that were opened on it.

use std::time::{Duration, Instant};

use cache_core::{Bus, Clock, Holder, Lease, Listener, Tier};
use cache_l1_redis::{Redis, RedisConfig};
use tokio::{
    runtime::{Builder, Runtime},
    time::timeout,
};

use crate::fixture::{
    connect, entry, eventually, get, key, remove_matching, shared, shared_cluster, shared_sentinel,
    short_timeouts,
};

const PATIENCE: Duration = Duration::from_secs(10);

fn one_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn two_threads() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Uses all that a client offers. The first call of all must succeed.
async fn use_all(redis: &Redis, round: u64) -> Box<dyn Listener> {
    let (tier, bus, lease, clock) = (redis.tier(), redis.bus("runtimes"), redis.lease(), Clock::system());
    let text = format!("round {round}");
    tier.put(&[(key("a"), entry(&text, clock.tick()))]).await.unwrap();
    assert_eq!(get(&tier, "a").await.unwrap().as_ref(), Some(&text));
    assert_eq!(remove_matching(&tier, "k:a*", clock.tick()).await.unwrap(), 1);
    let holder = Holder(round.into());
    assert_eq!(lease.acquire(&[key("a")], holder, PATIENCE).await.unwrap(), [true]);
    lease.release(&[key("a")], holder).await.unwrap();
    let mut listener = bus.listen().await.unwrap();
    bus.publish(text.clone().into()).await.unwrap();
    assert_eq!(listener.next().await.unwrap(), text);
    listener
}

fn serves_each_runtime(config: &RedisConfig, runtime: impl Fn() -> Runtime) {
    let first = runtime();
    let redis = first.block_on(connect(config.clone()));
    let mut before = first.block_on(use_all(&redis, 0));
    drop(first);
    for round in 1..=3 {
        let runtime = runtime();
        runtime.block_on(async {
            let ended = timeout(PATIENCE, before.next()).await.expect("it does not hang");
            assert!(ended.is_err(), "the connection of the listener is gone: {ended:?}");
            before = timeout(PATIENCE, use_all(&redis, round)).await.expect("within seconds");
        });
        drop(runtime);
    }
}

#[test]
fn rule_106_a_client_serves_one_runtime_after_the_other() {
    serves_each_runtime(&shared(), one_thread);
    serves_each_runtime(&shared(), two_threads);
    serves_each_runtime(&shared().connections(3), one_thread);
}

#[test]
fn rule_106_a_client_of_a_cluster_serves_one_runtime_after_the_other() {
    serves_each_runtime(&shared_cluster(), one_thread);
}

#[test]
fn rule_106_a_client_under_sentinels_serves_one_runtime_after_the_other() {
    serves_each_runtime(&shared_sentinel(), two_threads);
}

#[test]
fn rule_106_a_client_that_was_built_on_a_runtime_that_ended_at_once_works_from_the_next() {
    for config in [shared(), shared_cluster(), shared_sentinel()] {
        let redis = one_thread().block_on(async { Redis::new(config, Clock::system()).unwrap() });
        one_thread().block_on(async { timeout(PATIENCE, use_all(&redis, 0)).await.expect("within seconds") });
    }
}

/// A runtime that is there and that nobody drives: its connections answer nothing.
#[test]
fn rule_106_from_a_runtime_that_stands_still_another_takes_over() {
    let config = short_timeouts(&servers::env::redis().unwrap()).namespace(&crate::fixture::namespace());
    let still = one_thread();
    let redis = still.block_on(connect(config));
    still.block_on(use_all(&redis, 0));
    one_thread().block_on(async {
        let tier = redis.tier();
        let mut longest = Duration::ZERO;
        eventually("it connects anew", async || {
            let begun = Instant::now();
            let works = tier.get(&[key("a")]).await.is_ok();
            longest = longest.max(begun.elapsed());
            works
        })
        .await;
        assert!(longest < Duration::from_secs(2), "no call waits longer than it may: {longest:?}");
        use_all(&redis, 1).await;
    });
    still.block_on(use_all(&redis, 2));
}
