//! Removal by pattern: every node obeys it, and it never blocks a server.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use cache_core::{Clock, Tier, TierExt};
use cache_l1_redis::{Redis, RedisConfig, RedisTier};
use servers::Reply;

use crate::fixture::{
    at, connect, entry, eventually, get, key, keys, namespace, raw, remove_matching, server, shared,
    shared_cluster,
};

/// Returns tiers of two clients of the same servers.
async fn two(config: RedisConfig) -> [RedisTier; 2] {
    [connect(config.clone()).await.tier(), connect(config).await.tier()]
}

async fn noticed_by_another_node(config: RedisConfig) {
    let [here, there] = two(config).await;
    let clock = Clock::system();
    for round in 0..20 {
        let begun = clock.tick();
        let ids: Vec<String> = (0..10).map(|n| format!("{round}/{n}")).collect();
        there.put_one(key(&ids[0]), entry("before", begun)).await.unwrap();
        assert_eq!(remove_matching(&here, &format!("k:{round}/*"), clock.tick()).await.unwrap(), 1);
        let late: Vec<_> = ids.iter().map(|id| (key(id), entry("late", begun))).collect();
        there.put(&late).await.unwrap();
        for id in &ids {
            assert_eq!(get(&there, id).await.unwrap(), None, "{id}");
        }
        let new: Vec<_> = ids.iter().map(|id| (key(id), entry("new", clock.tick()))).collect();
        there.put(&new).await.unwrap();
        for id in &ids {
            assert_eq!(get(&here, id).await.unwrap().as_deref(), Some("new"), "{id}");
        }
    }
}

#[tokio::test]
async fn rule_29_a_pattern_removed_here_is_known_to_a_put_there() {
    noticed_by_another_node(shared()).await;
}

#[tokio::test]
async fn rule_29_a_pattern_removed_here_is_known_to_a_put_there_in_a_cluster() {
    noticed_by_another_node(shared_cluster()).await;
}

#[tokio::test]
async fn rule_29_many_patterns_refuse_more_and_never_less() {
    // The manual clock stands still, so no tombstone dies.
    let (config, clock) = (shared().namespace(&namespace()), Clock::manual());
    let here = Redis::connect(config.clone(), clock.clone()).await.unwrap().tier();
    let there = Redis::connect(config, clock).await.unwrap().tier();
    for n in 0..300 {
        remove_matching(&here, &format!("k:{n}/*"), at(10 * n)).await.unwrap();
    }
    for n in 0..300 {
        there.put_one(key(&format!("{n}/a")), entry("late", at(10 * n))).await.unwrap();
        assert_eq!(get(&there, &format!("{n}/a")).await.unwrap(), None, "{n}");
    }
    there.put_one(key("0/a"), entry("new", at(3000))).await.unwrap();
    assert_eq!(get(&here, "0/a").await.unwrap().as_deref(), Some("new"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_60_a_removal_by_pattern_runs_to_its_end_though_nobody_waits() {
    let tier = connect(shared()).await.tier();
    let clock = Clock::system();
    let keys = keys(3000);
    let put: Vec<_> = keys.iter().map(|key| (key.clone(), entry("a", clock.tick()))).collect();
    tier.put(&put).await.unwrap();
    let removal =
        tokio::time::timeout(Duration::from_micros(500), remove_matching(&tier, "k:*", clock.tick()));
    assert!(removal.await.is_err(), "it takes longer");
    eventually("all are gone", async || tier.get(&keys).await.unwrap().iter().all(Option::is_none)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_51_a_pattern_over_100_000_keys_never_blocks_the_server() {
    let server = server();
    let config = RedisConfig::single(&server.url()).unwrap().response_timeout(Duration::from_secs(10));
    let tier = connect(config).await.tier();
    let clock = Clock::system();
    for page in 0..50 {
        let page: Vec<_> = (0..2000)
            .map(|n| (key(&format!("{}/{page}/{n}", n % 2)), entry("a value of some length", clock.tick())))
            .collect();
        tier.put(&page).await.unwrap();
    }
    server.command(&["SLOWLOG", "RESET"]).unwrap();
    server.command(&["CONFIG", "RESETSTAT"]).unwrap();
    server.command(&["CONFIG", "SET", "slowlog-log-slower-than", "50000"]).unwrap();

    let done = Arc::new(AtomicBool::new(false));
    let mut raw = raw(&server.url()).await;
    let others = tokio::spawn({
        let done = done.clone();
        async move {
            let (mut longest, mut count) = (Duration::ZERO, 0);
            while !done.load(Ordering::Relaxed) {
                let since = Instant::now();
                let () = redis::cmd("PING").query_async(&mut raw).await.unwrap();
                longest = longest.max(since.elapsed());
                count += 1;
            }
            (longest, count)
        }
    });
    let since = Instant::now();
    let removed = remove_matching(&tier, "k:1/*", clock.tick()).await.unwrap();
    let took = since.elapsed();
    done.store(true, Ordering::Relaxed);
    let (longest, count) = others.await.unwrap();
    println!("removed {removed} of 100,000 in {took:?}; the longest of {count} pings took {longest:?}");

    assert_eq!(removed, 50_000);
    // A command that scanned or removed all keys at once would take longer; the margin is for a busy machine.
    assert!(longest < Duration::from_millis(500), "{longest:?}");
    assert_eq!(server.command(&["SLOWLOG", "LEN"]).unwrap(), Reply::Int(0), "commands of over 50 ms");
    let used = server.command(&["INFO", "commandstats"]).unwrap();
    for never in ["cmdstat_keys:", "cmdstat_del:", "cmdstat_flushdb:", "cmdstat_flushall:"] {
        assert!(!used.text().unwrap().contains(never), "{never}");
    }
    assert!(tier.get_one(&key("0/7/8")).await.unwrap().is_some(), "the other keys are still there");
}
