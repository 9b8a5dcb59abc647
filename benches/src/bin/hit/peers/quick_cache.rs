//! quick_cache: raw.

use std::{hint::black_box, sync::Arc};

use anyhow::Result;
use quick_cache::sync::Cache;

use crate::candidate::{Candidate, Quote, Workload, missing};

/// `get`. As its documentation begins: `new`, so its default hasher and as many shards as it likes.
struct Raw(Cache<String, Arc<Quote>>);

pub(crate) fn raw(workload: &Workload) -> Result<Box<dyn Candidate>> {
    let cache = Cache::new(workload.room());
    workload.entries().for_each(|(key, value)| cache.insert(key, value));
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
