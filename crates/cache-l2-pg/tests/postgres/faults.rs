//! A server that is restarted, killed, paused or unreachable: each test has its own.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use cache_core::{Clock, ErrorKind, Key, Pattern, Target, Tier, TierExt};
use cache_l2_pg::{PgConfig, PgTier, Postgres, Writes};
use servers::Proxy;
use tokio::task::{JoinSet, block_in_place};

use crate::fixture::{self, at, entry, key, keys, tombstone, until};

fn server() -> servers::Postgres {
    block_in_place(servers::Postgres::start).expect("a server")
}

/// Settings that give up soon.
fn hasty(url: &str) -> PgConfig {
    let limit = Duration::from_millis(500);
    fixture::config_at(url).connect_timeout(limit * 4).wait_timeout(limit).statement_timeout(limit)
}

async fn is_back(tier: &PgTier) {
    until("the server is back", async || tier.get_one(&key("any")).await.is_ok()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_in_the_middle_costs_errors_while_it_lasts_and_nothing_that_was_acknowledged() {
    let (clock, mut server) = (Clock::manual(), server());
    let tier = fixture::open(hasty(&server.url()), &clock).await;
    for (round, kill) in [false, true, false].into_iter().enumerate() {
        let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let mut writers = JoinSet::new();
        for writer in 0..3 {
            let (tier, stop, clock) = (tier.clone(), stop.clone(), clock.clone());
            writers.spawn(async move {
                let (mut kept, mut gone, mut failed) = (Vec::new(), Vec::new(), 0);
                for n in 0.. {
                    let key = key(&format!("{round}/{writer}/{n}"));
                    let put = tier.put_one(key.clone(), entry("v", at(&clock, 1))).await;
                    match (put, n % 2) {
                        (Ok(_), 0) => kept.push(key),
                        (Ok(_), _) => {
                            let tombstone = tombstone(at(&clock, 2));
                            match tier.remove(Target::Keys(std::slice::from_ref(&key)), tombstone).await {
                                Ok(removed) => {
                                    assert_eq!(removed, 1);
                                    gone.push(key);
                                }
                                Err(error) => assert!(error.is_retryable(), "{error}"),
                            }
                        }
                        (Err(error), _) => {
                            assert!(error.is_retryable(), "{error}");
                            failed += 1;
                        }
                    }
                    if stop.load(std::sync::atomic::Ordering::Relaxed) {
                        break;
                    }
                    tokio::task::yield_now().await;
                }
                (kept, gone, failed)
            });
        }
        until("some were written", async || {
            tier.get_one(&key(&format!("{round}/0/20"))).await.is_ok_and(|a| a.is_some())
        })
        .await;
        block_in_place(|| {
            if kill {
                server.kill();
            }
            server.restart().unwrap();
        });
        is_back(&tier).await;
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        for (kept, gone, failed) in writers.join_all().await {
            println!("{} kept, {} gone, {failed} failed", kept.len(), gone.len());
            assert!(tier.get(&kept).await.unwrap().iter().all(Option::is_some), "kill {kill}");
            assert!(
                tier.get(&gone).await.unwrap().iter().all(Option::is_none),
                "kill {kill}: removed stays removed"
            );
            let late: Vec<_> = gone.iter().map(|key| (key.clone(), entry("late", at(&clock, 2)))).collect();
            tier.put(&late).await.unwrap();
            assert!(
                tier.get(&gone).await.unwrap().iter().all(Option::is_none),
                "kill {kill}: tombstones stay"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unlogged_table_is_empty_after_a_crash_and_its_removals_by_pattern_hold() {
    let (clock, mut server) = (Clock::manual(), server());
    let tier = fixture::open(hasty(&server.url()).unlogged(), &clock).await;
    tier.put_one(key("a"), entry("v", at(&clock, 1))).await.unwrap();
    let pattern = Pattern::starting_with("quote:p");
    tier.remove(Target::Matching(&pattern), tombstone(at(&clock, 5))).await.unwrap();
    block_in_place(|| {
        server.kill();
        server.restart().unwrap();
    });
    is_back(&tier).await;
    assert_eq!(tier.get_one(&key("a")).await.unwrap(), None);
    tier.put(&[(key("p1"), entry("late", at(&clock, 4))), (key("q1"), entry("v", at(&clock, 4)))])
        .await
        .unwrap();
    let answers = tier.get(&[key("p1"), key("q1")]).await.unwrap();
    assert_eq!(answers.iter().map(Option::is_some).collect::<Vec<_>>(), [false, true]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_52_a_server_that_hangs_costs_each_call_its_limit_and_then_works_again() {
    let (clock, mut server) = (Clock::manual(), server());
    let postgres = Postgres::connect(hasty(&server.url()), clock.clone()).await.unwrap();
    let tier = postgres.tier();
    tier.put_one(key("a"), entry("v", at(&clock, 1))).await.unwrap();
    block_in_place(|| server.pause());
    for call in 0..3 {
        let begun = Instant::now();
        let error = match call {
            0 => tier.get_one(&key("a")).await.unwrap_err(),
            1 => tier.put_one(key("b"), entry("v", at(&clock, 1))).await.unwrap_err(),
            _ => tier.remove(Target::Keys(&[key("a")]), tombstone(at(&clock, 2))).await.unwrap_err(),
        };
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    }
    block_in_place(|| server.resume());
    is_back(&tier).await;
    let after = entry("after", at(&clock, 9));
    tier.put_one(key("a"), after.clone()).await.unwrap();
    assert_eq!(tier.get_one(&key("a")).await.unwrap(), Some(after));
    assert!(postgres.connections() <= 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_swallows_everything_is_given_up_and_connected_anew() {
    let (clock, server) = (Clock::manual(), server());
    let proxy = block_in_place(|| Proxy::start(([127, 0, 0, 1], server.port()).into())).unwrap();
    let url = server.url().replace(&format!(":{}/", server.port()), &format!(":{}/", proxy.addr().port()));
    let tier = fixture::open(hasty(&url), &clock).await;
    tier.put_one(key("a"), entry("v", at(&clock, 1))).await.unwrap();
    proxy.stall();
    assert_eq!(tier.get_one(&key("a")).await.unwrap_err().kind(), ErrorKind::Timeout);
    // Connections cut without a word, and new ones refused.
    proxy.cut();
    until("refused", async || {
        tier.get_one(&key("a")).await.is_err_and(|e| e.kind() == ErrorKind::Unavailable)
    })
    .await;
    let begun = Instant::now();
    assert!(tier.get_one(&key("a")).await.is_err());
    assert!(begun.elapsed() < Duration::from_millis(400), "at once: {:?}", begun.elapsed());
    proxy.restore();
    proxy.flow();
    is_back(&tier).await;
    assert!(tier.get_one(&key("a")).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_64_without_a_server_a_tier_starts_fails_fast_and_makes_its_tables_when_it_comes() {
    let (clock, mut server) = (Clock::manual(), server());
    block_in_place(|| server.kill());
    let url = server.url();
    let error = Postgres::connect(hasty(&url), clock.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    let password = url.split(':').nth(2).and_then(|rest| rest.split('@').next()).unwrap();
    assert!(!format!("{error} {error:?}").contains(password), "{error}");

    let tier = Postgres::new(hasty(&url), clock.clone()).unwrap().tier();
    let begun = Instant::now();
    let mut callers = JoinSet::new();
    for _ in 0..100 {
        let tier = tier.clone();
        callers.spawn(async move { tier.get_one(&key("a")).await });
    }
    for answer in callers.join_all().await {
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::Unavailable);
    }
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    block_in_place(|| server.restart()).unwrap();
    is_back(&tier).await;
    tier.put_one(key("a"), entry("v", at(&clock, 1))).await.unwrap();
    assert!(tier.get_one(&key("a")).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_said_without_the_password() {
    let (_, place) = fixture::url().split_once('@').unwrap();
    let config = PgConfig::new(&format!("postgres://cache@{place}")).unwrap().password("letmein");
    let error = Postgres::connect(config.clone(), Clock::manual()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    assert!(!format!("{error} {error:?} {config:?}").contains("letmein"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_40_written_behind_puts_outlive_a_restart_in_the_queue_and_removals_supersede_them() {
    let (clock, mut server) = (Clock::manual(), server());
    let tier =
        fixture::open(hasty(&server.url()).writes(Writes::Behind { rows: 100, bytes: 1 << 20 }), &clock)
            .await;
    tier.put_one(key("before"), entry("v", at(&clock, 1))).await.unwrap();
    tier.flush().await.unwrap();
    block_in_place(|| server.kill());
    let all: Vec<Key> = keys(0..100);
    let put = |born| all.iter().map(|key| (key.clone(), entry("v", at(&clock, born)))).collect::<Vec<_>>();
    tier.put(&put(1)[..50]).await.unwrap();
    // Of two for one key the later born is kept, and takes no more room.
    // While the task tries to write some, they take room of their own.
    until("there is room", async || tier.put(&put(3)).await.is_ok()).await;
    until("there is room", async || tier.put(&put(2)).await.is_ok()).await;
    assert_eq!(tier.stats().queued, 100);
    assert!(tier.flush().await.unwrap_err().is_retryable(), "it says so");
    assert!(tier.put_one(key("more"), entry("v", at(&clock, 1))).await.is_err(), "no room, and no server");
    assert!(tier.stats().overflowed >= 1);
    assert!(tier.remove(Target::Keys(&all[..10]), tombstone(at(&clock, 5))).await.is_err(), "never queued");

    block_in_place(|| server.restart()).unwrap();
    is_back(&tier).await;
    tier.remove(Target::Keys(&all[..20]), tombstone(at(&clock, 5))).await.unwrap();
    until("all is written", async || tier.flush().await.is_ok()).await;
    assert_eq!(tier.stats().queued, 0);
    let answers = tier.get(&all).await.unwrap();
    for (n, answer) in answers.iter().enumerate() {
        let born = answer.as_ref().map(|entry| entry.meta.born);
        assert_eq!(born, (n >= 20).then(|| at(&clock, 3)), "{n}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_queued_is_not_served_past_another_node_s_removal() {
    let (clock, table) = (Clock::manual(), fixture::table());
    let mut other = fixture::client(fixture::url()).await;
    let a = fixture::open(fixture::config().table(&table).writes(Writes::BEHIND), &clock).await;
    let b = fixture::open(fixture::config().table(&table), &clock).await;
    b.put_one(key("blocked"), entry("old", at(&clock, 1))).await.unwrap();
    // Hold the queue up: its first batch waits for this row.
    let held = other.transaction().await.unwrap();
    held.execute(&format!("SELECT FROM {table} FOR UPDATE"), &[]).await.unwrap();
    a.put_one(key("blocked"), entry("new", at(&clock, 2))).await.unwrap();
    let watcher = fixture::client(fixture::url()).await;
    let waits =
        format!("SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%{table}%'");
    until("the queue waits", async || !watcher.query(&waits, &[]).await.unwrap().is_empty()).await;
    let put = [(key("a"), entry("v", at(&clock, 2))), (key("p1"), entry("v", at(&clock, 2)))];
    a.put(&put).await.unwrap();
    assert!(a.get(&[key("a"), key("p1")]).await.unwrap().iter().all(Option::is_some), "its own reads see it");
    assert_eq!(b.get_one(&key("a")).await.unwrap(), None, "another node's don't");
    b.remove(Target::Keys(&[key("a")]), tombstone(at(&clock, 3))).await.unwrap();
    assert_eq!(a.get_one(&key("a")).await.unwrap(), None);
    // A removal by pattern waits for the put that is under way.
    let pattern = Pattern::starting_with("quote:p");
    let removal = {
        let (b, tombstone) = (b.clone(), tombstone(at(&clock, 3)));
        tokio::spawn(async move { b.remove(Target::Matching(&pattern), tombstone).await })
    };
    held.rollback().await.unwrap();
    removal.await.unwrap().unwrap();
    assert_eq!(a.get_one(&key("p1")).await.unwrap(), None);
    a.flush().await.unwrap();
    assert_eq!(b.get(&[key("a"), key("p1")]).await.unwrap(), [None, None]);
    assert!(b.get_one(&key("blocked")).await.unwrap().is_some_and(|entry| entry.meta.born == at(&clock, 2)));
}
