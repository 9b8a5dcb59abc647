//! Who listens is told of each entry that leaves, once, under no lock.

mod fixture;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, OnceLock, mpsc},
    thread,
    time::Duration,
};

use cache_core::{EvictionCause, Key};
use cache_memory::{Eviction, Evictions, Memory};
use fixture::{at, costly, departed, glob, key, living, protect, remove, tombstone, unprotect};
use proptest::prelude::*;

const IDS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

/// How often each key left, for each cause.
type Told = Arc<Mutex<BTreeMap<String, Vec<EvictionCause>>>>;

fn listening(memory: &Memory) -> Told {
    let told = Told::default();
    let heard = Arc::clone(&told);
    let listener =
        move |key: &Key, cause| heard.lock().unwrap().entry(key.to_string()).or_default().push(cause);
    assert!(memory.listen(listener));
    assert!(!memory.listen(|_, _| {}), "only the first");
    told
}

/// Of each key: what was put is held or was told to have left.
fn nothing_is_told_twice_or_not_at_all(memory: &Memory, told: &Told, puts: &BTreeMap<&str, usize>) {
    memory.settle();
    let told = told.lock().unwrap();
    for id in IDS {
        let key = key(id);
        let left = told.get(key.as_str()).map_or(0, Vec::len);
        let held = usize::from(memory.peek(&key).is_some());
        let put = puts.get(id).copied().unwrap_or(0);
        assert_eq!(put, held + left, "{id}: put {put}, held {held}, told {:?}", told.get(key.as_str()));
    }
    let counted: Evictions = memory.stats().evictions;
    assert_eq!(departed(counted), told.values().map(|causes| causes.len() as u64).sum::<u64>());
    let count = |wanted| told.values().flatten().filter(|cause| **cause == wanted).count() as u64;
    assert_eq!(counted.size, count(EvictionCause::Size));
    assert_eq!(counted.expired, count(EvictionCause::Expired));
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Put { cost: u32, life: u64 },
    Remove,
    RemoveMatching,
    Protect,
    Unprotect,
    Sweep,
    Clear,
    Read,
}

fn steps() -> impl Strategy<Value = Vec<(usize, Step)>> {
    let put = (0_u32..6_000, 1_u64..60).prop_map(|(cost, life)| Step::Put { cost, life });
    let step = prop_oneof![
        12 => put,
        3 => Just(Step::Read),
        2 => Just(Step::Remove),
        2 => Just(Step::Sweep),
        1 => Just(Step::Protect),
        1 => Just(Step::Unprotect),
        1 => Just(Step::RemoveMatching),
        1 => Just(Step::Clear),
    ];
    prop::collection::vec((0..IDS.len(), step), 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn rule_123_what_was_put_is_held_or_was_told_to_have_left(steps in steps(), shards in 1_usize..5) {
        for policy in Eviction::ALL {
            let memory = Memory::builder().bytes(6_000).shards(shards).eviction(policy).protected_share(0.4);
            let memory = memory.build();
            let told = listening(&memory);
            let mut puts = BTreeMap::<&str, usize>::new();
            for (number, (id, step)) in steps.iter().enumerate() {
                let (id, now) = (IDS[*id], 1_000_000 * number as i64);
                match *step {
                    Step::Put { cost, life } => {
                        let mut entry = living(now, Duration::from_secs(life));
                        entry.meta.cost = cost;
                        *puts.entry(id).or_default() += usize::from(memory.put(key(id), entry, at(now)));
                    }
                    Step::Remove => drop(remove(&memory, id, now)),
                    Step::RemoveMatching => {
                        let pattern = glob(&format!("k:{id}*"));
                        memory.remove_matching(&pattern, tombstone(now), at(now));
                    }
                    Step::Protect => drop(protect(&memory, id)),
                    Step::Unprotect => unprotect(&memory, id),
                    Step::Sweep => drop(memory.sweep(at(now))),
                    Step::Clear => memory.clear(),
                    Step::Read => drop(memory.get(&key(id))),
                }
            }
            nothing_is_told_twice_or_not_at_all(&memory, &told, &puts);
        }
    }
}

#[test]
fn rule_123_and_so_it_is_when_threads_write_the_same_keys() {
    for policy in Eviction::ALL {
        let memory = Memory::builder().bytes(6_000).shards(2).eviction(policy).build();
        let told = listening(&memory);
        let birth = std::sync::atomic::AtomicI64::new(0);
        let all = thread::scope(|scope| {
            let threads: Vec<_> = (0..4_u64)
                .map(|seed| {
                    let (memory, birth) = (&memory, &birth);
                    scope.spawn(move || {
                        let mut puts = BTreeMap::<&str, usize>::new();
                        let mut state = seed;
                        let mut random = move |below: u64| {
                            state = state
                                .wrapping_mul(6_364_136_223_846_793_005)
                                .wrapping_add(1_442_695_040_888_963_407);
                            (state >> 33) % below
                        };
                        for _ in 0..3_000 {
                            let id = IDS[random(IDS.len() as u64) as usize];
                            let born = birth.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                            match random(10) {
                                0 => drop(remove(memory, id, born)),
                                1 => memory.clear(),
                                2 => drop(memory.get(&key(id))),
                                _ => {
                                    let entry = costly(born, random(3_000) as u32);
                                    let put = memory.put(key(id), entry, at(born));
                                    *puts.entry(id).or_default() += usize::from(put);
                                }
                            }
                        }
                        puts
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        let mut puts = BTreeMap::<&str, usize>::new();
        for (id, count) in all.into_iter().flatten() {
            *puts.entry(id).or_default() += count;
        }
        nothing_is_told_twice_or_not_at_all(&memory, &told, &puts);
    }
}

/// A lock that is held would never be given to a listener that asks for it.
#[test]
fn rule_123_a_listener_is_called_under_no_lock() {
    for policy in Eviction::ALL {
        let (done, ended) = mpsc::channel();
        thread::spawn(move || {
            all_locks_can_be_taken(policy);
            done.send(()).unwrap();
        });
        let ended = ended.recv_timeout(Duration::from_secs(30));
        assert_eq!(ended, Ok(()), "{policy}: it failed, or waits for a lock for ever");
    }
}

fn all_locks_can_be_taken(policy: Eviction) {
    let memory =
        Arc::new(Memory::builder().bytes(3_000).shards(1).eviction(policy).protected_share(0.5).build());
    let (itself, seen) = (Arc::new(OnceLock::<Arc<Memory>>::new()), Arc::new(Mutex::new(0)));
    let (asked, count) = (Arc::clone(&itself), Arc::clone(&seen));
    memory.listen(move |key, _| {
        let memory = asked.get().unwrap();
        let _ = (memory.peek(key), memory.refuses(key, at(0), at(0)));
        memory.unprotect(cache_core::Target::Keys(std::slice::from_ref(key)));
        *count.lock().unwrap() += 1;
    });
    itself.set(Arc::clone(&memory)).unwrap_or_else(|_| unreachable!());
    for n in 0..40 {
        memory.put(key(IDS[n as usize % IDS.len()]), costly(n, 1_000), at(n));
    }
    remove(&memory, "a", 50);
    memory.put(key("b"), living(60, Duration::from_secs(1)), at(60));
    memory.sweep(at(60).after(Duration::from_secs(2)));
    memory.put(key("c"), costly(70, 9_000), at(70));
    memory.remove_matching(&glob("k:*"), tombstone(80), at(80));
    memory.settle();
    assert_eq!(*seen.lock().unwrap(), departed(memory.stats().evictions), "{policy:?}");
}
