//! cached: its sharded store raw, and both of its macros over an asynchronous function.

use std::{
    convert::Infallible,
    hint::black_box,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::Result;
use cached::{
    LruTtlCache, ShardedLruCache, ShardedLruTtlCache,
    macros::{cached, concurrent_cached},
};

use crate::candidate::{Candidate, LIFE, Quote, Workload, load_value, missing};

/// `get` of the sharded LRU store. As its documentation begins: `new`.
struct Raw(ShardedLruCache<String, Arc<Quote>>);

pub(crate) fn raw(workload: &Workload) -> Result<Box<dyn Candidate>> {
    let cache = ShardedLruCache::new(workload.room());
    for (key, value) in workload.entries() {
        cache.set(key, value);
    }
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

/// What the functions' caches have room for, set before their first call.
static ROOM: AtomicUsize = AtomicUsize::new(0);

/// What the attributes `max_size` and `ttl_secs` write, with which its documentation begins, only that
/// `max_size` takes no number known at run time. The key is an owned text, made at each call, as the
/// macro wants it. Loads of one key are not shared: `sync_writes` would do that, at more cost.
#[cached(
    ty = "LruTtlCache<String, Arc<Quote>>",
    create = { LruTtlCache::builder().max_size(ROOM.load(Ordering::Relaxed)).ttl(LIFE).build().unwrap() },
    convert = { key.to_owned() }
)]
async fn quote(key: &str) -> Result<Arc<Quote>, Infallible> {
    Ok(Arc::new(load_value(key)))
}

/// The same by the macro for functions that many threads call.
#[concurrent_cached(
    ty = "ShardedLruTtlCache<String, Arc<Quote>>",
    create = { ShardedLruTtlCache::builder().max_size(ROOM.load(Ordering::Relaxed)).ttl(LIFE).build().unwrap() },
    convert = { key.to_owned() }
)]
async fn concurrent_quote(key: &str) -> Result<Arc<Quote>, Infallible> {
    Ok(Arc::new(load_value(key)))
}

/// The function under `#[cached]`.
struct Function;

pub(crate) fn function(workload: &Workload) -> Result<Box<dyn Candidate>> {
    ROOM.store(workload.room(), Ordering::Relaxed);
    for key in &workload.keys {
        let Ok(_) = workload.drive(quote(key));
    }
    Ok(Box::new(Function))
}

impl Candidate for Function {
    fn read(&self, workload: &Workload, ranks: &[usize]) {
        workload.drive(async {
            for key in workload.keys_of(ranks) {
                let Ok(value) = quote(key).await;
                black_box(value);
            }
        });
    }
}

/// The function under `#[concurrent_cached]`.
struct ConcurrentFunction;

pub(crate) fn concurrent_function(workload: &Workload) -> Result<Box<dyn Candidate>> {
    ROOM.store(workload.room(), Ordering::Relaxed);
    for key in &workload.keys {
        let Ok(_) = workload.drive(concurrent_quote(key));
    }
    Ok(Box::new(ConcurrentFunction))
}

impl Candidate for ConcurrentFunction {
    fn read(&self, workload: &Workload, ranks: &[usize]) {
        workload.drive(async {
            for key in workload.keys_of(ranks) {
                let Ok(value) = concurrent_quote(key).await;
                black_box(value);
            }
        });
    }
}
