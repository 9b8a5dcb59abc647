//! Any history of operations under every policy, against a plain account of what was put and what left.

mod fixture;

use std::{collections::BTreeMap, slice, time::Duration};

use cache_core::{Target, Tombstone};
use cache_memory::{Eviction, Evictions, Memory, MemoryStats};
use fixture::{LONG, at, born, departed, glob, key, living};
use proptest::{collection::vec, prelude::*};

/// Keys that patterns tell apart.
const IDS: [&str; 16] =
    ["a", "a:1", "a:2", "a:3", "ab", "b", "b:1", "b:2", "b:3", "c", "c:1", "c:2", "d", "d:1", "d:2", "d:3"];
const GLOBS: [&str; 5] = ["k:*", "k:a*", "k:?", "*:1", "k:b:*"];

const SECOND: i64 = 1_000_000;

/// What may happen. Births lie up to so many seconds back.
#[derive(Clone, Debug)]
enum Step {
    /// A key, how long ago it was born, seconds to live, and its cost.
    Put(usize, i64, u64, u32),
    Get(usize),
    Remove(usize),
    RemoveMatching(usize),
    Protect(usize),
    ProtectMatching(usize),
    Unprotect(usize),
    UnprotectMatching(usize),
    Pass(i64),
    Sweep,
    Clear,
    /// Looks at all there is: so rarely since each look is a read.
    Look,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (id, glob) = (0..IDS.len(), 0..GLOBS.len());
    let cost = prop_oneof![8 => 0_u32..1200, 1 => 1200_u32..5000, 1 => 20_000_u32..30_000];
    let put = (id.clone(), 0_i64..20, 1_u64..60, cost);
    let step = prop_oneof![
        24 => put.prop_map(|(id, back, secs, cost)| Step::Put(id, back, secs, cost)),
        6 => id.clone().prop_map(Step::Get),
        4 => id.clone().prop_map(Step::Remove),
        1 => glob.clone().prop_map(Step::RemoveMatching),
        2 => id.clone().prop_map(Step::Protect),
        1 => glob.clone().prop_map(Step::ProtectMatching),
        1 => id.prop_map(Step::Unprotect),
        1 => glob.prop_map(Step::UnprotectMatching),
        4 => (1_i64..15).prop_map(Step::Pass),
        2 => Just(Step::Sweep),
        1 => Just(Step::Clear),
        2 => Just(Step::Look),
    ];
    vec(step, 1..120)
}

/// What was put last under a key.
struct Last {
    born: i64,
    dead_at: i64,
    put_at: i64,
}

/// A tier, and the account that is kept of it.
struct Stage {
    memory: Memory,
    share: u64,
    now: i64,
    /// What may be held: the last accepted put of each key, unless it was removed since.
    last: BTreeMap<usize, Last>,
    /// Until when births up to when are refused, by key.
    removals: Vec<(usize, Tombstone)>,
    accepted: u64,
    expected: Evictions,
}

impl Stage {
    fn new(policy: Eviction, shards: usize) -> Self {
        let memory =
            Memory::builder().bytes(8_000).shards(shards).eviction(policy).protected_share(0.4).build();
        Self {
            memory,
            share: 3_200,
            now: 0,
            last: BTreeMap::new(),
            removals: Vec::new(),
            accepted: 0,
            expected: Evictions::default(),
        }
    }

    /// A moment of which there is one.
    fn tick(&mut self) -> i64 {
        self.now += 1;
        self.now
    }

    fn held(&self, id: usize) -> Option<i64> {
        self.memory.settle();
        born(&self.memory, &key(IDS[id]))
    }

    fn ids_of(pattern: usize) -> Vec<usize> {
        (0..IDS.len()).filter(|id| glob(GLOBS[pattern]).matches(&key(IDS[*id]))).collect()
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Put(id, back, secs, cost) => self.put(id, back, secs, cost),
            Step::Get(id) => drop(self.memory.get(&key(IDS[id]))),
            Step::Remove(id) => self.remove(&[id], |memory, tombstone, now| {
                memory.remove(slice::from_ref(&key(IDS[id])), tombstone, now)
            }),
            Step::RemoveMatching(pattern) => {
                self.remove(&Self::ids_of(pattern), |memory, tombstone, now| {
                    memory.remove_matching(&glob(GLOBS[pattern]), tombstone, now)
                });
            }
            Step::Protect(id) => drop(self.memory.protect(Target::Keys(&[key(IDS[id])]))),
            Step::ProtectMatching(pattern) => {
                drop(self.memory.protect(Target::Matching(&glob(GLOBS[pattern]))));
            }
            Step::Unprotect(id) => self.memory.unprotect(Target::Keys(&[key(IDS[id])])),
            Step::UnprotectMatching(pattern) => {
                self.memory.unprotect(Target::Matching(&glob(GLOBS[pattern])));
            }
            Step::Pass(secs) => self.now += secs * SECOND,
            Step::Sweep => {
                let now = self.tick();
                self.expected.expired += self.memory.sweep(at(now));
                self.last.retain(|_, last| now < last.dead_at);
            }
            Step::Clear => {
                self.expected.removed += self.memory.stats().entries;
                self.memory.clear();
                self.last.clear();
            }
            Step::Look => self.look(),
        }
    }

    fn put(&mut self, id: usize, back: i64, secs: u64, cost: u32) {
        let now = self.tick();
        let birth = now - back * SECOND;
        let mut entry = living(birth, Duration::from_secs(secs));
        entry.meta.cost = cost;
        let covers = |(of, stone): &(usize, Tombstone)| {
            *of == id && at(birth) <= stone.born && at(now) < stone.dead_at
        };
        let held = self.held(id);
        let before = self.memory.stats();
        let is_dead = |last: &Last| now >= last.dead_at;
        let was_dead = self.last.get(&id).is_some_and(is_dead);
        let wanted = !self.removals.iter().any(covers) && held.is_none_or(|held| held < birth);
        assert_eq!(self.memory.put(key(IDS[id]), entry, at(now)), wanted, "{held:?} is held");
        if wanted {
            self.accepted += 1;
            let after = self.memory.stats().evictions;
            // What is dead goes first if there is no room, the predecessor too.
            self.expected.expired = after.expired;
            let replaced = after.replaced - before.evictions.replaced;
            assert!(replaced == u64::from(held.is_some()) || was_dead && replaced == 0);
            self.expected.replaced += replaced;
            let long_dead = |(of, last): (&usize, &Last)| {
                *of != id
                    && now >= last.dead_at.max(last.put_at) + SECOND
                    && self.held(*of) == Some(last.born)
            };
            if after.size > before.evictions.size && !before.eviction.has_fixed_budget() {
                assert!(!self.last.iter().any(long_dead), "a living entry went before a dead one");
            }
            self.last.insert(id, Last { born: birth, dead_at: birth + secs as i64 * SECOND, put_at: now });
            // What fits beside all that may be protected is let in, though lfu has a word in it.
            let is_light = self.memory.stats().eviction.as_str() != "lfu" && cost < 3_000;
            assert!(!is_light || self.held(id) == Some(birth), "{} was let in", IDS[id]);
        }
    }

    fn remove(&mut self, ids: &[usize], remove: impl Fn(&Memory, Tombstone, cache_core::Timestamp) -> u64) {
        let now = self.tick();
        let tombstone = Tombstone { born: at(now), dead_at: at(now).after(LONG) };
        let held: Vec<&usize> = ids.iter().filter(|id| self.held(**id).is_some()).collect();
        let is_alive = |id: &&&usize| self.last.get(**id).is_some_and(|last| now < last.dead_at);
        let alive = held.iter().filter(is_alive).count() as u64;
        assert_eq!(remove(&self.memory, tombstone, at(now)), alive, "what was alive is counted");
        self.expected.removed += held.len() as u64;
        self.removals.extend(ids.iter().map(|id| (*id, tombstone)));
        ids.iter().for_each(|id| assert!(self.held(*id).is_none()));
        self.last.retain(|id, _| !ids.contains(id));
    }

    /// Whatever is held is what was put last.
    fn look(&self) {
        let stats = self.memory.stats();
        let held = (0..IDS.len()).filter_map(|id| Some((id, self.held(id)?)));
        let held: BTreeMap<usize, i64> = held.collect();
        assert_eq!(stats.entries, held.len() as u64, "{stats:?}: {held:?}");
        for (id, birth) in held {
            assert_eq!(self.last.get(&id).map(|last| last.born), Some(birth), "{}", IDS[id]);
        }
    }

    /// The books balance.
    fn audit(&self) {
        let stats @ MemoryStats { weight, budget, evictions, .. } = self.memory.stats();
        assert!(weight <= budget && stats.protected_weight <= self.share, "{stats:?}");
        assert!(stats.protected_weight <= weight && stats.protected <= stats.entries, "{stats:?}");
        assert_eq!(weight == 0, stats.entries == 0, "{stats:?}");
        assert_eq!(self.accepted, stats.entries + departed(evictions), "{stats:?}");
        let Evictions { expired, removed, replaced, .. } = evictions;
        let expected = self.expected;
        assert_eq!((expired, removed, replaced), (expected.expired, expected.removed, expected.replaced));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rule_59_whatever_happens_the_budget_holds_and_every_entry_is_held_or_counted(steps in steps(), wide: bool) {
        for policy in Eviction::ALL {
            let mut stage = Stage::new(policy, if wide { 8 } else { 1 });
            for step in &steps {
                stage.step(step);
                stage.audit();
            }
            stage.look();
            stage.memory.clear();
            let stats = stage.memory.stats();
            let left = (stats.entries, stats.weight, stats.protected, stats.protected_weight);
            assert_eq!(left, (0, 0, 0, 0), "{stats:?}");
        }
    }
}
