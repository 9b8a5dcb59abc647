//! Sweeping, evicting, and the background task that does both.

use std::time::Duration;

use cache_core::{Clock, Entry, Key, Meta, Prefix, Target, Tier, TierExt, Ttl};
use cache_l2_pg::PgConfig;

use crate::fixture::{self, at, client, entry, key, keys, living, tombstone, until};

async fn count(url: &str, table: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    client(url).await.query_one(&sql, &[]).await.unwrap().get(0)
}

fn stamp(id: &str) -> Key {
    Prefix::new(None, "tag").unwrap().reserved().key(id).unwrap()
}

#[tokio::test]
async fn a_sweep_takes_what_is_dead_by_the_clock_given_and_nothing_else() {
    let clock = Clock::manual();
    let (tier, table) = fixture::tier(&clock).await;
    let lives = |key: &Key, n: usize| {
        (
            key.clone(),
            living("v", at(&clock, 1), Duration::from_secs(if n.is_multiple_of(3) { 1000 } else { 10 })),
        )
    };
    let keys = keys(0..2500);
    tier.put(&keys.iter().enumerate().map(|(n, key)| lives(key, n)).collect::<Vec<_>>()).await.unwrap();
    let short =
        cache_core::Tombstone { born: at(&clock, 2), dead_at: clock.now().after(Duration::from_secs(5)) };
    tier.remove(Target::Keys(&[key("gone")]), short).await.unwrap();

    assert_eq!(tier.sweep(clock.now()).await.unwrap(), 0, "the server's own clock says that all are dead");
    clock.advance(Duration::from_secs(60));
    assert_eq!(tier.sweep(clock.now()).await.unwrap(), 1666 + 1);
    assert_eq!(count(fixture::url(), &table).await, 834);
    assert_eq!(tier.stats().swept, 1667);
    let left = tier.get(&keys).await.unwrap();
    assert!(left.iter().enumerate().all(|(n, entry)| entry.is_some() == (n % 3 == 0)));
}

#[tokio::test]
async fn a_sweep_passes_over_what_others_have_their_hands_on() {
    let clock = Clock::manual();
    let (tier, table) = fixture::tier(&clock).await;
    let put: Vec<_> = keys(0..100)
        .into_iter()
        .map(|key| (key, living("v", at(&clock, 1), Duration::from_secs(1))))
        .collect();
    tier.put(&put).await.unwrap();
    clock.advance(Duration::from_secs(60));
    let mut other = client(fixture::url()).await;
    let held = other.transaction().await.unwrap();
    let sql = format!("SELECT FROM {table} WHERE key = $1 FOR UPDATE");
    held.execute(&sql, &[&put[7].0.as_str().as_bytes()]).await.unwrap();
    assert_eq!(tier.sweep(clock.now()).await.unwrap(), 99, "without waiting");
    held.rollback().await.unwrap();
    assert_eq!(tier.sweep(clock.now()).await.unwrap(), 1);
}

#[tokio::test]
async fn past_its_bound_of_rows_a_table_loses_first_what_dies_first_and_never_stamps() {
    let (clock, table) = (Clock::manual(), fixture::table());
    let tier = fixture::open(fixture::config().table(&table), &clock).await;
    let stamps: Vec<_> = ["a", "b"].map(stamp).to_vec();
    // They die first of all, and are alive.
    let carried = || Entry::absent(Meta::new(at(&clock, 1), Ttl::new(Duration::from_secs(5))));
    tier.put(&stamps.iter().map(|key| (key.clone(), carried())).collect::<Vec<_>>()).await.unwrap();
    tier.remove(Target::Keys(&[key("gone")]), tombstone(at(&clock, 2))).await.unwrap();
    let keys = keys(0..3000);
    // A hundred to each minute of theirs.
    let dies = |n: usize| Duration::from_secs(10) + Duration::from_micros(n as u64 / 100 * (1 << 26));
    let put = keys.iter().enumerate().map(|(n, key)| (key.clone(), living("v", at(&clock, 1), dies(n))));
    tier.put(&put.collect::<Vec<_>>()).await.unwrap();
    assert_eq!(tier.evict().await.unwrap(), 0, "without a bound");

    // Two nodes at once evict no more than one would.
    let config = || fixture::config().table(&table).max_rows(1000);
    let (a, b) = (fixture::open(config(), &clock).await, fixture::open(config(), &clock).await);
    let (by_a, by_b) = tokio::join!(a.evict(), b.evict());
    assert_eq!(by_a.unwrap() + by_b.unwrap(), 3003 - (1000 - 1000 / 16));
    let left = tier.get(&keys).await.unwrap();
    let kept = left.iter().flatten().count();
    assert_eq!(kept, 1000 - 1000 / 16 - 3, "as many as fit beside stamps and tombstone");
    let (earlier, later) = left.split_at((3000 - kept) / 100 * 100);
    assert!(earlier.iter().all(Option::is_none), "those first that die in an earlier minute");
    assert!(later[100..].iter().all(Option::is_some), "and no other");
    assert!(tier.get(&stamps).await.unwrap().iter().all(Option::is_some), "the cache's own stay");
    tier.put_one(key("gone"), entry("late", at(&clock, 1))).await.unwrap();
    assert_eq!(tier.get_one(&key("gone")).await.unwrap(), None, "and so do tombstones");
}

#[tokio::test]
async fn past_its_bound_of_bytes_a_table_is_brought_below_it() {
    let (clock, table) = (Clock::manual(), fixture::table());
    let config = || fixture::config().table(&table).compress_above(usize::MAX);
    let tier = fixture::open(config(), &clock).await;
    let big = "b".repeat(10_000);
    let put: Vec<_> = keys(0..300).into_iter().map(|key| (key, entry(&big, at(&clock, 1)))).collect();
    tier.put(&put).await.unwrap();
    let tier = fixture::open(config().max_bytes(1 << 20), &clock).await;
    tier.evict().await.unwrap();
    let keys: Vec<Key> = put.into_iter().map(|(key, _)| key).collect();
    let left = tier.get(&keys).await.unwrap().into_iter().flatten().count();
    assert_eq!(left, ((1 << 20) - (1 << 16)) / (80 * 128), "of 10 KB each in 1 MiB");
    assert_eq!(tier.stats().evicted, 300 - left as u64);
}

#[tokio::test]
async fn the_keeper_works_by_itself_and_ends_with_its_tier() {
    let clock = Clock::manual();
    let url = servers::env::postgres_database().unwrap();
    let config = PgConfig::new(&url).unwrap().sweep_every(Duration::from_millis(20)).max_rows(100);
    let tier = fixture::open(config, &clock).await;
    let short = |key| (key, living("v", at(&clock, 1), Duration::from_secs(1)));
    tier.put(&keys(0..50).into_iter().map(short).collect::<Vec<_>>()).await.unwrap();
    clock.advance(Duration::from_secs(60));
    until("what is dead was swept", async || tier.stats().swept == 50).await;
    let long = |key| (key, entry("v", at(&clock, 2)));
    tier.put(&keys(0..200).into_iter().map(long).collect::<Vec<_>>()).await.unwrap();
    until("what is too much was evicted", async || tier.stats().evicted >= 100).await;

    let client = client(&url).await;
    let connections = async || -> i64 {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'cache-l2-pg' AND datname = current_database()";
        client.query_one(sql, &[]).await.unwrap().get(0)
    };
    assert!(connections().await > 0);
    drop(tier);
    until("all connections are closed", async || connections().await == 0).await;
}
