//! Long work is done in small parts, and the lock of writers handed over between them: counted, not timed.

mod fixture;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use cache_core::{Meta, Tier, Ttl};
use cache_disk::DiskTier;
use fixture::{Fixture, entry, get, key, put, remove_matching};

/// How many entries the long work is about, and of how many one part of it takes in at most.
const ENTRIES: u64 = 6000;
const LARGEST_PART: u64 = 256;

/// Puts again and again while `work` goes on. Returns what that returned, and how many puts were done meanwhile.
async fn puts_during<T>(fixture: &Fixture, tier: &DiskTier, work: impl Future<Output = T>) -> (T, u64) {
    let (puts, ended) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let putting = tokio::spawn({
        let (tier, puts, ended) = (tier.clone(), Arc::clone(&puts), Arc::clone(&ended));
        let value = fixture.entry(b"other", 1_000_000);
        async move {
            while !ended.load(Ordering::Relaxed) {
                // New keys, since the same entry again is outdated.
                let id = puts.fetch_add(1, Ordering::Relaxed);
                put(&tier, &key(format!("other{id}")), &value).await;
            }
        }
    });
    let before = puts.load(Ordering::Relaxed);
    let done = work.await;
    let during = puts.load(Ordering::Relaxed) - before;
    ended.store(true, Ordering::Relaxed);
    putting.await.unwrap();
    (done, during)
}

async fn fill(fixture: &Fixture, tier: &DiskTier, life: Duration) {
    for first in (0..ENTRIES).step_by(500) {
        let value = entry(b"value", Meta::new(fixture.at(1), Ttl::new(life)));
        let page: Vec<_> = (first..first + 500).map(|id| (key(format!("long{id}")), value.clone())).collect();
        tier.put(&page).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_101_puts_go_on_while_a_pattern_removes_many() {
    let fixture = Fixture::new();
    let tier = fixture.open();
    fill(&fixture, &tier, fixture::LONG).await;
    let removal = remove_matching(&tier, "price:long*", fixture.tombstone(10));
    let (removed, puts) = puts_during(&fixture, &tier, removal).await;
    assert_eq!(removed, ENTRIES);
    assert!(puts >= ENTRIES / LARGEST_PART / 2, "{puts} puts while {ENTRIES} were removed");
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_101_puts_go_on_while_many_that_are_dead_are_swept() {
    let fixture = Fixture::new();
    let tier = fixture.open();
    fill(&fixture, &tier, Duration::from_secs(1)).await;
    fixture.clock.advance(Duration::from_secs(2));
    let (swept, puts) = puts_during(&fixture, &tier, tier.sweep()).await;
    assert_eq!(swept.unwrap(), ENTRIES);
    assert!(puts >= ENTRIES / LARGEST_PART / 2, "{puts} puts while {ENTRIES} were swept");
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_101_a_raised_floor_is_obeyed_at_once_and_what_it_covers_goes_in_parts() {
    let fixture = Fixture::new();
    let tier = fixture.open();
    let long = "x".repeat(200);
    let (mut most, mut fell) = (0, 0);
    for round in 0..60 {
        let keys: Vec<_> = (0..200).map(|id| key(format!("{round}/{id}/{long}"))).collect();
        tier.remove(cache_core::Target::Keys(&keys), fixture.tombstone(10 + round)).await.unwrap();
        let tombstones = tier.stats().tombstones;
        fell = most.max(tombstones) - tombstones;
        most = most.max(tombstones);
        if fell > 0 {
            // The floor stands for all of them, be they there or not.
            let first = key(format!("0/0/{long}"));
            put(&tier, &first, &fixture.entry(b"from before", 5)).await;
            assert_eq!(get(&tier, &first).await, None);
            break;
        }
    }
    assert!(fell > 0, "the floor was raised: {most} tombstones");
}
