//! quick_cache: raw.

use std::{hint::black_box, sync::Arc};

use anyhow::Result;
use quick_cache::sync::Cache;

use crate::contender::{Contender, Load, Quote, gone};

/// `get`. As its documentation begins: `new`, so its default hasher and as many shards as it likes.
struct Raw(Cache<String, Arc<Quote>>);

pub(crate) fn raw(load: &Load) -> Result<Box<dyn Contender>> {
    let cache = Cache::new(load.room());
    load.entries().for_each(|(key, value)| cache.insert(key, value));
    Ok(Box::new(Raw(cache)))
}

impl Contender for Raw {
    fn read(&self, load: &Load, ranks: &[usize]) {
        for key in load.keys_of(ranks) {
            let Some(value) = self.0.get(key) else { gone(key) };
            black_box(value);
        }
    }
}
