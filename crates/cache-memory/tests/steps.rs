//! Long walks go in steps: others read and write between them, and what was there at the call is gone at the
//! return.

mod fixture;

use std::{
    future::{Ready, ready},
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use cache_core::Pattern;
use cache_memory::{Eviction, Memory};
use fixture::{LONG, at, born, glob, key, living, now, tombstone};

const ENTRIES: i64 = 10_000;
/// How many are written at each pause: so few that all have room, though a walk may visit them too.
const NEW: i64 = 8;

/// Full of entries that die at the same moment.
fn filled(policy: Eviction) -> Memory {
    let memory = Memory::builder().entries(4 * ENTRIES as u64).protected_share(0.5).eviction(policy).build();
    for n in 0..ENTRIES {
        assert!(memory.put(key(&format!("old{n}")), living(n, LONG), at(n)));
    }
    memory.settle();
    memory
}

/// Runs a walk that at each pause finds another key written and read, which needs the locks of memory.
fn pauses(memory: &Memory, walk: impl AsyncFnOnce(&dyn Fn() -> Ready<()>)) -> i64 {
    let count = AtomicI64::new(0);
    let pause = || {
        let n = count.fetch_add(1, Ordering::Relaxed);
        for m in 0..NEW {
            let (id, born_at) = (format!("new{n}-{m}"), 10 * ENTRIES + NEW * n + m);
            assert!(memory.put(key(&id), living(born_at, LONG), at(born_at)), "{id}");
            assert_eq!(born(memory, &key(&id)), Some(born_at), "{id}");
        }
        ready(())
    };
    now(walk(&pause));
    count.into_inner()
}

fn old(memory: &Memory) -> usize {
    memory.held(|key| key.as_str().contains("old")).len()
}

fn new(memory: &Memory) -> usize {
    memory.held(|key| key.as_str().contains("new")).len()
}

fn all() -> Pattern {
    glob("k:*")
}

#[test]
fn rule_101_others_read_and_write_while_what_matches_is_removed() {
    for policy in Eviction::ALL {
        let memory = filled(policy);
        let stone = tombstone(5 * ENTRIES);
        let pauses = pauses(&memory, async |pause| {
            memory.remove_matching_pausing(&all(), stone, stone.born, |_, _| {}, pause).await;
        });
        assert!(pauses >= ENTRIES / 5_000, "{policy}: {pauses} pauses");
        assert_eq!((old(&memory), new(&memory) as i64), (0, NEW * pauses), "{policy}");
    }
}

#[test]
fn rule_101_others_read_and_write_while_all_is_cleared() {
    for policy in Eviction::ALL {
        let memory = filled(policy);
        let pauses = pauses(&memory, async |pause| {
            memory.clear_pausing(|_, meta| meta.born > at(ENTRIES), pause).await;
        });
        assert!(pauses >= ENTRIES / 5_000, "{policy}: {pauses} pauses");
        assert_eq!((old(&memory), new(&memory) as i64), (0, NEW * pauses), "{policy}");
    }
}

#[test]
fn rule_101_others_read_and_write_while_the_dead_are_swept() {
    for policy in Eviction::ALL {
        let memory = filled(policy);
        let later = at(5 * ENTRIES).after(LONG);
        let pauses = pauses(&memory, async |pause| {
            assert!(memory.sweep_pausing(later, pause).await >= ENTRIES as u64, "{policy}");
        });
        assert!(pauses >= ENTRIES / 5_000, "{policy}: {pauses} pauses");
        assert_eq!(old(&memory), 0, "{policy}");
    }
}

#[test]
fn rule_101_others_read_and_write_while_entries_are_marked_stale() {
    for policy in Eviction::ALL {
        let memory = filled(policy);
        let stale = at(ENTRIES);
        let pauses = pauses(&memory, async |pause| {
            let is_old = |_: &_, meta: &cache_core::Meta| (meta.born < at(ENTRIES)).then_some(stale);
            assert_eq!(memory.mark_stale_pausing(is_old, pause).await, ENTRIES as u64, "{policy}");
        });
        assert!(pauses >= ENTRIES / 5_000, "{policy}: {pauses} pauses");
        let marked = memory.held(|key| key.as_str().contains("old"));
        assert!(marked.values().all(|entry| entry.meta.stale_at <= stale) && marked.len() as i64 == ENTRIES);
    }
}

/// Whoever moves entries between what is protected and what is not makes a walk look again.
#[test]
fn rule_101_what_is_protected_or_no_longer_meanwhile_is_removed_too() {
    for policy in Eviction::ALL {
        for first in [true, false] {
            let memory = filled(policy);
            let some = glob("k:old*7*");
            if !first {
                memory.protect(cache_core::Target::Matching(&some)).unwrap();
            }
            let stone = tombstone(5 * ENTRIES);
            let turn = AtomicI64::new(0);
            let pause = || {
                if turn.fetch_add(1, Ordering::Relaxed) == 1 {
                    if first {
                        memory.protect(cache_core::Target::Matching(&some)).unwrap();
                    } else {
                        memory.unprotect(cache_core::Target::Matching(&some));
                    }
                }
                ready(())
            };
            now(memory.remove_matching_pausing(&all(), stone, stone.born, |_, _| {}, pause));
            assert_eq!(old(&memory), 0, "{policy}");
            let stats = memory.stats();
            assert_eq!((stats.weight, stats.protected_weight), (0, 0), "{policy}");
        }
    }
}

#[test]
fn rule_101_listeners_hear_of_what_left_as_the_walk_goes() {
    let memory = filled(Eviction::Hybrid);
    let told = std::sync::Arc::new(AtomicI64::new(0));
    let heard = std::sync::Arc::clone(&told);
    memory.listen(move |_, _| {
        heard.fetch_add(1, Ordering::Relaxed);
    });
    let before_the_end = AtomicI64::new(0);
    let pause = || {
        before_the_end.store(told.load(Ordering::Relaxed), Ordering::Relaxed);
        ready(())
    };
    now(memory.clear_pausing(|_, _| false, pause));
    assert!(before_the_end.into_inner() >= ENTRIES / 4);
    assert_eq!(told.load(Ordering::Relaxed), ENTRIES);
}

#[test]
fn a_sweep_that_is_dropped_halfway_loses_nothing_of_the_next() {
    for policy in Eviction::ALL {
        let memory = filled(policy);
        let later = at(5 * ENTRIES).after(LONG + Duration::from_secs(1));
        let mut sweep = Box::pin(memory.sweep_pausing(later, std::future::pending));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(sweep.as_mut().poll(&mut context).is_pending(), "{policy}");
        drop(sweep);
        assert!(old(&memory) > 0, "{policy}");
        memory.sweep(later);
        assert_eq!(old(&memory), 0, "{policy}");
    }
}
