//! The directory stays within its bound whatever is written, and what goes first is what is worth least.

mod fixture;

use std::time::Duration;

use cache_core::{Meta, Prefix, Tier, Timestamp, Tombstone, Ttl};
use fixture::{Fixture, LONG, entry, get, key, noise, put, remove_matching};

const MIB: u64 = 1 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn the_bound_on_bytes_holds_under_churn_of_new_keys() {
    let fixture = Fixture::new();
    let tier = fixture.open();
    let stamp = Prefix::new(None, "tag").unwrap().reserved().key("AAPL").unwrap();
    put(&tier, &stamp, &fixture.entry(b"stamp", 1)).await;
    let (mut peak, mut id) = (0, 0);
    while id * 4096 < 3 * fixture.max_bytes {
        let entries: Vec<_> = (id..id + 20).map(|id| (key(id), fixture.entry(&noise(id, 4096), 1))).collect();
        tier.put(&entries).await.unwrap();
        id += 20;
        peak = peak.max(fixture.bytes_on_disk());
    }
    let stats = tier.stats();
    assert!(peak <= fixture.max_bytes, "{peak} bytes, {stats:?}");
    assert!(stats.live_bytes > fixture.max_bytes / 2, "{stats:?}");
    assert_eq!(stats.entries + stats.evicted, id + 1);
    assert!(get(&tier, &key(id - 1)).await.is_some(), "the newest stays");
    assert!(get(&tier, &key(0)).await.is_none(), "the oldest went");
    assert!(get(&tier, &stamp).await.is_some(), "the cache's own is never evicted");
    // The background may have evicted more since; from here on it can't.
    tier.close().await.unwrap();
    let held = tier.stats().entries;
    drop(tier);

    let tier = fixture.open();
    assert_eq!(tier.stats().entries, held);
    assert!(get(&tier, &key(id - 1)).await.is_some());
    assert!(get(&tier, &stamp).await.is_some());
    assert_eq!(tier.stats().started_over, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_replaced_and_the_dead_make_way_for_the_living() {
    let fixture = Fixture::new();
    let tier = fixture.open();
    let kept = 500;
    for id in 0..kept {
        put(&tier, &key(format!("kept{id}")), &fixture.entry(&noise(id, 4096), 1)).await;
    }
    let mut peak = 0;
    for round in 0..25_u64 {
        // The same keys over and over, and others that are soon dead.
        let now = fixture.at((round as i64) * 1_000_000);
        for id in 0..80 {
            let meta = Meta::new(now, Ttl::new(LONG));
            put(&tier, &key(format!("hot{id}")), &entry(&noise(round, 8192), meta)).await;
            let meta = Meta::new(now, Ttl::new(Duration::from_millis(500)));
            put(&tier, &key(format!("brief{round}/{id}")), &entry(&noise(round, 8192), meta)).await;
        }
        fixture.clock.advance(Duration::from_secs(1));
        peak = peak.max(fixture.bytes_on_disk());
    }
    let stats = tier.stats();
    assert!(peak <= fixture.max_bytes, "{peak} bytes, {stats:?}");
    assert_eq!(stats.evicted, 0, "{stats:?}");
    for id in 0..kept {
        let held = get(&tier, &key(format!("kept{id}"))).await;
        assert_eq!(held, Some(fixture.entry(&noise(id, 4096), 1)), "{id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bound_on_bytes_holds_for_removals_of_keys_that_are_not_there() {
    let fixture = Fixture::new();
    let tier = fixture.open();
    put(&tier, &key("there"), &fixture.entry(b"x", 1)).await;
    let forever = Tombstone { born: fixture.at(5), dead_at: Timestamp::MAX };
    let mut peak = 0;
    for round in 0..40 {
        let keys: Vec<_> = (0..1000).map(|id| key(format!("{round}/{id}/{}", "x".repeat(100)))).collect();
        tier.remove(cache_core::Target::Keys(&keys), forever).await.unwrap();
        peak = peak.max(fixture.bytes_on_disk());
    }
    let stats = tier.stats();
    assert!(peak <= fixture.max_bytes, "{peak} bytes, {stats:?}");
    assert!(stats.tombstones < 30_000, "{stats:?}");
    drop(tier);

    let tier = fixture.open();
    let first = key(format!("0/0/{}", "x".repeat(100)));
    put(&tier, &first, &fixture.entry(b"loaded before the removal", 5)).await;
    assert_eq!(get(&tier, &first).await, None, "a tombstone that made way is still obeyed");
    put(&tier, &first, &fixture.entry(b"loaded after", 6)).await;
    assert!(get(&tier, &first).await.is_some());
    assert!(get(&tier, &key("there")).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn space_is_given_back_after_everything_was_removed() {
    let fixture = Fixture::new();
    let tier = fixture.open();
    for round in 0..3 {
        for id in 0..1500 {
            put(&tier, &key(id), &fixture.entry(&noise(id, 4096), 10 * round + 1)).await;
        }
        assert!(remove_matching(&tier, "price:*", fixture.tombstone(10 * round + 2)).await > 0);
    }
    for id in 0..1000 {
        put(&tier, &key(id), &fixture.entry(&noise(id, 4096), 100)).await;
    }
    let stats = tier.stats();
    assert!(stats.bytes_on_disk <= fixture.max_bytes, "{stats:?}");
    assert_eq!(stats.evicted, 0, "what was removed is reclaimed, not what is alive: {stats:?}");
    assert!(stats.live_bytes < 6 * MIB, "{stats:?}");
}
