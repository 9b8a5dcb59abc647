//! moka: raw, read through, and under the facade's own keys.

use std::{hash::BuildHasherDefault, hint::black_box, sync::Arc};

use allocation_counter::opt_out;
use anyhow::Result;
use cache_core::{Key, KeyHasher};
use moka::{future, policy::EvictionPolicy, sync};

use crate::candidate::{Candidate, KIND, LIFE, Quote, Workload, missing};

/// `get`. As its documentation begins: `new`, so TinyLFU and its default hasher.
struct Raw(sync::Cache<String, Arc<Quote>>);

pub(crate) fn raw(workload: &Workload) -> Result<Box<dyn Candidate>> {
    let cache = sync::Cache::new(workload.room() as u64);
    workload.entries().for_each(|(key, value)| cache.insert(key, value));
    cache.run_pending_tasks();
    Ok(Box::new(Raw(cache)))
}

impl Candidate for Raw {
    fn read(&self, workload: &Workload, ranks: &[usize]) {
        for key in workload.keys_of(ranks) {
            let Some(value) = self.0.get(key) else { missing(key) };
            black_box(value);
        }
    }
}

/// `get_with`, which loads each missing value once: by reference, which spares an owned key a read.
struct GetWith(sync::Cache<String, Arc<Quote>>);

pub(crate) fn get_with(workload: &Workload) -> Result<Box<dyn Candidate>> {
    let cache = sync::Cache::builder().max_capacity(workload.room() as u64).time_to_live(LIFE).build();
    workload.entries().for_each(|(key, value)| cache.insert(key, value));
    cache.run_pending_tasks();
    Ok(Box::new(GetWith(cache)))
}

impl Candidate for GetWith {
    fn read(&self, workload: &Workload, ranks: &[usize]) {
        for key in workload.keys_of(ranks) {
            black_box(self.0.get_with_by_ref(key, || missing(key)));
        }
    }
}

/// What loading a missing value fails with.
struct Gone;

/// The same for asynchronous callers, whose loads may fail: `try_get_with`, by reference.
struct TryGetWith(future::Cache<String, Arc<Quote>>);

pub(crate) fn future_try_get_with(workload: &Workload) -> Result<Box<dyn Candidate>> {
    let cache = future::Cache::builder().max_capacity(workload.room() as u64).time_to_live(LIFE).build();
    workload.drive(async {
        for (key, value) in workload.entries() {
            cache.insert(key, value).await;
        }
        cache.run_pending_tasks().await;
    });
    Ok(Box::new(TryGetWith(cache)))
}

impl Candidate for TryGetWith {
    fn read(&self, workload: &Workload, ranks: &[usize]) {
        workload.drive(async {
            for key in workload.keys_of(ranks) {
                let loading = async { Err(Gone) };
                let Ok(value) = self.0.try_get_with_by_ref(key, loading).await else { missing(key) };
                black_box(value);
            }
        });
    }
}

/// Keyed by ready [`Key`]s, whose hash is taken as it is: no peer, but the least a store of moka's
/// under the facade would cost. Least recently used goes first.
struct Prehashed {
    cache: sync::Cache<Key, Arc<Quote>, BuildHasherDefault<KeyHasher>>,
    keys: Vec<Key>,
}

pub(crate) fn prehashed(workload: &Workload) -> Result<Box<dyn Candidate>> {
    let cache = sync::Cache::builder()
        .max_capacity(1 << 30)
        .eviction_policy(EvictionPolicy::lru())
        .build_with_hasher(KeyHasher::builder());
    // The keys' text is part of the cache; the list that the reader keeps is not.
    let mut keys = Vec::new();
    opt_out(|| keys.reserve_exact(workload.ids.len()));
    for id in &workload.ids {
        let key = Key::new(KIND, id)?;
        cache.insert(key.clone(), Arc::new(Quote::new(id)));
        keys.push(key);
    }
    cache.run_pending_tasks();
    Ok(Box::new(Prehashed { cache, keys }))
}

impl Candidate for Prehashed {
    fn read(&self, _: &Workload, ranks: &[usize]) {
        for &at in ranks {
            let Some(value) = self.cache.get(&self.keys[at]) else { missing(&self.keys[at]) };
            black_box(value);
        }
    }
}
