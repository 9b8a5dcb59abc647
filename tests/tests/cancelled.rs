//! Calls that are cut short over tiers on disk: by their callers, and by the end of their runtime.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use cache_core::{Blob, Clock, Codec, Entry, Key, Meta, TierExt, Ttl};
use cache_disk::{DiskConfig, DiskTier};
use cache_facade::Cache;
use tempfile::TempDir;
use tests::{LocalBus, ModelTier, mutations::cancel_everywhere};
use tokio::runtime::Runtime;

/// Two nodes with a disk each, before a tier that they share.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_105_over_disks_a_call_cancelled_at_any_point_has_done_all_or_nothing() {
    let (clock, bus, shared) = (Clock::system(), LocalBus::default(), Arc::new(ModelTier::new("shared")));
    let folders = [TempDir::new().unwrap(), TempDir::new().unwrap()];
    let mut disks: [Option<DiskTier>; 2] = [None, None];
    let points = cancel_everywhere(async |number| {
        if let Some(before) = disks[number].take() {
            before.close().await.unwrap();
        }
        let config = DiskConfig::new(folders[number].path()).clock(clock.clone());
        let disk = disks[number].insert(DiskTier::open(config).unwrap()).clone();
        let cache = Cache::builder().clock(clock.clone()).bus(bus.clone());
        cache.local_tier(disk).tier(Arc::clone(&shared)).build().await.unwrap()
    })
    .await;
    assert!(points > 24, "{points} points");
}

/// The janitor of a disk is a thread, which no runtime ends.
#[test]
fn rule_106_a_disk_serves_one_runtime_after_the_other_and_is_swept_by_none() {
    let (clock, folder) = (Clock::manual(), TempDir::new().unwrap());
    let config = DiskConfig::new(folder.path()).clock(clock.clone());
    let disk = DiskTier::open(config.sweep_every(Duration::from_millis(5))).unwrap();
    for round in 1..=3 {
        Runtime::new().unwrap().block_on(async {
            let key = Key::new("k", "a").unwrap();
            let blob = Blob { codec: Codec::Bincode, schema: 0, bytes: vec![1].into() };
            let meta = Meta::new(clock.tick(), Ttl::new(Duration::from_secs(1)));
            disk.put_one(key.clone(), Entry::new(blob, meta)).await.unwrap();
            assert!(disk.get_one(&key).await.unwrap().is_some());
        });
        clock.advance(Duration::from_secs(2));
        let begun = Instant::now();
        while disk.stats().swept < round {
            assert!(begun.elapsed() < Duration::from_secs(20), "never swept after runtime {round}");
            std::thread::yield_now();
        }
    }
}
