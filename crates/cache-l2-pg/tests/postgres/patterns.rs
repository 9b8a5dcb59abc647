//! Removal by pattern among puts: nothing born before it is held afterwards, whoever was under way.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use cache_core::{Clock, Key, Pattern, Target, Tier, TierExt, Timestamp, Tombstone};
use cache_l2_pg::PgTier;
use tokio::{task::JoinSet, time::timeout};

use crate::fixture::{self, at, client, entry, key, keys, tombstone, until};

#[tokio::test]
async fn rule_51_a_removal_of_100_000_keys_goes_in_batches_and_holds_nobody_up() {
    let (clock, table) = (Clock::manual(), fixture::table());
    let tier = fixture::open(fixture::config().table(&table), &clock).await;
    let client = client(fixture::url()).await;
    // As many rows as that are put faster by the server itself.
    let fill = format!(
        "INSERT INTO {table} (key, born, dead_at, record)
         SELECT convert_to('quote:' || n, 'UTF8'), 1, 9223372036854775807, '\\x00' FROM generate_series(1, 100000) n"
    );
    client.execute(&fill, &[]).await.unwrap();
    tier.put_one(Key::new("other", "a").unwrap(), entry("kept", at(&clock, 1))).await.unwrap();

    let removal = {
        let (tier, tombstone) = (tier.clone(), tombstone(at(&clock, 2)));
        tokio::spawn(async move { tier.remove(Target::Matching(&Pattern::kind("quote")), tombstone).await })
    };
    let (mut slowest, mut puts) = (Duration::ZERO, 0);
    while !removal.is_finished() {
        let begun = std::time::Instant::now();
        let id = key(&format!("new{puts}"));
        tier.put_one(id.clone(), entry("v", at(&clock, 3))).await.unwrap();
        assert!(tier.get_one(&id).await.unwrap().is_some());
        (slowest, puts) = (slowest.max(begun.elapsed()), puts + 1);
    }
    assert_eq!(removal.await.unwrap().unwrap(), 100_000);
    println!("{puts} puts and reads meanwhile, the slowest {slowest:?}");
    assert!(puts > 10 && slowest < Duration::from_secs(2), "{puts} puts, the slowest {slowest:?}");
    let left: i64 = client.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await.unwrap().get(0);
    assert_eq!(left, puts + 1, "what came later, and what doesn't match");
}

/// How a put that is under way when a removal by pattern begins ends: whether its entry is held at last.
///
/// The put is held up by a lock on its row. The removal must wait for it.
async fn an_overtaken_put_is_held(table: &str) -> bool {
    let clock = Clock::manual();
    let (a, b) = (
        fixture::open(fixture::config().table(table), &clock).await,
        fixture::open(fixture::config().table(table), &clock).await,
    );
    a.put_one(key("a"), entry("first", at(&clock, 1))).await.unwrap();
    a.put_one(key("warm"), entry("first", at(&clock, 1))).await.unwrap();
    let mut other = client(fixture::url()).await;
    let watcher = client(fixture::url()).await;
    let held = other.transaction().await.unwrap();
    let sql = format!("SELECT FROM {table} WHERE key = $1 FOR UPDATE");
    held.execute(&sql, &[&key("a").as_str().as_bytes()]).await.unwrap();
    // Born before the removal, later than what is there.
    let put = {
        let (a, entry) = (a.clone(), entry("second", at(&clock, 5)));
        tokio::spawn(async move { a.put_one(key("a"), entry).await })
    };
    let waiting = async |least: i64| {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%' || $1 || '\"%'";
        watcher.query_one(sql, &[&table]).await.unwrap().get::<_, i64>(0) >= least
    };
    until("the put waits", async || waiting(1).await).await;
    let tombstone = tombstone(at(&clock, 10));
    let pattern = Pattern::kind("quote");
    let mut removal = std::pin::pin!(b.remove(Target::Matching(&pattern), tombstone));
    let early = timeout(Duration::from_millis(300), &mut removal).await;
    held.rollback().await.unwrap();
    if early.is_err() {
        removal.await.unwrap();
    }
    put.await.unwrap().unwrap();
    a.get_one(&key("a")).await.unwrap().is_some()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_29_a_put_under_way_is_waited_for_by_a_removal_by_pattern() {
    assert!(!an_overtaken_put_is_held(&fixture::table()).await);
}

/// Takes the gate's lock away, and leaves its look at the patterns.
async fn without_the_lock(table: &str) {
    fixture::open(fixture::config().table(table), &Clock::manual()).await;
    let open = format!(
        "CREATE OR REPLACE FUNCTION {table}_gate(known bigint) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
         BEGIN RETURN known = coalesce(pg_sequence_last_value('{table}_numbers'), 0); END $$"
    );
    client(fixture::url()).await.batch_execute(&open).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_gate_s_lock_an_overtaken_put_would_stay() {
    let table = fixture::table();
    without_the_lock(&table).await;
    assert!(an_overtaken_put_is_held(&table).await, "this test would see it");
}

/// Two nodes put and remove by pattern, each in several tasks, and after each removal look for what it
/// should have taken. Returns how often an entry was there that was born before a removal that had ended.
async fn stale_after_removals(table: &str, rounds: i64) -> u64 {
    let clock = Clock::manual();
    let mut tasks = JoinSet::new();
    let removed = std::sync::Arc::new(AtomicI64::new(i64::MIN));
    let births = std::sync::Arc::new(AtomicI64::new(clock.now().as_micros()));
    for _ in 0..2 {
        let tier = fixture::open(fixture::config().table(table), &clock).await;
        for n in 0..4 {
            let (tier, removed, births) = (tier.clone(), removed.clone(), births.clone());
            tasks.spawn(async move {
                let mut stale = 0;
                for round in 0..rounds {
                    let now = births.fetch_add(1, Ordering::SeqCst);
                    let born = Timestamp::from_micros(now);
                    if n == 0 && round % 3 == 0 {
                        let tombstone = Tombstone { born, dead_at: born.after(fixture::LONG) };
                        tier.remove(Target::Matching(&Pattern::kind("quote")), tombstone).await.unwrap();
                        removed.fetch_max(born.as_micros(), Ordering::SeqCst);
                    } else {
                        // Loads begin before what others do meanwhile.
                        let born = Timestamp::from_micros(now - (round * 7 + n) % 30);
                        let batch: Vec<_> =
                            keys(0..8).into_iter().map(|key| (key, entry("v", born))).collect();
                        tier.put(&batch).await.unwrap();
                    }
                    stale += count_stale(&tier, &removed).await;
                }
                stale
            });
        }
    }
    tasks.join_all().await.into_iter().sum()
}

async fn count_stale(tier: &PgTier, removed: &AtomicI64) -> u64 {
    let ended = removed.load(Ordering::SeqCst);
    let held = tier.get(&keys(0..8)).await.unwrap();
    held.iter().flatten().filter(|entry| entry.meta.born.as_micros() <= ended).count() as u64
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_33_removals_by_pattern_among_puts_of_two_nodes_leave_nothing_older() {
    assert_eq!(stale_after_removals(&fixture::table(), 150).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_the_gate_taken_away_the_two_nodes_would_be_seen_to_leave_something_older() {
    let table = fixture::table();
    fixture::open(fixture::config().table(&table), &Clock::manual()).await;
    let open = format!(
        "CREATE OR REPLACE FUNCTION {table}_gate(known bigint) RETURNS boolean LANGUAGE sql AS 'SELECT true'"
    );
    client(fixture::url()).await.batch_execute(&open).await.unwrap();
    assert!(stale_after_removals(&table, 150).await > 0, "this test would see it");
}

#[tokio::test]
async fn more_patterns_than_are_kept_apart_become_one_that_refuses_more_and_never_less() {
    let (clock, table) = (Clock::manual(), fixture::table());
    let tier = fixture::open(fixture::config().table(&table), &clock).await;
    let client = client(fixture::url()).await;
    let fill = format!(
        "INSERT INTO {table}_patterns (id, glob, born, dead_at)
         SELECT nextval('{table}_numbers'), convert_to('quote:' || n, 'UTF8'), $1, $2 FROM generate_series(1, 1023) n"
    );
    let (born, dead_at) = (at(&clock, 10).as_micros(), at(&clock, 10).after(fixture::LONG).as_micros());
    client.execute(&fill, &[&born, &dead_at]).await.unwrap();
    let count = async || -> i64 {
        client.query_one(&format!("SELECT count(*) FROM {table}_patterns"), &[]).await.unwrap().get(0)
    };
    let remove = async |glob: &str, born: i64| {
        let pattern = Pattern::glob(glob).unwrap();
        tier.remove(Target::Matching(&pattern), tombstone(at(&clock, born))).await.unwrap();
    };
    remove("quote:x*", 10).await;
    assert_eq!(count().await, 1024);
    remove("quote:x*", 12).await;
    assert_eq!(count().await, 1024, "a pattern that is known is renewed");
    tier.put_one(key("y"), entry("v", at(&clock, 5))).await.unwrap();
    assert!(tier.get_one(&key("y")).await.unwrap().is_some(), "not removed");

    remove("quote:z*", 11).await;
    assert_eq!(count().await, 1);
    for (id, born, is_kept) in
        [("7", 10, false), ("x1", 12, false), ("z1", 11, false), ("new", 12, false), ("new", 13, true)]
    {
        tier.put_one(key(id), entry("v", at(&clock, born))).await.unwrap();
        assert_eq!(tier.get_one(&key(id)).await.unwrap().is_some(), is_kept, "{id} born {born}");
    }
}
