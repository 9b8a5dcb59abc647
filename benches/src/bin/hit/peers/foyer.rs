//! foyer: its cache in memory, without the disk.

use std::{hint::black_box, sync::Arc};

use anyhow::Result;
use foyer_memory::{Cache, CacheBuilder, S3FifoConfig};

use crate::candidate::{Candidate, Quote, Workload, missing};

/// `get`, which returns a handle to the entry. S3-FIFO, whose reads share a lock, rather than its
/// default LRU, whose reads do not; else as its documentation begins.
struct Raw(Cache<String, Arc<Quote>>);

pub(crate) fn raw(workload: &Workload) -> Result<Box<dyn Candidate>> {
    let cache = CacheBuilder::new(workload.room()).with_eviction_config(S3FifoConfig::default()).build();
    for (key, value) in workload.entries() {
        cache.insert(key, value);
    }
    Ok(Box::new(Raw(cache)))
}

impl Candidate for Raw {
    fn read(&self, workload: &Workload, ranks: &[usize]) {
        for key in workload.keys_of(ranks) {
            let Some(entry) = self.0.get(key) else { missing(key) };
            black_box(entry.value());
        }
    }
}
