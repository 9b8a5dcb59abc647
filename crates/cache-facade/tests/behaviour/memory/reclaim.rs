//! Dead entries are reclaimed even if nobody reads or writes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use cache_core::{Clock, Fetched, Pattern, Tag, Ttl};
use cache_facade::{Cache, Eviction, Memory, MemoryStats};
use tests::{Answer, Fixture, GRACE, Settings, settle};

/// A fixture whose memory goes by `policy`, and in which the cache's upkeep waits for its time.
async fn fixture(policy: Eviction, settings: impl FnOnce(Settings) -> Settings) -> Fixture {
    let memory = Memory::builder().mib(16).eviction(policy).protected_share(0.01);
    let fixture = Fixture::built(|cache| cache.memory(memory), settings).await;
    settle().await;
    fixture
}

/// Lets time pass without reads, and returns the statistics of memory.
async fn idle(fixture: &Fixture, seconds: u64) -> MemoryStats {
    fixture.pass(seconds);
    settle().await;
    fixture.cache.stats().memory
}

async fn put(fixture: &Fixture, ids: std::ops::Range<u64>) {
    fixture.region.put_many(ids.map(|id| (id.to_string(), "x".repeat(100)))).await.unwrap();
}

#[tokio::test]
async fn rule_59_what_is_dead_is_reclaimed_within_half_a_minute_with_nobody_reading() {
    for policy in Eviction::ALL {
        let fixture = fixture(policy, |region| region).await;
        put(&fixture, 0..500).await;
        let full = fixture.cache.stats().memory;
        assert_eq!(full.entries, 500, "{policy}");
        let last = idle(&fixture, GRACE.as_secs() - 1).await;
        assert_eq!((last.entries, last.weight), (500, full.weight), "{policy}: in grace, so they stay");

        let empty = idle(&fixture, 30).await;
        assert_eq!((empty.entries, empty.weight, empty.evictions.expired), (0, 0, 500), "{policy}");
        assert_eq!((empty.hits, empty.misses), (0, 0), "{policy}: nobody read");
    }
}

#[tokio::test]
async fn rule_59_of_many_lives_each_is_reclaimed_at_its_own_end() {
    for policy in Eviction::ALL {
        let fixture = fixture(policy, |region| region).await;
        for id in 0..100 {
            let life = Ttl::new(Duration::from_secs(40 * (id % 10 + 1)));
            let value = Fetched::new("x".repeat(100)).ttl(life);
            fixture.region.put(&id.to_string(), value).await.unwrap();
        }
        for wave in 1..=10 {
            let stats = idle(&fixture, 41).await;
            assert_eq!((stats.entries, stats.evictions.expired), (100 - 10 * wave, 10 * wave), "{policy}");
            for id in 0..100 {
                assert_eq!(fixture.peek(&id.to_string()).is_some(), id % 10 >= wave, "{policy}: {id}");
            }
        }
    }
}

#[tokio::test]
async fn rule_59_what_was_renewed_is_reclaimed_at_its_new_end_and_no_sooner() {
    for policy in Eviction::ALL {
        let fixture = fixture(policy, |region| region).await;
        put(&fixture, 0..10).await;
        fixture.pass(GRACE.as_secs() - 60);
        put(&fixture, 0..5).await;
        let stats = idle(&fixture, 61).await;
        assert_eq!((stats.entries, stats.evictions.expired), (5, 5), "{policy}");
        let stats = idle(&fixture, GRACE.as_secs()).await;
        assert_eq!((stats.entries, stats.evictions.expired), (0, 10), "{policy}");
    }
}

#[tokio::test]
async fn rule_59_a_protected_entry_is_reclaimed_when_it_is_dead_and_its_room_can_be_taken_again() {
    for policy in Eviction::ALL {
        let fixture = fixture(policy, |region| region).await;
        fixture.cache.protect(Pattern::glob("price:*").unwrap()).unwrap();
        put(&fixture, 0..2000).await;
        let full = fixture.cache.stats().memory;
        assert!(full.protected > 50 && full.protected < 2000, "{policy}: the share is full, {full:?}");
        let dead = idle(&fixture, GRACE.as_secs() + 30).await;
        assert_eq!((dead.protected, dead.protected_weight, dead.entries), (0, 0, 0), "{policy}");
        put(&fixture, 0..2000).await;
        assert_eq!(fixture.cache.stats().memory.protected, full.protected, "{policy}: as many again");
    }
}

#[tokio::test]
async fn rule_59_what_is_known_to_be_absent_is_reclaimed_too() {
    for policy in Eviction::ALL {
        let fixture = fixture(policy, |region| region.negative(Duration::from_secs(10))).await;
        for id in 0..20 {
            fixture.source.answer(&fixture.key(&id.to_string()), Answer::Absent);
            assert_eq!(fixture.get(&id.to_string()).await, None);
        }
        assert_eq!(fixture.cache.stats().memory.entries, 20, "{policy}");
        let stats = idle(&fixture, 31).await;
        assert_eq!((stats.entries, stats.evictions.expired), (0, 20), "{policy}");
    }
}

#[tokio::test]
async fn rule_99_what_a_clear_or_a_tag_has_ended_is_reclaimed_at_once_or_by_the_next_sweep() {
    for policy in Eviction::ALL {
        let fixture = fixture(policy, |region| region).await;
        let tag = Tag::new("tech").unwrap();
        put(&fixture, 0..10).await;
        fixture.region.clear().await.unwrap();
        assert_eq!(fixture.cache.stats().memory.entries, 0, "{policy}: a clear empties memory itself");
        put(&fixture, 0..10).await;
        fixture.region.put("tagged", Fetched::new("x".to_owned()).tag(tag.clone())).await.unwrap();
        fixture.cache.invalidate(&tag).await.unwrap();
        settle().await;
        // By moka's policies it would stand in the way of others until then.
        let soon = u64::from(policy.has_fixed_budget());
        assert_eq!(fixture.cache.stats().memory.entries, 11 - soon, "{policy}");
        assert_eq!(idle(&fixture, 30).await.entries, 10, "{policy}");
    }
}

/// A cache for 400 entries, whose upkeep waits for its time.
async fn small(policy: Eviction) -> (Cache, cache_facade::Region<u64>) {
    let memory = Memory::builder().entries(400).eviction(policy);
    let cache = Cache::builder().memory(memory).clock(Clock::manual()).build().await.unwrap();
    let region = cache.region::<u64>("n").open().unwrap();
    settle().await;
    (cache, region)
}

/// Entries that were read often, which a policy would keep, and a tag for each second of them.
async fn fill(cache: &Cache, region: &cache_facade::Region<u64>) {
    for n in 0..400_u64 {
        let value = if n % 2 == 0 { Fetched::new(n).tag(Tag::new("even").unwrap()) } else { Fetched::new(n) };
        region.put(&n, value).await.unwrap();
    }
    let _ = cache.stats();
    for _ in 0..4 {
        (0..400_u64).for_each(|n| drop(region.peek(&n)));
        for n in 0..400_u64 {
            let _ = region.get(&n).await;
        }
    }
}

async fn kept(cache: &Cache, region: &cache_facade::Region<u64>, ids: std::ops::Range<u64>) -> usize {
    for n in ids.clone() {
        region.put(&n, n).await.unwrap();
        let _ = cache.stats();
    }
    ids.filter(|n| region.peek(n).is_some()).count()
}

#[tokio::test]
async fn rule_99_what_a_tag_has_ended_takes_no_room_from_what_is_put_next() {
    for policy in Eviction::ALL {
        let (cache, region) = small(policy).await;
        fill(&cache, &region).await;
        cache.invalidate("even").await.unwrap();
        // Moka's policies are swept at once, as soon as the runtime gets to it.
        settle().await;
        assert_eq!(kept(&cache, &region, 1000..1200).await, 200, "{policy}");
        let odd = (0..400_u64).filter(|n| n % 2 == 1 && region.peek(n).is_some()).count();
        assert_eq!(odd, 200, "{policy}: what lives stays");
    }
}

#[tokio::test]
async fn rule_99_what_a_clear_has_ended_takes_no_room_from_what_is_put_next() {
    for policy in Eviction::ALL {
        let (cache, region) = small(policy).await;
        let other = cache.region::<u64>("other").open().unwrap();
        fill(&cache, &region).await;
        region.clear().await.unwrap();
        assert_eq!(kept(&cache, &other, 0..400).await, 400, "{policy}: of another kind");
        cache.clear().await.unwrap();
        assert_eq!(kept(&cache, &region, 0..400).await, 400, "{policy}: of this kind");
    }
}

#[tokio::test]
async fn rule_99_a_tag_a_second_makes_no_more_than_a_sweep_in_a_while() {
    for policy in Eviction::ALL {
        let (cache, region) = small(policy).await;
        let tag = |n: u64| Tag::new(&format!("t{n}")).unwrap();
        for n in 0..100_u64 {
            region.put(&n, Fetched::new(n).tag(tag(n))).await.unwrap();
        }
        let mut entries = Vec::new();
        for n in 0..10 {
            cache.invalidate(&tag(n)).await.unwrap();
            settle().await;
            entries.push(cache.stats().memory.entries);
        }
        // The first is swept at once; the others wait for the pause, and then go together.
        let first = 100 - u64::from(policy.has_fixed_budget());
        assert_eq!(entries, [first; 10], "{policy}");
        cache.clock().advance(Duration::from_secs(if policy.has_fixed_budget() { 1 } else { 30 }));
        settle().await;
        assert_eq!(cache.stats().memory.entries, 90, "{policy}");
    }
}

/// On a runtime of one thread.
#[tokio::test]
async fn rule_101_long_walks_let_other_tasks_run() {
    for policy in Eviction::ALL {
        let memory = Memory::builder().entries(100_000).eviction(policy);
        let cache = Cache::builder().memory(memory).clock(Clock::manual()).build().await.unwrap();
        let region = cache.region::<u64>("n").open().unwrap();
        let turns = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&turns);
        let other = tokio::spawn(async move {
            loop {
                counted.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        });
        for walk in ["remove_matching", "clear of a region", "clear", "mark_matching_stale"] {
            region.put_many((0..30_000_u64).map(|n| (n, n))).await.unwrap();
            let before = turns.load(Ordering::Relaxed);
            match walk {
                "remove_matching" => assert_eq!(cache.remove_matching("n:*").await.unwrap().memory, 30_000),
                "clear of a region" => region.clear().await.unwrap(),
                "clear" => cache.clear().await.unwrap(),
                _ => cache.mark_matching_stale("n:*").await.unwrap(),
            }
            let turns = turns.load(Ordering::Relaxed) - before;
            assert!(turns >= 6, "{policy}: {turns} turns during {walk}");
        }
        other.abort();
    }
}

#[tokio::test]
async fn rule_29_a_removal_is_forgotten_once_no_load_can_undo_it() {
    for policy in Eviction::ALL {
        let fixture = fixture(policy, |region| region.hard_timeout(Duration::from_secs(40))).await;
        let ids: Vec<String> = (0..10).map(|id| id.to_string()).collect();
        fixture.region.remove_many(&ids).await.unwrap();
        // A load may write for its hard timeout, and 30 s later if it is late.
        assert_eq!(idle(&fixture, 60).await.tombstones, 10, "{policy}");
        assert_eq!(idle(&fixture, 31).await.tombstones, 0, "{policy}");
    }
}

#[tokio::test]
async fn rule_19_what_never_dies_is_never_reclaimed() {
    for policy in Eviction::ALL {
        let fixture = fixture(policy, |region| region.ttl(Ttl::new(Duration::MAX))).await;
        put(&fixture, 0..10).await;
        for _ in 0..20 {
            assert_eq!(idle(&fixture, 10 * 24 * 3600).await.entries, 10, "{policy}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn rule_59_on_the_systems_clock_upkeep_goes_by_the_runtimes_timer() {
    for policy in Eviction::ALL {
        let memory = Memory::builder().mib(16).eviction(policy);
        let cache = Cache::builder().memory(memory).build().await.unwrap();
        let life = Duration::from_millis(5);
        let region = cache.region::<u64>("n").ttl(Ttl::new(life)).open().unwrap();
        // What is dead before it gets there is not held at all.
        while cache.stats().memory.entries == 0 {
            region.put("1", 1).await.unwrap();
        }
        let dead = cache.clock().now().after(life);
        while cache.clock().now() < dead {
            std::hint::spin_loop();
        }
        tokio::time::sleep(Duration::from_secs(29)).await;
        assert_eq!(cache.stats().memory.entries, 1, "{policy}: nobody looked so far");
        tokio::time::sleep(Duration::from_secs(2)).await;
        let stats = cache.stats().memory;
        assert_eq!((stats.entries, stats.evictions.expired), (0, 1), "{policy}");
    }
}

#[tokio::test]
async fn rule_59_upkeep_ends_with_its_cache() {
    let clock = Clock::manual();
    for ended in ["dropped", "shut down"] {
        let cache = Cache::builder().clock(clock.clone()).build().await.unwrap();
        settle().await;
        assert_eq!(clock.sleepers(), 2, "upkeep waits, of memory and of tiers");
        if ended == "shut down" {
            cache.shutdown(Duration::from_secs(1)).await.unwrap();
        } else {
            drop(cache);
        }
        clock.advance(Duration::from_secs(30));
        settle().await;
        assert_eq!(clock.sleepers(), 0, "{ended}");
    }
}
