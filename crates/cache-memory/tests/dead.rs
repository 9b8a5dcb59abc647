//! What is dead takes no room from the living, under any policy.

mod fixture;

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use cache_core::{Meta, Timestamp};
use cache_memory::{Eviction, Memory};
use fixture::{LONG, at, born, held, key, living};

/// How many entries fit in.
const ROOM: i64 = 3_000;

/// Memory, and a judge who finds what was born at an even moment dead once that is said.
struct Stage {
    memory: Memory,
    /// What was born at this moment or before has ended, if it was born at an even moment.
    ended: Arc<AtomicI64>,
    asked: Arc<AtomicUsize>,
}

impl Stage {
    fn new(policy: Eviction, shards: usize) -> Self {
        let memory = Memory::builder().entries(ROOM as u64).shards(shards).eviction(policy).build();
        let (ended, asked) = (Arc::new(AtomicI64::new(i64::MIN)), Arc::new(AtomicUsize::new(0)));
        let (until, counted) = (Arc::clone(&ended), Arc::clone(&asked));
        let judge = move |_: &cache_core::Key, meta: &Meta| {
            counted.fetch_add(1, Ordering::Relaxed);
            meta.born.as_micros() % 2 == 0 && meta.born.as_micros() <= until.load(Ordering::Relaxed)
        };
        assert!(memory.judge_by(judge) && !memory.judge_by(|_, _| true), "the first judge stays");
        Self { memory, ended, asked }
    }

    /// Ends what was born at an even moment so far.
    fn end(&self, until: i64) -> bool {
        self.ended.store(at(until).as_micros(), Ordering::Relaxed);
        self.memory.note_ended()
    }

    fn put(&self, from: i64, to: i64, life: Duration) {
        for n in from..to {
            assert!(self.memory.put(key(&n.to_string()), living(n, life), at(n)));
            if self.memory.stats().eviction.has_fixed_budget() {
                self.memory.settle();
            }
        }
    }

    fn count(&self, from: i64, to: i64, step: usize) -> usize {
        let ids: Vec<String> = (from..to).step_by(step).map(|n| n.to_string()).collect();
        held(&self.memory, ids.iter().map(String::as_str)).len()
    }
}

fn own() -> impl Iterator<Item = (Eviction, usize)> {
    let own = Eviction::ALL.into_iter().filter(|policy| !policy.has_fixed_budget());
    own.flat_map(|policy| [1, 16].map(|shards| (policy, shards)))
}

#[test]
fn rule_99_what_has_ended_goes_before_what_lives_and_before_any_sweep() {
    for (policy, shards) in own() {
        let stage = Stage::new(policy, shards);
        stage.put(0, ROOM, LONG);
        // What is read often is what a policy would keep.
        (0..ROOM).step_by(2).for_each(|n| {
            (0..3).for_each(|_| assert_eq!(born(&stage.memory, &key(&n.to_string())), Some(n)));
        });
        assert!(!stage.end(ROOM - 1), "no sweep is needed soon");
        stage.put(ROOM, ROOM + ROOM / 2, LONG);
        assert_eq!(stage.count(1, ROOM, 2), ROOM as usize / 2, "{policy}: the living of before");
        assert_eq!(stage.count(ROOM, ROOM + ROOM / 2, 1), ROOM as usize / 2, "{policy}: and those that came");
        assert_eq!((stage.memory.stats().evictions.size, stage.count(0, ROOM, 2)), (0, 0), "{policy}");
    }
}

#[test]
fn rule_99_so_does_what_is_dead_by_age() {
    for (policy, shards) in own() {
        let stage = Stage::new(policy, shards);
        stage.put(0, ROOM / 2, Duration::from_micros(ROOM as u64));
        stage.put(ROOM / 2, ROOM, LONG);
        stage.put(3 * ROOM, 3 * ROOM + ROOM / 2, LONG);
        assert_eq!(stage.count(ROOM / 2, ROOM, 1), ROOM as usize / 2, "{policy}");
        assert_eq!(stage.count(3 * ROOM, 3 * ROOM + ROOM / 2, 1), ROOM as usize / 2, "{policy}");
        assert_eq!(stage.memory.stats().evictions.size, 0, "{policy}");
    }
}

#[test]
fn rule_99_where_few_are_dead_few_of_the_living_go_before_them() {
    for (policy, shards) in own() {
        let stage = Stage::new(policy, shards);
        // One in a hundred will have ended, and is none of those that go first.
        let birth = |n: i64| if n % 100 == 70 { 2 * n } else { 2 * n + 1 };
        (0..ROOM).for_each(|n| {
            assert!(stage.memory.put(key(&n.to_string()), living(birth(n), LONG), at(birth(n))));
        });
        stage.end(2 * ROOM);
        let from = 10 * ROOM;
        stage.put(from, from + ROOM / 10, LONG);
        let evictions = stage.memory.stats().evictions;
        assert!((28..=30).contains(&evictions.removed), "{policy}: {evictions:?}");
        assert_eq!((evictions.size + evictions.removed) as i64, ROOM / 10, "{policy}: {evictions:?}");
        assert_eq!(stage.count(70, ROOM, 100), 0, "{policy}");
        let early = stage.asked.load(Ordering::Relaxed);
        stage.put(from + ROOM / 10, from + ROOM / 5, LONG);
        assert_eq!(stage.asked.load(Ordering::Relaxed), early, "{policy}: nobody is asked in vain");
    }
}

#[test]
fn rule_99_the_sweep_frees_what_has_ended_and_asks_no_more_then() {
    for policy in Eviction::ALL {
        let stage = Stage::new(policy, 4);
        stage.put(0, ROOM / 2, LONG);
        assert_eq!(stage.memory.sweep(at(ROOM)), 0, "{policy}");
        assert_eq!(stage.asked.load(Ordering::Relaxed), 0, "{policy}: nothing can have ended");
        assert_eq!(stage.end(ROOM), policy.has_fixed_budget(), "{policy}");
        assert_eq!(stage.memory.sweep(at(ROOM)), ROOM as u64 / 4, "{policy}");
        assert_eq!(
            (stage.count(0, ROOM / 2, 2), stage.count(1, ROOM / 2, 2)),
            (0, ROOM as usize / 4),
            "{policy}"
        );
        let asked = stage.asked.swap(0, Ordering::Relaxed);
        assert!((ROOM as usize / 2..ROOM as usize).contains(&asked), "{policy}: {asked}");
        stage.put(ROOM, ROOM + 100, LONG);
        assert_eq!(stage.memory.sweep(at(ROOM + 100)), 0, "{policy}");
        assert_eq!(stage.asked.load(Ordering::Relaxed), 0, "{policy}");
    }
}

#[test]
fn rule_99_once_swept_the_dead_keep_nothing_out() {
    for policy in Eviction::ALL {
        let stage = Stage::new(policy, 4);
        (0..2 * ROOM).step_by(2).for_each(|n| {
            let id = n.to_string();
            // What was asked for often is what `lfu` keeps.
            (0..4).for_each(|_| drop(stage.memory.get(&key(&id))));
            stage.put(n, n + 1, LONG);
        });
        stage.end(2 * ROOM);
        stage.memory.sweep(at(2 * ROOM));
        assert_eq!(stage.memory.stats().entries, 0, "{policy}");
        stage.put(3 * ROOM, 4 * ROOM, LONG);
        assert_eq!(stage.count(3 * ROOM, 4 * ROOM, 1), ROOM as usize, "{policy}");
    }
}

#[test]
fn rule_99_a_sweep_visits_nothing_where_nothing_can_be_dead() {
    for policy in Eviction::ALL {
        let stage = Stage::new(policy, 1);
        stage.put(0, ROOM, Duration::from_secs(60));
        let later = |secs: u64| at(ROOM).after(Duration::from_secs(secs));
        let pauses = |now: Timestamp| {
            let pauses = AtomicUsize::new(0);
            let pause = || {
                pauses.fetch_add(1, Ordering::Relaxed);
                std::future::ready(())
            };
            let swept = fixture::now(stage.memory.sweep_pausing(now, pause));
            (swept, pauses.into_inner())
        };
        assert_eq!(pauses(later(30)), (0, 0), "{policy}");
        assert_eq!(pauses(later(61)).0, ROOM as u64, "{policy}");
        assert_eq!(pauses(later(90)), (0, 0), "{policy}");
    }
}
