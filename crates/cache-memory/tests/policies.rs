//! The policies, told apart by who goes first.

mod fixture;

use std::{collections::BTreeSet, time::Duration};

use cache_core::{Entry, Meta, Ttl};
use cache_memory::{Eviction, Memory};
use fixture::{at, born, entry, get, held, key, living, put, remove};
use proptest::{collection::vec, prelude::*};

/// One shard, so that each policy has everything before it.
fn memory(policy: Eviction, entries: u64) -> Memory {
    Memory::builder().entries(entries).shards(1).eviction(policy).build()
}

fn set<const N: usize>(ids: [&'static str; N]) -> BTreeSet<&'static str> {
    BTreeSet::from(ids)
}

fn numbered(name: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{name}{n}")).collect()
}

fn count(memory: &Memory, ids: &[String]) -> usize {
    held(memory, ids.iter().map(String::as_str)).len()
}

/// Reads each key as a cache does, and puts what is not held. Returns how many were held.
fn demand(memory: &Memory, ids: &[String], since: i64) -> usize {
    let mut hits = 0;
    for (id, n) in ids.iter().zip(since..) {
        let hit = get(memory, id);
        hits += usize::from(hit);
        assert!(hit || put(memory, id, n));
    }
    hits
}

/// The same story for each: eight come in, of which the fifth and the sixth die first; the first two are
/// read; two more come.
fn survivors(policy: Eviction) -> BTreeSet<&'static str> {
    let memory = memory(policy, 8);
    for (id, n) in ["a", "b", "c", "d", "e", "f", "g", "h"].into_iter().zip(0..) {
        let life = Duration::from_secs(if matches!(id, "e" | "f") { 10 } else { 20 });
        memory.put(key(id), living(n, life), at(n));
        memory.settle();
    }
    ["a", "b", "a", "b"].into_iter().for_each(|id| assert!(get(&memory, id)));
    put(&memory, "x", 8);
    put(&memory, "y", 9);
    held(&memory, ["a", "b", "c", "d", "e", "f", "g", "h", "x", "y"])
}

#[test]
fn each_policy_lets_go_of_the_one_it_is_named_for() {
    assert_eq!(survivors(Eviction::Fifo), set(["c", "d", "e", "f", "g", "h", "x", "y"]), "a and b first");
    assert_eq!(survivors(Eviction::Ttl), set(["a", "b", "c", "d", "g", "h", "x", "y"]), "e and f near death");
    let hybrid = survivors(Eviction::Hybrid);
    assert!(hybrid.is_superset(&set(["a", "b", "c", "d", "y"])) && hybrid.len() == 8, "{hybrid:?}");
    assert!(!hybrid.contains("x"), "a newcomer goes before those that were here: {hybrid:?}");
}

#[cfg(feature = "moka")]
#[test]
fn so_do_those_of_moka() {
    assert_eq!(survivors(Eviction::Lru), set(["a", "b", "e", "f", "g", "h", "x", "y"]), "c and d unread");
    let lfu = survivors(Eviction::Lfu);
    assert!(lfu.is_superset(&set(["a", "b"])) && lfu.is_disjoint(&set(["x", "y"])), "newcomers: {lfu:?}");
}

#[test]
fn no_two_policies_leave_the_same_behind() {
    let sets: BTreeSet<_> = Eviction::ALL.into_iter().map(survivors).collect();
    assert_eq!(sets.len(), Eviction::ALL.len(), "{sets:?}");
}

#[cfg(feature = "moka")]
#[test]
fn lru_lets_the_one_go_that_was_not_read_for_longest() {
    let memory = memory(Eviction::Lru, 3);
    ["a", "b", "c"].into_iter().zip(0..).for_each(|(id, n)| assert!(put(&memory, id, n)));
    ["b", "a", "c", "a"].into_iter().for_each(|id| assert!(get(&memory, id)));
    put(&memory, "d", 10);
    assert_eq!(held(&memory, ["c", "a", "d", "b"]), set(["a", "c", "d"]), "b was read first");
    put(&memory, "c", 11);
    put(&memory, "e", 12);
    assert_eq!(held(&memory, ["a", "c", "d", "e"]), set(["c", "d", "e"]), "a put is a use, too");
}

#[cfg(feature = "moka")]
#[test]
fn lfu_keeps_what_is_read_often_against_a_crowd_of_newcomers() {
    let stays = |policy| {
        let (memory, often) = (memory(policy, 100), numbered("often", 10));
        demand(&memory, &often, 0);
        demand(&memory, &numbered("fill", 90), 100);
        (0..12).for_each(|_| assert_eq!(demand(&memory, &often, 0), 10));
        demand(&memory, &numbered("new", 300), 1000);
        count(&memory, &often)
    };
    assert_eq!(stays(Eviction::Lfu), 10);
    assert_eq!(stays(Eviction::Lru), 0, "which by recency alone would be gone");
}

#[test]
fn fifo_takes_no_notice_of_reads() {
    let memory = memory(Eviction::Fifo, 3);
    ["a", "b", "c"].into_iter().zip(0..).for_each(|(id, n)| assert!(put(&memory, id, n)));
    (0..10).for_each(|_| assert!(get(&memory, "a")));
    put(&memory, "d", 3);
    assert_eq!(held(&memory, ["a", "b", "c", "d"]), set(["b", "c", "d"]));
}

#[test]
fn fifo_takes_a_key_that_is_put_again_for_a_new_one() {
    let memory = memory(Eviction::Fifo, 3);
    ["a", "b", "c", "a", "d"].into_iter().zip(0..).for_each(|(id, n)| assert!(put(&memory, id, n)));
    assert_eq!(held(&memory, ["a", "b", "c", "d"]), set(["a", "c", "d"]));
    assert_eq!(born(&memory, &key("a")), Some(3));
    assert!(!put(&memory, "c", 1), "older than what is held");
    put(&memory, "e", 10);
    assert_eq!(held(&memory, ["a", "c", "d", "e"]), set(["a", "d", "e"]), "a refused put renews nothing");
}

#[test]
fn ttl_lets_the_one_nearest_its_death_go_whatever_is_read_and_put_when() {
    let memory = memory(Eviction::Ttl, 3);
    for (id, secs) in [("last", 300), ("first", 100), ("second", 200)] {
        memory.put(key(id), living(0, Duration::from_secs(secs)), at(0));
    }
    (0..10).for_each(|_| assert!(get(&memory, "first")));
    put(&memory, "long", 1);
    assert_eq!(held(&memory, ["last", "first", "second", "long"]), set(["last", "second", "long"]));
    memory.put(key("second"), living(2, Duration::from_secs(1000)), at(2));
    put(&memory, "longer", 3);
    let left = held(&memory, ["last", "second", "long", "longer"]);
    assert_eq!(left, set(["second", "long", "longer"]), "a new promise counts, the old one does not");
}

#[test]
fn ttl_goes_by_the_end_of_grace_and_keeps_what_never_dies() {
    let memory = memory(Eviction::Ttl, 3);
    let graced = |secs| {
        let ttl = Ttl::new(Duration::from_secs(1)).grace(Duration::from_secs(secs));
        Entry { meta: Meta::new(at(0), ttl), ..entry(0) }
    };
    memory.put(key("immortal"), living(0, Duration::MAX), at(0));
    memory.put(key("graced"), graced(500), at(0));
    memory.put(key("brief"), living(0, Duration::from_secs(400)), at(0));
    put(&memory, "next", 1);
    let left = held(&memory, ["immortal", "graced", "brief", "next"]);
    assert_eq!(left, set(["immortal", "graced", "next"]), "brief is fresh for longest, and dead first");
    put(&memory, "last", 2);
    assert_eq!(held(&memory, ["immortal", "graced", "next", "last"]), set(["immortal", "next", "last"]));
}

#[test]
fn hybrid_keeps_the_working_set_through_a_scan() {
    let kept = |policy| {
        let (memory, working) = (memory(policy, 100), numbered("work", 60));
        for round in 0..5 {
            demand(&memory, &working, 100 * round);
        }
        for (n, id) in numbered("scan", 2000).iter().enumerate() {
            put(&memory, id, 10_000 + n as i64);
        }
        count(&memory, &working)
    };
    assert_eq!(kept(Eviction::Hybrid), 60);
    for policy in Eviction::ALL.into_iter().filter(|policy| matches!(policy.as_str(), "lru" | "fifo")) {
        assert_eq!(kept(policy), 0, "which flushes {policy}");
    }
}

#[test]
fn hybrid_keeps_a_newcomer_that_is_asked_for_and_no_other() {
    let memory = memory(Eviction::Hybrid, 100);
    demand(&memory, &numbered("old", 100), 0);
    put(&memory, "asked", 1000);
    put(&memory, "unasked", 1001);
    assert!(get(&memory, "asked") && get(&memory, "asked"));
    demand(&memory, &numbered("scan", 50), 2000);
    assert_eq!(held(&memory, ["asked", "unasked"]), set(["asked"]));
}

#[test]
fn hybrid_takes_over_a_working_set_that_changed() {
    let memory = memory(Eviction::Hybrid, 100);
    for (n, name) in ["morning", "noon", "night"].into_iter().enumerate() {
        let working = numbered(name, 80);
        let hits = (0..20).map(|_| demand(&memory, &working, 10_000 * n as i64)).last().unwrap_or(0);
        assert!(hits >= 76, "{hits} of 80 by {name}");
    }
}

/// What a policy is by its definition: who is held, those first that are to go first.
struct Oracle {
    policy: Eviction,
    room: usize,
    held: Vec<(u8, i64)>,
}

#[derive(Clone, Debug)]
enum Step {
    Get(u8),
    /// A key, and for how many seconds it lives.
    Put(u8, i64),
    Remove(u8),
}

impl Oracle {
    fn step(&mut self, step: &Step, now: i64) {
        let Self { policy, room, held } = self;
        let (Step::Get(id) | Step::Put(id, _) | Step::Remove(id)) = *step;
        let moves = policy.as_str() == "lru" || !matches!(step, Step::Get(_));
        let place = held.iter().position(|(known, _)| moves && *known == id);
        let taken = place.map(|place| held.remove(place));
        match *step {
            Step::Get(_) => held.extend(taken),
            Step::Remove(_) => {}
            Step::Put(_, secs) => {
                if held.len() == *room {
                    held.remove(0);
                }
                held.push((id, now + secs * 1_000_000));
                if *policy == Eviction::Ttl {
                    held.sort_by_key(|(_, death)| *death);
                }
            }
        }
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (id, secs) = (0_u8..12, 1_i64..1000);
    let step = prop_oneof![
        3 => id.clone().prop_map(Step::Get),
        4 => (id.clone(), secs).prop_map(|(id, secs)| Step::Put(id, secs)),
        1 => id.prop_map(Step::Remove),
    ];
    vec(step, 1..80)
}

/// Every step in memory and by the definition. Looking is a read, so what is to go first is looked at
/// first: that leaves the order as it was.
fn follows(policy: Eviction, room: usize, steps: &[Step]) -> Result<(), TestCaseError> {
    let memory = memory(policy, room as u64);
    let mut oracle = Oracle { policy, room, held: Vec::new() };
    for (step, now) in steps.iter().zip(1..) {
        match step {
            Step::Get(id) => {
                get(&memory, &id.to_string());
            }
            Step::Remove(id) => {
                remove(&memory, &id.to_string(), now);
            }
            Step::Put(id, secs) => {
                let life = Duration::from_secs(*secs as u64);
                prop_assert!(memory.put(key(&id.to_string()), living(now, life), at(now)));
            }
        }
        memory.settle();
        oracle.step(step, now);
        for (id, _) in &oracle.held {
            prop_assert!(get(&memory, &id.to_string()), "{id} is gone after {step:?}: {:?}", oracle.held);
        }
        prop_assert_eq!(memory.stats().entries, oracle.held.len() as u64);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[cfg(feature = "moka")]
    #[test]
    fn lru_holds_what_its_definition_says(room in 1_usize..9, steps in steps()) {
        follows(Eviction::Lru, room, &steps)?;
    }

    #[test]
    fn fifo_holds_what_its_definition_says(room in 1_usize..9, steps in steps()) {
        follows(Eviction::Fifo, room, &steps)?;
    }

    #[test]
    fn ttl_holds_what_its_definition_says(room in 1_usize..9, steps in steps()) {
        follows(Eviction::Ttl, room, &steps)?;
    }

    #[test]
    fn with_room_for_all_every_policy_holds_all(ids in vec(0_u8..30, 1..60)) {
        for policy in Eviction::ALL {
            let memory = memory(policy, 30);
            for (id, n) in ids.iter().zip(0..) {
                prop_assert!(memory.put(key(&id.to_string()), entry(n), at(n)));
            }
            let distinct: BTreeSet<u8> = ids.iter().copied().collect();
            prop_assert_eq!(memory.stats().entries, distinct.len() as u64, "{}", policy);
        }
    }
}
