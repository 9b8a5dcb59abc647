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

use crate::contender::{Contender, LIFE, Load, Quote, gone, load_value};

/// `get` of the sharded LRU store. As its documentation begins: `new`.
struct Raw(ShardedLruCache<String, Arc<Quote>>);

pub(crate) fn raw(load: &Load) -> Result<Box<dyn Contender>> {
    let cache = ShardedLruCache::new(load.room());
    for (key, value) in load.entries() {
        cache.set(key, value);
    }
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

pub(crate) fn function(load: &Load) -> Result<Box<dyn Contender>> {
    ROOM.store(load.room(), Ordering::Relaxed);
    for key in &load.keys {
        let Ok(_) = load.drive(quote(key));
    }
    Ok(Box::new(Function))
}

impl Contender for Function {
    fn read(&self, load: &Load, ranks: &[usize]) {
        load.drive(async {
            for key in load.keys_of(ranks) {
                let Ok(value) = quote(key).await;
                black_box(value);
            }
        });
    }
}

/// The function under `#[concurrent_cached]`.
struct ConcurrentFunction;

pub(crate) fn concurrent_function(load: &Load) -> Result<Box<dyn Contender>> {
    ROOM.store(load.room(), Ordering::Relaxed);
    for key in &load.keys {
        let Ok(_) = load.drive(concurrent_quote(key));
    }
    Ok(Box::new(ConcurrentFunction))
}

impl Contender for ConcurrentFunction {
    fn read(&self, load: &Load, ranks: &[usize]) {
        load.drive(async {
            for key in load.keys_of(ranks) {
                let Ok(value) = concurrent_quote(key).await;
                black_box(value);
            }
        });
    }
}
