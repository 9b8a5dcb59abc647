//! Lives that are shortened after an entry was stored, under every policy.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use cache_core::{Entry, Key, Meta, Pattern, Target, Timestamp, Tombstone, Ttl};
use cache_memory::{Eviction, Memory, Value};

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_micros(0).after(Duration::from_secs(seconds))
}

fn key(number: u64) -> Key {
    Key::new("price", &number.to_string()).unwrap()
}

#[test]
fn rule_76_what_is_shortened_keeps_its_value_its_birth_and_its_protection() {
    for policy in Eviction::ALL {
        let memory = Memory::builder().mib(8).eviction(policy).protected_share(0.5).build();
        memory.protect(Target::Matching(&Pattern::glob("price:1*").unwrap())).unwrap();
        let ttl = Ttl::new(Duration::from_secs(100)).grace(Duration::from_secs(130));
        for number in 0..200 {
            let entry = Entry::new(Arc::new(number) as Value, Meta::new(at(number), ttl));
            assert!(memory.put(key(number), entry, at(0)));
        }
        let before = memory.stats();
        let bound = |of: &Key, _: &Meta| of.id().parse::<u64>().unwrap().is_multiple_of(2).then(|| at(150));
        let shortened = memory.shorten(bound);
        // Those born at 0 to 50 end before 150 by themselves.
        assert_eq!(shortened, (0..200).step_by(2).filter(|born| born + 100 > 150).count() as u64);
        assert_eq!(memory.shorten(bound), 0, "once");
        for number in 0..200_u64 {
            let entry = memory.peek(&key(number)).unwrap();
            let end = if number.is_multiple_of(2) { at(150).min(at(number + 100)) } else { at(number + 100) };
            let expected = (at(number), end, end.after(Duration::from_secs(30)));
            assert_eq!(
                (entry.meta.born, entry.meta.stale_at, entry.meta.dead_at),
                expected,
                "{policy:?} {number}"
            );
            assert_eq!(*entry.value.unwrap().downcast::<u64>().unwrap(), number);
        }
        let after = memory.stats();
        assert_eq!(
            (after.entries, after.weight, after.protected, after.protected_weight),
            (before.entries, before.weight, before.protected, before.protected_weight),
            "{policy:?}"
        );
        assert_eq!(after.evictions.size, 0);
    }
}

#[test]
fn rule_84_what_is_marked_and_bounded_comes_to_the_same_in_either_order() {
    let ttl = Ttl::new(Duration::from_secs(100)).grace(Duration::from_secs(130));
    for policy in Eviction::ALL {
        let memories = [true, false].map(|marks_first| {
            let memory = Memory::builder().mib(8).eviction(policy).build();
            for number in 0..100 {
                let entry = Entry::new(Arc::new(number) as Value, Meta::new(at(number), ttl));
                assert!(memory.put(key(number), entry, at(0)));
            }
            for marks in [marks_first, !marks_first] {
                match marks {
                    true => {
                        assert_eq!(memory.mark_stale(|_, meta| (meta.born <= at(80)).then(|| at(90))), 81)
                    }
                    false => {
                        assert_eq!(memory.shorten(|_, _| Some(at(150))), 49, "{policy:?}: {marks_first}")
                    }
                }
            }
            memory
        });
        for number in 0..100 {
            let [one, other] = [0, 1].map(|at| memories[at].peek(&key(number)).unwrap().meta);
            assert_eq!(one, other, "{policy:?} {number}");
        }
        assert_eq!(memories[0].peek(&key(70)).unwrap().meta.dead_at, at(180), "{policy:?}");
    }
}

/// Whatever may not bridge an outage goes; what may keeps its value, birth, end and protection.
#[test]
fn rule_112_what_was_replaced_elsewhere_stays_if_it_is_older_and_may_be_served() {
    let ttl = Ttl::new(Duration::from_secs(100)).grace(Duration::from_secs(130));
    for policy in Eviction::ALL {
        let memory = Memory::builder().mib(8).eviction(policy).protected_share(0.5).build();
        memory.protect(Target::Keys(&[key(1)])).unwrap();
        for (id, value, born) in [(1, Some(1_u64), 10), (2, None, 10), (3, Some(3), 10), (4, Some(4), 30)] {
            let entry =
                Entry { value: value.map(|value| Arc::new(value) as Value), meta: Meta::new(at(born), ttl) };
            assert!(memory.put(key(id), entry, at(0)));
        }
        let told = Arc::new(AtomicUsize::new(0));
        let heard = Arc::clone(&told);
        memory.listen(move |_, _| {
            heard.fetch_add(1, Ordering::Relaxed);
        });
        let tombstone = Tombstone { born: at(20), dead_at: at(1_000) };
        for (id, now) in [(1, 20), (1, 21), (2, 20), (3, 140), (4, 20), (5, 20)] {
            memory.replace_elsewhere(&key(id), tombstone, at(now));
        }
        if !policy.has_fixed_budget() {
            assert_eq!(told.load(Ordering::Relaxed), 3, "{policy:?}: by the call itself");
        }
        let held = memory.peek(&key(1)).unwrap();
        assert_eq!(*held.value.unwrap().downcast::<u64>().unwrap(), 1, "{policy:?}");
        assert_eq!((held.meta.born, held.meta.dead_at, held.meta.is_replaced()), (at(10), at(140), true));
        assert_eq!(memory.stats().protected, 1, "{policy:?}");
        assert!(memory.peek(&key(2)).is_none(), "{policy:?}: nobody knows any more that there is none");
        assert!(memory.peek(&key(3)).is_none(), "{policy:?}: dead");
        assert!(!memory.peek(&key(4)).unwrap().meta.is_replaced(), "{policy:?}: newer");
        for id in [1, 2, 3, 5] {
            assert!(memory.refuses(&key(id), at(20), at(21)), "{policy:?} {id}");
        }
    }
}
