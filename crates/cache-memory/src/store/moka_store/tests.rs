//! Removals settle seldom, and yet the weight stays exact.

use std::time::Duration;

use cache_core::Ttl;

use super::*;
use crate::{
    eviction::Eviction,
    policies::lru,
    store::walk::steps::{no_pause, run},
};

const ENTRIES: i64 = 2_000;

fn store() -> MokaStore {
    let weigher = Weigher::Bytes { overhead: 1 };
    let bounds = Bounds { limit: 1 << 30, protected: 1 << 29, protected_share: 0.5, weigher, shards: 4 };
    MokaStore::new(lru::policy(), bounds, Arc::new(EvictionLog::new(Eviction::Lru)), Arc::default())
}

fn put(store: &MokaStore, id: i64, cost: u32) -> Key {
    let key = Key::new("k", &id.to_string()).unwrap();
    let mut meta = Meta::new(Timestamp::from_micros(id), Ttl::new(Duration::from_secs(1)));
    meta.cost = cost;
    store.put(key.clone(), Entry::absent(meta), false);
    key
}

fn remove_all(store: &MokaStore, doomed: impl Fn(&Key) -> bool) -> u64 {
    let doomed = |key: &Key, _: &Meta| doomed(key).then_some(EvictionCause::Removed);
    let pauses = &mut Pauses::new(no_pause);
    run(store.remove_all(|_| (), doomed, |_, _| {}, pauses))
}

#[test]
fn rule_101_a_removal_settles_once_for_all_that_were_written_before() {
    let store = store();
    (0..ENTRIES).for_each(|id| drop(put(&store, id, 1)));
    let before = store.settling.count();
    assert_eq!(remove_all(&store, |_| true), ENTRIES as u64);
    assert_eq!(store.settling.count() - before, 1);
    store.settle();
    assert_eq!((store.len(), store.weight()), ((0, 0), 0));
}

/// Without settling before a removal, moka takes off the new weight of what still counts with the old one.
#[test]
fn the_weight_stays_exact_where_entries_are_replaced_and_removed_at_once() {
    let store = store();
    let others: Vec<Key> = (1000..1100).map(|id| put(&store, id, 10_000)).collect();
    store.settle();
    let (count, weight) = (store.len(), store.weight());
    for round in 1..20_u32 {
        let keys: Vec<Key> = (0..100).map(|id| put(&store, id, 1)).collect();
        store.settle();
        for (id, key) in (0..).zip(&keys) {
            put(&store, id, 100 * round);
            if id % 3 == 0 {
                assert!(store.remove_if(key, |_| true).is_some());
                put(&store, id, round);
            }
        }
        assert_eq!(remove_all(&store, |key| !others.contains(key)), 100);
        store.settle();
        assert_eq!((store.len(), store.weight()), (count, weight), "in round {round}");
    }
}
