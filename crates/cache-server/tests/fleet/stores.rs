//! What every store of counted calls does, on the server or the disk that a configuration names.

use std::{sync::Arc, time::Duration};

use cache_core::{Clock, ErrorKind, QuotaStore};
use cache_facade::config::CacheConfig;
use futures_util::future::join_all;
use servers::{Postgres, Redis, RedisOptions};
use tokio::time::{sleep, timeout};

use crate::process::PATIENCE;

fn store(yaml: &str) -> Arc<dyn QuotaStore> {
    CacheConfig::from_yaml(yaml).unwrap().quota_store(&Clock::system()).unwrap().unwrap()
}

/// Waits until the store can be reached.
async fn reached(store: &dyn QuotaStore) {
    let reached = async {
        while store.read("anybody").await.is_err() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, reached).await.expect("a store that can be reached");
}

/// Adds one to the number that a record is.
async fn add_one(store: &dyn QuotaStore, who: usize) {
    for attempt in 0.. {
        let (version, record) = store.read("number").await.unwrap().record.unzip();
        let number: u64 = record.map_or(0, |record| str::from_utf8(&record).unwrap().parse().unwrap());
        let (new, next) = (format!("{who}-{attempt}"), (number + 1).to_string());
        if store.replace("number", version.as_deref(), &new, next.as_bytes()).await.unwrap() {
            return;
        }
    }
}

async fn check(store: &dyn QuotaStore) {
    reached(store).await;
    let name = "a provider: ü'\"{}%";
    let read = || async { store.read(name).await.unwrap() };
    assert_eq!(read().await.record, None);
    let ahead = read().await.now.as_micros() - Clock::system().now().as_micros();
    assert!(ahead.abs() < 1_000_000, "the time of this machine: {ahead}");
    assert!(!store.replace(name, Some("0"), "1", b"").await.unwrap(), "there is none to replace");
    assert!(store.replace(name, None, "1", b"one").await.unwrap());
    assert!(!store.replace(name, None, "2", b"two").await.unwrap(), "there is one");
    assert!(!store.replace(name, Some("0"), "2", b"two").await.unwrap(), "it is another");
    assert!(store.replace(name, Some("1"), "2", b"\x00\n\xff{}").await.unwrap());
    assert_eq!(read().await.record, Some(("2".to_owned(), b"\x00\n\xff{}".to_vec())));
    join_all((0..10).map(|who| add_one(store, who))).await;
    let (_, number) = store.read("number").await.unwrap().record.unwrap();
    assert_eq!(number, b"10", "no change is lost");
}

#[tokio::test]
async fn rule_82_records_of_calls_are_replaced_by_whoever_read_them_last_on_redis() {
    let mut redis = Redis::start(&RedisOptions::default()).unwrap();
    let store = store(&format!("redis: {{url: \"{}\"}}", redis.url()));
    check(&*store).await;
    assert!(store.is_shared());
    let run = store.read("number").await.unwrap().run;
    redis.kill();
    let error = store.read("number").await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Timeout), "{error}");
    redis.restart().unwrap();
    reached(&*store).await;
    let after = store.read("number").await.unwrap();
    assert!(run.is_some() && after.run != run, "a restart is seen: {run:?}");
}

#[tokio::test]
async fn rule_82_records_of_calls_are_replaced_by_whoever_read_them_last_on_postgresql() {
    let mut postgres = Postgres::start().unwrap();
    let store = store(&format!("postgres: {{url: \"{}\"}}", postgres.create_database().unwrap()));
    check(&*store).await;
    assert!(store.is_shared());
    postgres.kill();
    assert!(store.read("number").await.is_err());
    postgres.restart().unwrap();
    reached(&*store).await;
    let record = store.read("number").await.unwrap().record.unwrap().1;
    assert_eq!(record, b"10", "what was acknowledged outlives a crash");
}

#[tokio::test]
async fn rule_82_records_of_calls_are_replaced_by_whoever_read_them_last_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let yaml = format!("disk: {{dir: \"{}\"}}", folder.path().display());
    let store = store(&yaml);
    check(&*store).await;
    assert!(!store.is_shared());
}
