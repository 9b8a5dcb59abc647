//! Several threads at once: the budget, the order of births, and the counts hold all the same.

mod fixture;

use std::{
    slice,
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use cache_core::{Clock, Entry, Key, Meta, Target, Timestamp, Tombstone, Ttl};
use cache_memory::{Eviction, Memory, Value};
use fixture::{LONG, at, born, departed, entry, glob, key};
use proptest::{collection::vec, prelude::*, strategy::ValueTree, test_runner::TestRunner};

const THREADS: usize = 4;
const STEPS: usize = 1_500;
const KEYS: usize = 24;

#[derive(Clone, Debug)]
enum Step {
    Get(usize),
    /// A key, how many seconds it lives, and its cost.
    Put(usize, u64, u32),
    Remove(usize),
    RemoveMatching,
    Protect(usize),
    Unprotect(usize),
    ProtectMatching,
    UnprotectMatching,
    Sweep,
    Pass,
}

/// What each thread does: the same in each run.
fn scripts() -> Vec<Vec<Step>> {
    let id = 0..KEYS;
    let step = prop_oneof![
        40 => id.clone().prop_map(Step::Get),
        40 => (id.clone(), 1_u64..40, 0_u32..600).prop_map(|(id, secs, cost)| Step::Put(id, secs, cost)),
        6 => id.clone().prop_map(Step::Remove),
        1 => Just(Step::RemoveMatching),
        4 => id.clone().prop_map(Step::Protect),
        4 => id.prop_map(Step::Unprotect),
        1 => Just(Step::ProtectMatching),
        1 => Just(Step::UnprotectMatching),
        1 => Just(Step::Sweep),
        2 => Just(Step::Pass),
    ];
    let mut runner = TestRunner::deterministic();
    vec(vec(step, STEPS), THREADS).new_tree(&mut runner).unwrap().current()
}

/// A tier between threads, and what they know of it for certain.
struct Stage {
    memory: Memory,
    clock: Clock,
    /// Whether there is room for all, for good.
    roomy: bool,
    keys: Vec<Key>,
    /// For each key, up to which birth nothing may be read any more.
    over: Vec<AtomicI64>,
    gets: AtomicU64,
    accepted: AtomicU64,
}

impl Stage {
    fn new(policy: Eviction, bytes: u64, roomy: bool) -> Self {
        let memory = Memory::builder().bytes(bytes).shards(4).eviction(policy).protected_share(0.4).build();
        Self {
            memory,
            clock: Clock::manual(),
            roomy,
            keys: (0..KEYS).map(|id| key(&id.to_string())).collect(),
            over: (0..KEYS).map(|_| AtomicI64::new(i64::MIN)).collect(),
            gets: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
        }
    }

    /// Whatever is read was born after all that was over before the read began.
    fn get(&self, id: usize) {
        let over = self.over[id].load(SeqCst);
        let read = self.memory.get(&self.keys[id]).and_then(|entry| entry.value);
        let born = read.and_then(|value| value.downcast_ref::<i64>().copied());
        assert!(born.is_none_or(|born| born >= over), "{:?}: {born:?} is older than {over}", self.memory);
        self.gets.fetch_add(1, SeqCst);
    }

    fn put(&self, id: usize, secs: u64, cost: u32) {
        let born = self.clock.tick();
        // Now and then someone born later is faster.
        if born.as_micros() % 3 == 0 {
            thread::yield_now();
        }
        let life = if self.roomy { Duration::MAX } else { Duration::from_secs(secs) };
        let mut meta = Meta::new(born, Ttl::new(life));
        meta.cost = cost;
        let micros = born.as_micros();
        let entry = Entry::new(Arc::new(micros) as Value, meta);
        if self.memory.put(self.keys[id].clone(), entry, self.clock.now()) {
            self.accepted.fetch_add(1, SeqCst);
            // Past an eviction nobody knows what was evicted.
            if self.roomy {
                self.over[id].fetch_max(micros, SeqCst);
            }
        }
    }

    /// Removes, and notes that nothing born before may be read again.
    fn remove(&self, ids: &[usize], remove: impl Fn(Tombstone, Timestamp) -> u64) {
        let (born, now) = (self.clock.tick(), self.clock.now());
        remove(Tombstone { born, dead_at: born.after(LONG) }, now);
        for id in ids {
            self.over[*id].fetch_max(born.as_micros() + 1, SeqCst);
        }
    }

    fn step(&self, step: &Step) {
        let memory = &self.memory;
        let pattern = glob("k:1*");
        match *step {
            Step::Get(id) => self.get(id),
            Step::Put(id, secs, cost) => self.put(id, secs, cost),
            Step::Remove(id) => {
                self.remove(&[id], |stone, now| memory.remove(slice::from_ref(&self.keys[id]), stone, now));
            }
            Step::RemoveMatching => {
                let ids: Vec<usize> = (0..KEYS).filter(|id| pattern.matches(&self.keys[*id])).collect();
                self.remove(&ids, |stone, now| memory.remove_matching(&pattern, stone, now));
            }
            Step::Protect(id) => drop(memory.protect(Target::Keys(&self.keys[id..=id]))),
            Step::Unprotect(id) => memory.unprotect(Target::Keys(&self.keys[id..=id])),
            Step::ProtectMatching => drop(memory.protect(Target::Matching(&pattern))),
            Step::UnprotectMatching => memory.unprotect(Target::Matching(&pattern)),
            Step::Sweep => drop(memory.sweep(self.clock.now())),
            Step::Pass => self.clock.advance(Duration::from_millis(100)),
        }
    }

    /// The budget as it can be seen at any moment.
    fn watch(&self) {
        let stats = self.memory.stats();
        let buffered = stats.eviction.has_fixed_budget();
        assert!(buffered || stats.weight <= stats.budget, "{stats:?}");
        assert!(stats.protected_weight * 5 <= stats.budget * 2, "{stats:?}");
    }

    fn run(&self) {
        let (together, ended) = (Barrier::new(THREADS + 1), AtomicBool::new(false));
        thread::scope(|scope| {
            let (together, ended) = (&together, &ended);
            let start = |script: Vec<Step>| {
                scope.spawn(move || {
                    together.wait();
                    script.iter().for_each(|step| self.step(step));
                })
            };
            let threads: Vec<_> = scripts().into_iter().map(start).collect();
            let watcher = scope.spawn(move || {
                together.wait();
                while !ended.load(SeqCst) {
                    self.watch();
                }
            });
            let outcomes: Vec<_> = threads.into_iter().map(thread::ScopedJoinHandle::join).collect();
            ended.store(true, SeqCst);
            assert!(watcher.join().is_ok() && outcomes.iter().all(Result::is_ok));
        });
    }

    /// What holds once all is quiet.
    fn audit(&self) {
        self.memory.settle();
        let stats = self.memory.stats();
        assert!(stats.weight <= stats.budget, "{stats:?}");
        assert_eq!(stats.hits + stats.misses, self.gets.load(SeqCst), "{stats:?}");
        let held = self.keys.iter().filter(|key| born(&self.memory, key).is_some()).count() as u64;
        assert_eq!(stats.entries, held, "{stats:?}");
        assert_eq!(self.accepted.load(SeqCst), held + departed(stats.evictions), "{stats:?}");
        (0..KEYS).for_each(|id| self.get(id));
        self.memory.clear();
        let stats = self.memory.stats();
        let left = (stats.entries, stats.weight, stats.protected, stats.protected_weight);
        assert_eq!(left, (0, 0, 0, 0), "{stats:?}");
    }
}

#[test]
fn rule_59_under_threads_the_budget_holds_and_every_entry_is_held_or_counted() {
    for policy in Eviction::ALL {
        let stage = Stage::new(policy, 8_000, false);
        stage.run();
        assert!(stage.memory.stats().evictions.size > 0, "{policy}: there was a press");
        stage.audit();
    }
}

#[test]
fn rule_30_under_threads_nothing_older_is_read_than_what_was_put_or_removed_before() {
    for policy in Eviction::ALL {
        let stage = Stage::new(policy, 1 << 20, true);
        stage.run();
        assert_eq!(stage.memory.stats().evictions.size, 0, "{policy}: there was room");
        stage.audit();
    }
}

#[test]
fn rule_59_under_threads_a_refused_protection_costs_no_entry() {
    for policy in Eviction::ALL {
        for _ in 0..50 {
            let memory =
                Memory::builder().entries(100).shards(4).eviction(policy).protected_share(0.1).build();
            memory.protect(Target::Matching(&glob("k:*"))).unwrap();
            let (together, refused) = (Barrier::new(THREADS), AtomicU64::new(0));
            thread::scope(|scope| {
                for thread in 0..THREADS {
                    let (memory, together, refused) = (&memory, &together, &refused);
                    scope.spawn(move || {
                        together.wait();
                        for n in 0..10 {
                            let key = key(&format!("{thread}/{n}"));
                            let note = |_: &Key| {
                                refused.fetch_add(1, SeqCst);
                            };
                            assert!(memory.put_observed(key, entry(1), at(1), |_, _| {}, note));
                        }
                    });
                }
            });
            let stats = memory.stats();
            assert_eq!((stats.entries, stats.protected), (40, 10), "{stats:?}");
            assert_eq!(refused.load(SeqCst), 30, "{stats:?}");
        }
    }
}
