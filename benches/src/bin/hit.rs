//! What a hit in memory costs through the facade, beside the raw store under it.
//!
//! 100,000 keys of about 30 bytes, asked for by Zipf 0.99; both hold the same values under the same
//! keys, hashed once, and take turns in one run. Prints one JSON object with `--json`; `ratio` is the
//! worse of one and two threads.

use std::{alloc::System, hash::BuildHasherDefault, hint::black_box, sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use benches::{
    load::Zipf,
    timing::{median, round},
};
use cache_core::{Key, KeyHasher};
use cache_facade::{Cache, Memory, Region, Ttl};
use clap::Parser;
use moka::{policy::EvictionPolicy, sync};
use serde::{Deserialize, Serialize};
use serde_json::json;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region as Allocations, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Measures hits.
#[derive(Debug, Parser)]
struct Options {
    /// Print one JSON object and nothing else on standard output.
    #[arg(long)]
    json: bool,
    /// How many rounds each contender gets.
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    /// How many reads each thread does in a round.
    #[arg(long, default_value_t = 400_000)]
    reads: usize,
    /// How many keys there are.
    #[arg(long, default_value_t = 100_000)]
    keys: usize,
    /// How skewed demand is.
    #[arg(long, default_value_t = 0.99)]
    zipf: f64,
}

/// A value of a quote's size.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Quote {
    symbol: String,
    prices: [f64; 6],
    volume: u64,
}

type Store = sync::Cache<Key, Arc<Quote>, BuildHasherDefault<KeyHasher>>;

struct Bench {
    region: Region<Quote>,
    store: Store,
    ids: Vec<String>,
    keys: Vec<Key>,
    demand: Vec<Vec<usize>>,
    runtime: tokio::runtime::Runtime,
    /// Bytes an entry takes, its key's text not counted.
    sizes: serde_json::Value,
}

fn main() -> Result<()> {
    let options = Options::parse();
    ensure!(
        options.rounds > 0 && options.reads > 0 && options.keys > 0,
        "rounds, reads and keys must be above 0"
    );
    let bench = Bench::new(&options)?;
    let mut report =
        json!({ "keys": options.keys, "key_bytes": bench.keys[0].as_str().len(), "zipf": options.zipf });
    let mut worst: f64 = 0.0;
    for threads in [1, 2] {
        let (mut facade, mut by_text, mut store) = (Vec::new(), Vec::new(), Vec::new());
        bench.read_facade(0);
        let (mut allocations, mut store_allocations) = (0, 0);
        for _ in 0..options.rounds {
            let before = Allocations::new(ALLOCATOR);
            store.push(round(threads, |at| bench.read_store(at)));
            store_allocations += before.change().allocations;
            let before = Allocations::new(ALLOCATOR);
            facade.push(round(threads, |at| bench.read_facade(at)));
            allocations += before.change().allocations;
            by_text.push(round(threads, |at| bench.read_facade_by_text(at)));
        }
        let baseline = {
            let before = Allocations::new(ALLOCATOR);
            for _ in 0..options.rounds {
                round(threads, |_| 1);
            }
            before.change().allocations
        };
        let (facade, by_text, store) = (median(facade), median(by_text), median(store));
        worst = worst.max(facade / store);
        let hits = (options.rounds * options.reads * threads) as f64;
        let threads = threads.to_string();
        report["facade_hit_ns"][&threads] = json!(facade);
        report["facade_hit_by_text_ns"][&threads] = json!(by_text);
        report["store_ns"][&threads] = json!(store);
        report["ratios"][&threads] = json!(facade / store);
        report["store_allocs_per_hit"][&threads] =
            json!(store_allocations.saturating_sub(baseline) as f64 / hits);
        report["allocs_per_hit"][&threads] = json!(allocations.saturating_sub(baseline) as f64 / hits);
    }
    report["ratio"] = json!(worst);
    report["bytes_per_entry"] = bench.sizes.clone();
    if options.json {
        println!("{report}");
    } else {
        println!("{report:#}");
    }
    Ok(())
}

/// Bytes allocated since and not freed.
fn held(since: &Allocations<'_, System>) -> f64 {
    let change = since.change();
    change.bytes_allocated as f64 - change.bytes_deallocated as f64
}

impl Bench {
    fn new(options: &Options) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let cache = runtime.block_on(Cache::builder().memory(Memory::mib(1024)).build())?;
        let region = cache.region::<Quote>("price").ttl(Ttl::new(Duration::from_secs(24 * 3600))).open()?;
        let store: Store = sync::Cache::builder()
            .max_capacity(1 << 30)
            .eviction_policy(EvictionPolicy::lru())
            .build_with_hasher(KeyHasher::builder());
        let ids: Vec<String> = (0..options.keys).map(|at| format!("SYMBOL{at:08}:provider")).collect();
        let keys = ids.iter().map(|id| region.key(id)).collect::<Result<Vec<Key>, _>>()?;
        let quote = |id: &String| Quote { symbol: id.clone(), prices: [1.0; 6], volume: 7 };
        let before = Allocations::new(ALLOCATOR);
        ids.iter().zip(&keys).for_each(|(id, key)| store.insert(key.clone(), Arc::new(quote(id))));
        let store_bytes = held(&before);
        let before = Allocations::new(ALLOCATOR);
        for (id, key) in ids.iter().zip(&keys) {
            runtime.block_on(region.put(key, quote(id)))?;
        }
        let facade_bytes = held(&before);
        let first = runtime.block_on(region.lookup(&keys[0]))?;
        ensure!(
            first.source.as_str() == "memory",
            "the first key came from {}, not from memory",
            first.source
        );
        let memory = cache.stats().memory;
        ensure!(
            memory.entries == options.keys as u64,
            "memory holds {} of {} keys",
            memory.entries,
            options.keys
        );
        let per_entry = |bytes: f64| json!((bytes / options.keys as f64).round());
        let sizes = json!({
            "facade_heap": per_entry(facade_bytes),
            "facade_weight": per_entry(memory.weight as f64),
            "store_heap": per_entry(store_bytes),
        });
        let demand =
            (0..2).map(|seed| Zipf::new(options.keys, options.zipf, seed).take(options.reads)).collect();
        Ok(Self { region, store, ids, keys, demand, runtime, sizes })
    }

    fn read_store(&self, thread: usize) -> usize {
        for &at in &self.demand[thread] {
            black_box(self.store.get(&self.keys[at]));
        }
        self.demand[thread].len()
    }

    fn read_facade(&self, thread: usize) -> usize {
        self.drive(async {
            for &at in &self.demand[thread] {
                let value = self.region.get(&self.keys[at]).await.context("a hit failed")?;
                ensure!(black_box(value).is_some(), "{} is gone", self.keys[at]);
            }
            Ok(self.demand[thread].len())
        })
    }

    fn read_facade_by_text(&self, thread: usize) -> usize {
        self.drive(async {
            for &at in &self.demand[thread] {
                let value = self.region.get(self.ids[at].as_str()).await.context("a hit failed")?;
                ensure!(black_box(value).is_some(), "{} is gone", self.ids[at]);
            }
            Ok(self.demand[thread].len())
        })
    }

    fn drive(&self, work: impl Future<Output = Result<usize>>) -> usize {
        self.runtime.handle().block_on(work).unwrap_or_else(|error| panic!("{error:#}"))
    }
}
