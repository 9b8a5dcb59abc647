//! The budget: whatever is put, no more is held, and whatever was put is held or counted as gone.

mod fixture;

use std::{collections::BTreeSet, time::Duration};

use cache_memory::{Eviction, Memory};
use fixture::{
    ROOM, at, born, costly, departed, each, entry, get, glob, held, is_held, key, living, put, remove,
};
use proptest::{collection::vec, prelude::*};

/// Room for so many bytes, under each policy in one shard and in eight.
fn in_bytes(bytes: u64) -> impl Iterator<Item = Memory> {
    let built = move |policy, shards| Memory::builder().bytes(bytes).shards(shards).eviction(policy).build();
    Eviction::ALL.into_iter().flat_map(move |policy| [built(policy, 1), built(policy, 8)])
}

#[test]
fn rule_59_an_entry_heavier_than_all_there_is_is_counted_and_never_held() {
    for memory in in_bytes(10_000) {
        assert!(memory.put(key("huge"), costly(0, 10_000), at(0)), "{memory:?}");
        let stats = memory.stats();
        assert_eq!((stats.entries, stats.weight), (0, 0), "{memory:?}");
        assert_eq!((stats.evictions.oversized, departed(stats.evictions)), (1, 1), "{memory:?}");
        assert!(!get(&memory, "huge"), "{memory:?}");
    }
}

#[test]
fn rule_30_an_entry_too_heavy_to_hold_still_ends_the_one_before_it() {
    for memory in in_bytes(10_000) {
        put(&memory, "a", 1);
        put(&memory, "other", 1);
        assert!(memory.put(key("a"), costly(2, 1 << 20), at(2)), "{memory:?}");
        assert!(!get(&memory, "a"), "{memory:?}: what came before is older than what was put last");
        let stats = memory.stats();
        let evictions = stats.evictions;
        assert_eq!((evictions.replaced, evictions.oversized, evictions.size), (1, 1, 0), "{memory:?}");
        assert_eq!(stats.entries, 1, "{memory:?}: the other one did not have to go for it");
    }
}

#[test]
fn rule_59_what_takes_all_the_room_is_held_alone() {
    for memory in in_bytes(10_000) {
        (0..5).for_each(|n| assert!(put(&memory, &n.to_string(), n)));
        // As lfu lets nobody in who was not asked for.
        (0..15).for_each(|_| assert!(!get(&memory, "large")));
        assert!(memory.put(key("large"), costly(9, 9_000), at(9)));
        let stats = memory.stats();
        assert!(stats.weight <= stats.budget, "{stats:?}");
        assert_eq!(stats.entries + departed(stats.evictions), 6, "{memory:?}: {stats:?}");
        assert!(get(&memory, "large") || stats.eviction.as_str() == "lfu", "{memory:?}");
    }
}

#[test]
fn rule_59_keys_and_tags_weigh_too() {
    for memory in in_bytes(50_000) {
        put(&memory, "a", 0);
        let bare = memory.stats().weight;
        let tags: Vec<_> = (0..10).map(|n| cache_core::Tag::new(&n.to_string()).unwrap()).collect();
        let mut tagged = entry(0);
        tagged.meta = tagged.meta.labelled(&tags, None);
        memory.put(key(&"b".repeat(1001)), tagged, at(0));
        let both = memory.stats().weight;
        assert!(both >= 2 * bare + 1000 + 10, "{memory:?}: {bare} and {both}");
        memory.clear();
        assert_eq!(memory.stats().weight, 0, "{memory:?}");
    }
}

#[test]
fn rule_59_an_entry_that_changed_its_weight_gives_back_what_it_took() {
    for memory in in_bytes(20_000) {
        put(&memory, "other", 0);
        let bare = memory.stats().weight;
        for (before, after) in [(100, 5000), (5000, 100)] {
            memory.put(key("a"), costly(1, before), at(1));
            memory.settle();
            memory.put(key("a"), costly(2, after), at(2));
            memory.clear();
            put(&memory, "other", 0);
            assert_eq!(memory.stats().weight, bare, "{memory:?}: from {before} to {after}");
        }
    }
}

#[test]
fn what_died_unread_is_reclaimed_by_a_sweep_and_counted() {
    for memory in each(0.0) {
        for n in 0..10 {
            memory.put(key(&n.to_string()), living(0, Duration::from_secs(n + 1)), at(0));
        }
        memory.put(key("never"), living(0, Duration::ZERO), at(0));
        memory.put(key("immortal"), living(0, Duration::MAX), at(0));
        assert_eq!(memory.sweep(at(0)), 1, "{memory:?}: a life of zero is over before it begins");
        assert_eq!(memory.sweep(at(4_000_000)), 4, "{memory:?}");
        assert_eq!(memory.sweep(at(4_000_000)), 0, "{memory:?}");
        let stats = memory.stats();
        assert_eq!((stats.entries, stats.weight, stats.evictions.expired), (7, 7, 5), "{memory:?}");
        memory.put(key("5"), living(1, Duration::from_secs(100)), at(1));
        assert_eq!(memory.sweep(at(50_000_000)), 5, "{memory:?}: its new life counts");
        assert_eq!(held(&memory, ["5", "immortal", "9"]), BTreeSet::from(["5", "immortal"]), "{memory:?}");
    }
}

#[test]
fn a_sweep_looks_at_entries_beyond_one_stride() {
    for policy in Eviction::ALL {
        let memory = Memory::builder().entries(5000).shards(1).eviction(policy).build();
        for n in 0..5000 {
            let life = Duration::from_secs(if n % 2 == 0 { 1 } else { 100 });
            memory.put(key(&n.to_string()), living(n, life), at(n));
        }
        let before = memory.stats().entries;
        assert!(before == 5000, "{policy}: {before}");
        assert_eq!(memory.sweep(at(10_000_000)), 2500, "{policy}");
        assert_eq!(
            memory.remove_matching(&glob("k:*1"), fixture::tombstone(9000), at(9000)),
            500,
            "{policy}"
        );
        assert_eq!(memory.stats().entries, 2000, "{policy}");
    }
}

#[test]
fn rule_59_a_shard_without_entries_takes_room_from_its_neighbours() {
    for policy in [Eviction::Fifo, Eviction::Ttl, Eviction::Hybrid] {
        // With more shards than entries, most puts find their own shard empty.
        let memory = Memory::builder().entries(3).shards(64).eviction(policy).build();
        for n in 0..200 {
            let id = n.to_string();
            assert!(put(&memory, &id, n) && is_held(&memory, &id), "{policy}: {id} was let in");
            let stats = memory.stats();
            assert_eq!(stats.entries, (n as u64 + 1).min(3), "{policy}");
            assert_eq!(stats.entries + stats.evictions.size, n as u64 + 1, "{policy}: {stats:?}");
            assert_eq!(stats.weight, stats.entries, "{policy}");
        }
    }
}

#[test]
fn rule_29_what_was_removed_does_not_come_back_until_it_is_born_anew() {
    for memory in each(0.0) {
        put(&memory, "a", 5);
        assert_eq!(remove(&memory, "a", 4), 0, "{memory:?}: it was born after this removal");
        assert_eq!(remove(&memory, "a", 6), 1, "{memory:?}");
        assert_eq!(remove(&memory, "b", 6), 0, "{memory:?}: it was not there");
        assert!(!put(&memory, "a", 6) && !put(&memory, "b", 3), "{memory:?}");
        assert!(put(&memory, "a", 7) && put(&memory, "b", 7), "{memory:?}");
        assert_eq!(memory.stats().tombstones, 2, "{memory:?}");
        memory.sweep(at(0).after(2 * fixture::LONG));
        assert_eq!(memory.stats().tombstones, 0, "{memory:?}: forgotten in time");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rule_59_entries_of_any_weight_in_tiny_shards_are_held_within_the_budget_or_counted(
        puts in vec((0_u8..30, 0_u32..1500), 1..80),
    ) {
        for memory in in_bytes(4_000) {
            for ((id, cost), n) in puts.iter().zip(0..) {
                let key = key(&id.to_string());
                prop_assert!(memory.put(key.clone(), costly(n, *cost), at(n)));
                let stats = memory.stats();
                prop_assert!(stats.weight <= stats.budget, "{:?}", stats);
                prop_assert_eq!(stats.entries + departed(stats.evictions), n as u64 + 1, "{:?}", stats);
                prop_assert_eq!(stats.evictions.oversized, 0);
                let there = born(&memory, &key);
                prop_assert!(there == Some(n) || there.is_none() && stats.eviction.as_str() == "lfu", "{:?}", memory);
            }
        }
    }

    #[test]
    fn rule_59_entries_as_they_are_counted_never_exceed_their_number(ids in vec(0_u8..60, 1..150)) {
        for memory in each(0.0) {
            let mut distinct = BTreeSet::new();
            for (id, n) in ids.iter().zip(0..) {
                put(&memory, &id.to_string(), n);
                distinct.insert(*id);
                let stats = memory.stats();
                prop_assert_eq!(stats.entries, (distinct.len() as u64).min(ROOM), "{:?}", stats);
                prop_assert_eq!(stats.weight, stats.entries);
            }
        }
    }
}
