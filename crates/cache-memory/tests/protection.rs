//! Protected keys: who stays whatever comes, within which share, and what still ends them.

mod fixture;

use std::time::Duration;

use cache_core::{ErrorKind, Key, Target};
use cache_memory::{Eviction, Memory};
use fixture::{
    ROOM, at, born, costly, crowd, each, entry, get, glob, held, is_held, key, living, protect, protect_all,
    put, remove, tombstone, unprotect,
};

/// Puts an entry, and returns whether protection was refused.
fn put_refused(memory: &Memory, id: &str, n: i64) -> bool {
    let mut refused = None;
    assert!(memory.put_observed(key(id), entry(n), at(n), |_, _| {}, |key| refused = Some(key.clone())));
    memory.settle();
    assert!(refused.as_ref().is_none_or(|refused| *refused == key(id)));
    refused.is_some()
}

#[test]
fn rule_59_a_protected_key_stays_whether_it_was_held_before_or_came_later() {
    for memory in each(0.5) {
        put(&memory, "before", 0);
        assert!(protect(&memory, "before").is_empty());
        protect(&memory, "later");
        put(&memory, "later", 1);
        crowd(&memory, 100, 10);
        assert_eq!(held(&memory, ["before", "later"]).len(), 2, "{memory:?}");
        assert_eq!(memory.stats().protected, 2, "{memory:?}");
    }
}

#[test]
fn rule_59_what_a_pattern_protects_stays_whether_it_was_held_before_or_came_later() {
    for memory in each(0.5) {
        put(&memory, "index1", 0);
        put(&memory, "other", 1);
        assert!(protect_all(&memory, &glob("k:index*")).is_empty());
        put(&memory, "index2", 2);
        crowd(&memory, 100, 10);
        let stay = held(&memory, ["index1", "index2", "other"]);
        assert!(stay.contains("index1") && stay.contains("index2"), "{memory:?}: {stay:?}");
        assert!(!stay.contains("other"), "{memory:?}: what doesn't match is not spared");
    }
}

#[test]
fn rule_59_a_protected_key_that_is_put_anew_stays_with_its_new_value() {
    for memory in each(0.5) {
        protect(&memory, "a");
        put(&memory, "a", 1);
        assert!(!put_refused(&memory, "a", 2), "{memory:?}");
        assert!(!put(&memory, "a", 1), "{memory:?}: older");
        crowd(&memory, 100, 10);
        assert_eq!(born(&memory, &key("a")), Some(2), "{memory:?}");
        let stats = memory.stats();
        assert_eq!((stats.protected, stats.protected_weight), (1, 1), "{memory:?}");
    }
}

#[test]
fn rule_59_an_end_of_protection_makes_a_key_evictable_again() {
    for memory in each(0.5) {
        protect(&memory, "a");
        protect_all(&memory, &glob("k:index*"));
        put(&memory, "a", 0);
        put(&memory, "index1", 1);
        unprotect(&memory, "a");
        memory.unprotect(Target::Matching(&glob("k:index*")));
        let stats = memory.stats();
        assert_eq!((stats.protected, stats.protected_weight), (0, 0), "{memory:?}");
        assert_eq!(stats.entries, 2, "{memory:?}: nothing is lost by it");
        crowd(&memory, 300, 10);
        assert!(held(&memory, ["a", "index1"]).is_empty(), "{memory:?}");
        put(&memory, "a", 1000);
        assert_eq!(memory.stats().protected, 0, "{memory:?}: nor is what comes later");
    }
}

#[test]
fn rule_59_a_key_protected_twice_stays_until_both_have_ended() {
    for memory in each(0.5) {
        let (all, some) = (glob("k:ind*"), glob("k:*dex1"));
        protect(&memory, "index1");
        protect_all(&memory, &all);
        protect_all(&memory, &some);
        put(&memory, "index1", 0);
        for (n, end) in [Target::Keys(&[key("index1")]), Target::Matching(&all)].into_iter().enumerate() {
            memory.unprotect(end);
            crowd(&memory, 100, 1000 * (n as i64 + 1));
            assert!(is_held(&memory, "index1"), "{memory:?}: {end:?} was not its last");
        }
        memory.unprotect(Target::Matching(&glob("k:*")));
        assert_eq!(memory.stats().protected, 1, "{memory:?}: a wider pattern is not the same");
        memory.unprotect(Target::Matching(&some));
        assert_eq!(memory.stats().protected, 0, "{memory:?}");
        crowd(&memory, 300, 9000);
        assert!(!is_held(&memory, "index1"), "{memory:?}");
    }
}

#[test]
fn a_protected_entry_dies_when_its_time_has_come() {
    for memory in each(0.5) {
        protect_all(&memory, &glob("k:*"));
        memory.put(key("brief"), living(0, Duration::from_secs(10)), at(0));
        put(&memory, "long", 0);
        assert_eq!(memory.sweep(at(9_999_999)), 0, "{memory:?}");
        assert_eq!(memory.sweep(at(10_000_000)), 1, "{memory:?}");
        let stats = memory.stats();
        assert_eq!((stats.entries, stats.protected, stats.protected_weight), (1, 1, 1), "{memory:?}");
        assert_eq!(stats.evictions.expired, 1, "{memory:?}");
    }
}

#[test]
fn rule_29_a_protected_entry_goes_when_it_is_removed_by_key_by_pattern_or_by_clear() {
    for memory in each(1.0) {
        protect_all(&memory, &glob("k:*"));
        ["a", "b1", "b2", "c"].into_iter().for_each(|id| assert!(put(&memory, id, 0)));
        assert_eq!(remove(&memory, "a", 1), 1, "{memory:?}");
        assert_eq!(memory.remove_matching(&glob("k:b?"), tombstone(1), at(1)), 2, "{memory:?}");
        assert_eq!(held(&memory, ["a", "b1", "b2", "c"]).len(), 1, "{memory:?}");
        memory.clear();
        let stats = memory.stats();
        assert_eq!((stats.entries, stats.protected, stats.protected_weight, stats.weight), (0, 0, 0, 0));
        assert_eq!(stats.evictions.removed, 4, "{memory:?}");
        assert!(!put(&memory, "a", 1) && put(&memory, "a", 2), "{memory:?}");
        assert_eq!(memory.stats().protected, 1, "{memory:?}: what comes again is protected again");
    }
}

#[test]
fn rule_59_past_the_share_what_is_put_is_held_unprotected_and_said() {
    for memory in each(0.2) {
        protect_all(&memory, &glob("k:*"));
        let refused = (0..10).filter(|n| put_refused(&memory, &n.to_string(), *n)).count();
        let stats = memory.stats();
        assert_eq!(refused, 6, "{memory:?}: four of twenty may be protected");
        assert_eq!((stats.protected, stats.protected_weight, stats.entries), (4, 4, 10), "{memory:?}");
    }
}

#[test]
fn rule_59_past_the_share_what_is_held_stays_unprotected_and_is_answered() {
    for memory in each(0.2) {
        (0..10).for_each(|n| assert!(put(&memory, &n.to_string(), n)));
        let refused = protect_all(&memory, &glob("k:*"));
        let stats = memory.stats();
        assert_eq!((refused.len(), stats.protected, stats.entries), (6, 4, 10), "{memory:?}: {refused:?}");
        crowd(&memory, 300, 100);
        let left = (0..10).filter(|n| is_held(&memory, &n.to_string()));
        let left: Vec<Key> = left.map(|n| key(&n.to_string())).collect();
        assert_eq!(left.len(), 4, "{memory:?}");
        assert!(left.iter().all(|key| !refused.contains(key)), "{memory:?}: {left:?}");
    }
}

#[test]
fn rule_59_room_that_a_protected_entry_leaves_is_the_next_ones() {
    for memory in each(0.1) {
        protect_all(&memory, &glob("k:*"));
        assert!(!put_refused(&memory, "a", 0) && !put_refused(&memory, "b", 0), "{memory:?}");
        assert!(put_refused(&memory, "c", 0), "{memory:?}");
        remove(&memory, "a", 1);
        assert!(!put_refused(&memory, "c", 2), "{memory:?}: its turn has come");
        assert!(put_refused(&memory, "d", 3), "{memory:?}");
        memory.clear();
        assert!(!put_refused(&memory, "d", 4) && !put_refused(&memory, "e", 4), "{memory:?}");
    }
}

#[test]
fn rule_59_an_entry_that_grew_past_the_share_is_held_unprotected() {
    for policy in Eviction::ALL {
        let memory = Memory::builder().bytes(10_000).eviction(policy).protected_share(0.3).build();
        protect(&memory, "a");
        let mut refused = 0;
        for (n, cost) in [(1, 1000), (2, 5000), (3, 1500)] {
            assert!(memory.put_observed(key("a"), costly(n, cost), at(n), |_, _| {}, |_| refused += 1));
            memory.settle();
            assert_eq!(born(&memory, &key("a")), Some(n), "{policy}");
            let stats = memory.stats();
            assert_eq!(stats.protected, u64::from(n != 2), "{policy}");
            assert!(stats.protected_weight <= 3000 && stats.weight > u64::from(cost), "{policy}: {stats:?}");
        }
        assert_eq!(refused, 1, "{policy}");
    }
}

#[test]
fn rule_59_protection_without_a_share_is_an_error_that_names_what_it_was_for() {
    for memory in each(0.0) {
        put(&memory, "a", 0);
        let by_key = memory.protect(Target::Keys(&[key("a")])).unwrap_err();
        let by_pattern = memory.protect(Target::Matching(&glob("k:inde*"))).unwrap_err();
        assert_eq!((by_key.kind(), by_pattern.kind()), (ErrorKind::Config, ErrorKind::Config));
        assert!(by_key.to_string().contains("k:a"), "{by_key}");
        assert!(by_pattern.to_string().contains("k:inde*"), "{by_pattern}");
        assert!(by_key.to_string().contains("protected_share"), "it says what to do: {by_key}");
        assert!(!put_refused(&memory, "a", 1), "{memory:?}: nobody wants it protected");
    }
}

#[test]
fn rule_59_where_all_is_protected_what_comes_is_turned_away_at_once() {
    for memory in each(1.0) {
        protect_all(&memory, &glob("k:index*"));
        let ids: Vec<String> = (0..ROOM).map(|n| format!("index{n}")).collect();
        ids.iter().for_each(|id| assert!(!put_refused(&memory, id, 0), "{memory:?}"));
        (0..10).for_each(|n| assert!(put(&memory, &format!("other{n}"), n), "{memory:?}"));
        assert!(put_refused(&memory, "index99", 1), "{memory:?}");
        let stats = memory.stats();
        assert_eq!((stats.entries, stats.protected, stats.weight), (ROOM, ROOM, ROOM), "{memory:?}");
        assert_eq!((stats.evictions.oversized, stats.evictions.size), (11, 0), "{memory:?}");
        assert_eq!(held(&memory, ids.iter().map(String::as_str)).len(), ids.len(), "{memory:?}");
    }
}

#[test]
fn rule_59_at_the_end_of_a_protection_that_took_all_nothing_goes_unseen() {
    for memory in each(1.0) {
        protect_all(&memory, &glob("k:*"));
        (0..ROOM as i64).for_each(|n| assert!(put(&memory, &n.to_string(), n)));
        memory.unprotect(Target::Matching(&glob("k:*")));
        let stats = memory.stats();
        assert_eq!((stats.protected, stats.protected_weight), (0, 0), "{memory:?}");
        assert_eq!(stats.entries + stats.evictions.size, ROOM, "{memory:?}: {stats:?}");
        assert!(put(&memory, "next", 100), "{memory:?}");
        // Of lru and lfu, all was set aside for protected entries.
        let own = !stats.eviction.has_fixed_budget();
        assert_eq!(get(&memory, "next"), own, "{memory:?}");
    }
}
