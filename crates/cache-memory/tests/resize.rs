//! A budget that changes while entries are held.

mod fixture;

use std::{
    sync::atomic::{AtomicBool, AtomicI64, Ordering},
    thread,
};

use cache_core::ErrorKind;
use cache_memory::{Eviction, Memory};
use fixture::{at, costly, departed, held, key, protect, put, unprotect};
use proptest::prelude::*;

/// The policies whose budget can change.
const OWN: [Eviction; 3] = [Eviction::Hybrid, Eviction::Fifo, Eviction::Ttl];

fn ids(count: i64) -> Vec<String> {
    (0..count).map(|n| format!("id{n}")).collect()
}

#[test]
fn rule_124_a_smaller_budget_evicts_what_is_too_much_and_no_more() {
    for (policy, shards) in OWN.into_iter().flat_map(|policy| [(policy, 1), (policy, 4)]) {
        let memory = Memory::builder().entries(100).shards(shards).eviction(policy).build();
        let ids = ids(80);
        for (id, n) in ids.iter().zip(0..) {
            assert!(put(&memory, id, n));
        }
        let before = memory.stats().entries;
        memory.set_budget(30).unwrap();
        let stats = memory.stats();
        assert_eq!((stats.entries, stats.weight, stats.budget), (30, 30, 30), "{policy}");
        assert_eq!((stats.evictions.size, departed(stats.evictions)), (before - 30, before - 30), "{policy}");
        if policy == Eviction::Fifo && shards == 1 {
            let newest: Vec<&str> = ids[50..].iter().map(String::as_str).collect();
            assert!(held(&memory, newest.iter().copied()).len() == 30, "the oldest went");
        }
        // It holds from now on, and a larger one does, too.
        for n in 100..200 {
            put(&memory, &format!("more{n}"), n);
            assert!(memory.stats().entries <= 30, "{policy}");
        }
        memory.set_budget(60).unwrap();
        for n in 200..400 {
            put(&memory, &format!("more{n}"), n);
        }
        let entries = memory.stats().entries;
        assert!((31..=60).contains(&entries), "{policy}: {entries}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn rule_124_in_bytes_too(
        costs in prop::collection::vec(0_u32..3_000, 1..60),
        budgets in prop::collection::vec(0_u64..60_000, 1..8),
        shards in 1_usize..5,
    ) {
        for policy in OWN {
            let memory = Memory::builder().bytes(100_000).shards(shards).eviction(policy).build();
            for (n, cost) in costs.iter().enumerate() {
                memory.put(key(&n.to_string()), costly(n as i64, *cost), at(n as i64));
            }
            for budget in &budgets {
                let (before, after) = (memory.stats(), {
                    memory.set_budget(*budget).unwrap();
                    memory.stats()
                });
                prop_assert!(after.weight <= *budget && memory.budget() == *budget);
                if before.weight <= *budget {
                    prop_assert_eq!(before.entries, after.entries, "nothing had to go");
                } else {
                    // The last that went had to: the heaviest weighs less than 3,300.
                    prop_assert!(after.weight + 3_300 > *budget, "{} of {}", after.weight, budget);
                }
            }
        }
    }
}

#[test]
fn rule_124_a_fixed_budget_and_one_too_small_for_what_is_protected_are_errors() {
    for policy in Eviction::ALL.into_iter().filter(|policy| policy.has_fixed_budget()) {
        let memory = Memory::builder().entries(10).eviction(policy).build();
        let error = memory.set_budget(20).unwrap_err();
        assert!(error.kind() == ErrorKind::Config && error.to_string().contains(policy.as_str()), "{error}");
        assert_eq!(memory.stats().budget, 10);
    }
    for policy in OWN {
        let memory = Memory::builder().entries(20).shards(2).eviction(policy).protected_share(0.5).build();
        for (id, n) in ids(20).iter().zip(0..) {
            protect(&memory, id);
            put(&memory, id, n);
        }
        let before = memory.stats();
        assert_eq!(before.protected, 10, "{policy}");
        let error = memory.set_budget(16).unwrap_err();
        assert!(error.kind() == ErrorKind::Config && error.to_string().contains("they weigh 10"), "{error}");
        assert_eq!(memory.stats(), before, "{policy}");
        for n in 0..5 {
            unprotect(&memory, &format!("id{n}"));
        }
        let kept = memory.stats().protected;
        memory.set_budget(16).unwrap();
        let stats = memory.stats();
        assert!(
            stats.entries <= 16 && stats.protected == kept,
            "{policy}: what is protected stays: {stats:?}"
        );
        assert!(memory.set_budget(kept * 2 - 2).is_err(), "{policy}: the share has changed with the budget");
    }
}

/// Ends what other threads do, also if this one panics.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Others write while the budget goes up and down: what is held never exceeds it once it was set.
#[test]
fn rule_124_a_budget_holds_while_others_write() {
    for policy in OWN {
        let memory = Memory::builder().entries(4_000).shards(4).eviction(policy).build();
        let (births, over) = (AtomicI64::new(0), AtomicBool::new(false));
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while !over.load(Ordering::Relaxed) {
                        let born = births.fetch_add(1, Ordering::Relaxed);
                        memory.put(key(&(born % 6_000).to_string()), fixture::entry(born), at(born));
                    }
                });
            }
            let _over = Over(&over);
            for round in 0..60 {
                let budget = [50, 3_000, 700, 4_000][round % 4];
                memory.set_budget(budget).unwrap();
                for _ in 0..50 {
                    let weight = memory.stats().weight;
                    assert!(weight <= budget, "{policy}: {weight} of {budget}");
                }
            }
        });
        let stats = memory.stats();
        assert_eq!(stats.weight, stats.entries, "{policy}: the count of what is used is right");
    }
}
