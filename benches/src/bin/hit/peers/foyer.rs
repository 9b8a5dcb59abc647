//! foyer: its cache in memory, without the disk.

use std::{hint::black_box, sync::Arc};

use anyhow::Result;
use foyer_memory::{Cache, CacheBuilder, S3FifoConfig};

use crate::contender::{Contender, Load, Quote, gone};

/// `get`, which answers with a handle to the entry. S3-FIFO, whose reads share a lock, rather than its
/// default LRU, whose reads do not; else as its documentation begins.
struct Raw(Cache<String, Arc<Quote>>);

pub(crate) fn raw(load: &Load) -> Result<Box<dyn Contender>> {
    let cache = CacheBuilder::new(load.room()).with_eviction_config(S3FifoConfig::default()).build();
    for (key, value) in load.entries() {
        cache.insert(key, value);
    }
    Ok(Box::new(Raw(cache)))
}

impl Contender for Raw {
    fn read(&self, load: &Load, ranks: &[usize]) {
        for key in load.keys_of(ranks) {
            let Some(entry) = self.0.get(key) else { gone(key) };
            black_box(entry.value());
        }
    }
}
