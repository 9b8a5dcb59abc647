//! Calls that are dropped half way or time out, and what becomes of their connections.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use cache_core::{Clock, ErrorKind, Key, Pattern, Target, Tier, TierExt};
use cache_l2_pg::Postgres;
use tokio::{task::JoinSet, time::timeout};

use crate::fixture::{self, at, client, entry, key, tombstone};

/// A reproducible number below `below`.
fn pick(state: &mut u64, below: u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) % below
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_60_calls_dropped_at_any_moment_leave_no_answer_to_another_question() {
    let (clock, wrong, dropped) = (Clock::manual(), Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let postgres = Postgres::connect(fixture::config().pool_size(3), clock.clone()).await.unwrap();
    let tier = postgres.tier();
    let all: Vec<Key> = (0..200).map(|id| key(&id.to_string())).collect();
    let put: Vec<_> = all.iter().map(|key| (key.clone(), entry(key.as_str(), at(&clock, 1)))).collect();
    tier.put(&put).await.unwrap();
    let mut tasks = JoinSet::new();
    for task in 0..6_u64 {
        let (tier, all, clock) = (tier.clone(), all.clone(), clock.clone());
        let (wrong, dropped) = (wrong.clone(), dropped.clone());
        tasks.spawn(async move {
            let mut state = task;
            for step in 0..250 {
                let from = pick(&mut state, 150) as usize;
                let asked = &all[from..from + 1 + pick(&mut state, 40) as usize];
                let limit = Duration::from_micros(pick(&mut state, 3000));
                let born = at(&clock, 2 + step);
                let was_dropped = match pick(&mut state, 4) {
                    // Dropped at a random moment, if it isn't done by then.
                    0 => timeout(limit, tier.get(asked)).await.is_err(),
                    1 => {
                        let renewed: Vec<_> =
                            asked.iter().map(|key| (key.clone(), entry(key.as_str(), born))).collect();
                        timeout(limit, tier.put(&renewed)).await.is_err()
                    }
                    2 => {
                        let nobody = Pattern::kind("nobody");
                        timeout(limit, tier.remove(Target::Matching(&nobody), tombstone(born))).await.is_err()
                    }
                    // And to its end: each answer must be what was put under its key.
                    _ => {
                        let answers = tier.get(asked).await.unwrap();
                        let is_its = |(key, answer): &(&Key, &Option<cache_core::Entry>)| {
                            let bytes = answer.as_ref().and_then(|entry| entry.value.as_ref());
                            bytes.is_some_and(|blob| *blob.bytes == *key.as_str().as_bytes())
                        };
                        let odd = asked.iter().zip(&answers).filter(|answer| !is_its(answer)).count();
                        wrong.fetch_add(odd as u64, Ordering::Relaxed);
                        false
                    }
                };
                dropped.fetch_add(u64::from(was_dropped), Ordering::Relaxed);
            }
        });
    }
    tasks.join_all().await;
    assert_eq!(wrong.load(Ordering::Relaxed), 0);
    println!("{} calls were dropped half way", dropped.load(Ordering::Relaxed));
    assert!(dropped.load(Ordering::Relaxed) > 100, "the test drops calls");
    assert!(postgres.connections() <= 3, "and none leaked");
    assert!(tier.get(&all).await.unwrap().iter().all(Option::is_some));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_60_who_comes_after_a_dropped_call_does_not_wait_for_it() {
    let (clock, table) = (Clock::manual(), fixture::table());
    let config = fixture::config().table(&table).pool_size(1).statement_timeout(Duration::from_secs(8));
    let tier = fixture::open(config, &clock).await;
    tier.put_one(key("a"), entry("v", at(&clock, 1))).await.unwrap();
    tier.put_one(key("b"), entry("v", at(&clock, 1))).await.unwrap();
    let mut other = client(fixture::url()).await;
    let held = other.transaction().await.unwrap();
    held.execute(&format!("SELECT FROM {table} FOR UPDATE"), &[]).await.unwrap();
    // The server holds on to this statement, long after nobody waits for it any more.
    let put = tier.put_one(key("a"), entry("w", at(&clock, 2)));
    assert!(timeout(Duration::from_millis(300), put).await.is_err());
    let begun = std::time::Instant::now();
    assert!(tier.get_one(&key("b")).await.unwrap().is_some());
    assert!(begun.elapsed() < Duration::from_secs(3), "on another connection: {:?}", begun.elapsed());
    held.rollback().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_takes_too_long_is_ended_by_the_server_and_its_connection_kept() {
    let (clock, table) = (Clock::manual(), fixture::table());
    let config = fixture::config().table(&table).pool_size(1).statement_timeout(Duration::from_millis(500));
    let postgres = Postgres::connect(config, clock.clone()).await.unwrap();
    let tier = postgres.tier();
    tier.put_one(key("a"), entry("v", at(&clock, 1))).await.unwrap();
    let other = client(fixture::url()).await;
    other.batch_execute(&format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")).await.unwrap();
    let begun = std::time::Instant::now();
    assert_eq!(tier.get_one(&key("a")).await.unwrap_err().kind(), ErrorKind::Timeout);
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    other.batch_execute("ROLLBACK").await.unwrap();
    assert!(tier.get_one(&key("a")).await.unwrap().is_some());
    assert_eq!(postgres.connections(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_that_stays_busy_is_a_timeout_and_a_thousand_readers_share_it() {
    let (clock, table) = (Clock::manual(), fixture::table());
    let config = fixture::config().table(&table).pool_size(1).wait_timeout(Duration::from_millis(200));
    let tier = fixture::open(config, &clock).await;
    tier.put_one(key("a"), entry("v", at(&clock, 1))).await.unwrap();
    let other = client(fixture::url()).await;
    other.batch_execute(&format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")).await.unwrap();
    let first = tokio::spawn({
        let tier = tier.clone();
        async move { tier.get_one(&key("a")).await }
    });
    fixture::until("the first has the connection", async || {
        let sql = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = $1::text::regclass";
        client(fixture::url()).await.query_one(sql, &[&table]).await.unwrap().get::<_, i64>(0) > 0
    })
    .await;
    let error = tier.get_one(&key("a")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.to_string().contains("pool_size"), "{error}");
    other.batch_execute("ROLLBACK").await.unwrap();
    assert!(first.await.unwrap().unwrap().is_some());

    let tier = fixture::open(fixture::config().table(&table).pool_size(2), &clock).await;
    let mut readers = JoinSet::new();
    for _ in 0..1000 {
        let tier = tier.clone();
        readers.spawn(async move { tier.get_one(&key("a")).await });
    }
    assert!(readers.join_all().await.into_iter().all(|answer| answer.unwrap().is_some()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_that_overlap_never_wait_for_each_other_in_a_circle() {
    let (clock, table) = (Clock::manual(), fixture::table());
    let nodes = [
        fixture::open(fixture::config().table(&table), &clock).await,
        fixture::open(fixture::config().table(&table), &clock).await,
    ];
    let mut tasks = JoinSet::new();
    for task in 0..8_u64 {
        let (tier, clock) = (nodes[task as usize % 2].clone(), clock.clone());
        tasks.spawn(async move {
            let mut state = task;
            for step in 0..60 {
                // In no order, with long keys among them.
                let mut keys: Vec<Key> = (0..30)
                    .map(|_| pick(&mut state, 60))
                    .map(|id| {
                        key(&if id % 5 == 0 { "x".repeat(1200) + &id.to_string() } else { id.to_string() })
                    })
                    .collect();
                keys.rotate_left(pick(&mut state, 30) as usize);
                let born = at(&clock, step * 8 + task as i64);
                match pick(&mut state, 6) {
                    0 => drop(tier.remove(Target::Keys(&keys), tombstone(born)).await.unwrap()),
                    1 => {
                        let pattern = Pattern::glob("quote:*1*").unwrap();
                        tier.remove(Target::Matching(&pattern), tombstone(born)).await.unwrap();
                    }
                    2 => drop(tier.sweep(clock.now()).await.unwrap()),
                    _ => {
                        let batch: Vec<_> = keys.into_iter().map(|key| (key, entry("v", born))).collect();
                        tier.put(&batch).await.unwrap();
                    }
                }
            }
        });
    }
    tasks.join_all().await;
}
