//! Protection through any history: what is covered and held stays.

mod fixture;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use cache_core::Target;
use cache_memory::Memory;
use fixture::{
    at, crowd, each, glob, held, is_held, key, living, protect, protect_all, remove, tombstone, unprotect,
};
use proptest::{collection::vec, prelude::*};

/// What may happen to ten keys, of which `a0` to `a4` are those of the pattern, and to a crowd around.
#[derive(Clone, Debug)]
enum Step {
    /// A key, and for how many seconds it lives.
    Put(usize, u64),
    Get(usize),
    Protect(usize),
    Unprotect(usize),
    ProtectPattern,
    UnprotectPattern,
    Remove(usize),
    RemovePattern,
    Crowd(i64),
    Pass(i64),
}

const IDS: [&str; 10] = ["a0", "a1", "a2", "a3", "a4", "b0", "b1", "b2", "b3", "b4"];
const PATTERN: &str = "k:a*";

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let id = 0..IDS.len();
    let step = prop_oneof![
        8 => (id.clone(), 1_u64..200).prop_map(|(id, secs)| Step::Put(id, secs)),
        2 => id.clone().prop_map(Step::Get),
        3 => id.clone().prop_map(Step::Protect),
        1 => id.clone().prop_map(Step::Unprotect),
        2 => Just(Step::ProtectPattern),
        1 => Just(Step::UnprotectPattern),
        1 => id.prop_map(Step::Remove),
        1 => Just(Step::RemovePattern),
        4 => (1_i64..30).prop_map(Step::Crowd),
        2 => (1_i64..40).prop_map(Step::Pass),
    ];
    vec(step, 1..60)
}

/// Who must be there: what is held and covered, and has neither died nor been removed.
#[derive(Default)]
struct Watch {
    keys: BTreeSet<usize>,
    pattern: bool,
    deaths: BTreeMap<usize, i64>,
    now: i64,
}

impl Watch {
    fn covers(&self, id: usize) -> bool {
        self.keys.contains(&id) || (self.pattern && IDS[id].starts_with('a'))
    }

    /// Does the step. All ten fit the share, so protection is never refused.
    fn step(&mut self, memory: &Memory, step: &Step) {
        self.now += 1;
        let now = self.now;
        match *step {
            Step::Put(id, secs) => {
                let life = Duration::from_secs(secs);
                assert!(memory.put(key(IDS[id]), living(now, life), at(now)));
                self.deaths.insert(id, now + secs as i64 * 1_000_000);
            }
            Step::Get(id) => drop(memory.get(&key(IDS[id]))),
            Step::Protect(id) => {
                assert!(protect(memory, IDS[id]).is_empty());
                self.keys.insert(id);
            }
            Step::Unprotect(id) => {
                unprotect(memory, IDS[id]);
                self.keys.remove(&id);
            }
            Step::ProtectPattern => {
                assert!(protect_all(memory, &glob(PATTERN)).is_empty());
                self.pattern = true;
            }
            Step::UnprotectPattern => {
                memory.unprotect(Target::Matching(&glob(PATTERN)));
                self.pattern = false;
            }
            Step::Remove(id) => {
                remove(memory, IDS[id], now);
                self.deaths.remove(&id);
            }
            Step::RemovePattern => {
                memory.remove_matching(&glob(PATTERN), tombstone(now), at(now));
                self.deaths.retain(|id, _| !IDS[*id].starts_with('a'));
            }
            Step::Crowd(count) => {
                crowd(memory, count, now);
                self.now += count;
            }
            Step::Pass(secs) => {
                self.now += secs * 1_000_000;
                memory.sweep(at(self.now));
                self.deaths.retain(|_, death| self.now < *death);
            }
        }
        memory.settle();
        // What is not covered may have been evicted.
        let gone: Vec<usize> = self.deaths.keys().copied().filter(|id| !self.covers(*id)).collect();
        for id in gone.into_iter().filter(|id| !is_held(memory, IDS[*id])) {
            self.deaths.remove(&id);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rule_59_whatever_happens_a_protected_entry_stays_until_it_dies_or_is_removed(steps in steps()) {
        for memory in each(0.5) {
            let mut watch = Watch::default();
            for step in &steps {
                watch.step(&memory, step);
                let covered = |id: &usize| watch.covers(*id) && watch.deaths.contains_key(id);
                let wanted: BTreeSet<&str> = (0..IDS.len()).filter(covered).map(|id| IDS[id]).collect();
                prop_assert_eq!(held(&memory, wanted.iter().copied()), wanted.clone(), "{:?}: {:?}", memory, step);
                let stats = memory.stats();
                prop_assert_eq!(stats.protected, wanted.len() as u64, "{:?}: {:?}", memory, step);
                prop_assert_eq!(stats.protected_weight, stats.protected);
                prop_assert!(stats.weight <= stats.budget, "{:?}", stats);
            }
        }
    }
}
