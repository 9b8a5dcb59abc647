//! The seeds' own workload, with and without what this cache does about it.
//!
//! Fifteen symbols, a thousand uniformly random requests that all start at once, a provider that takes 50 ms a
//! call. Without: each request looks into the cache, asks the provider on a miss and sets the value, as the model
//! system does. With: reads through the cache, whose misses share calls; and the same after the symbols were read
//! 10 to 30 times each and a warming cycle ran. Then a thousand updates of as many symbols: one call each, and by
//! the batch scheduler. Prints one JSON object with `--json`; whether the claims are beaten is said in it.

use std::{
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use benches::model_system::{BATCH, REQUESTS, SYMBOLS, SlowProvider};
use cache_core::{Key, Loaded};
use cache_facade::{Cache, Region, Source};
use cache_warming::{BatchScheduler, Coverage, Predictive, Priority, RunSchedule, Warming};
use clap::Parser;
use futures_util::future::join_all;
use serde_json::{Value, json};

const UPDATES: usize = 1000;

/// What the model system claims.
const CLAIMED_HIT_RATE: f64 = 0.918;
const CLAIMED_LATENCY: f64 = 0.304;
const CLAIMED_CALLS: f64 = 0.4;
const CLAIMED_READ: f64 = 0.92;

/// Measures the seeds' workload.
#[derive(Debug, Parser)]
struct Options {
    /// Print one JSON object and nothing else on standard output.
    #[arg(long)]
    json: bool,
    /// Where the random requests begin.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// The provider, of one price for all.
type Slow = SlowProvider<fn(&str) -> Loaded<f64>>;

fn provider() -> Slow {
    SlowProvider::new(|_| 190.5.into())
}

/// What came of a thousand requests.
#[derive(Clone, Copy, Debug)]
struct Phase {
    hits: usize,
    mean: Duration,
    calls: u64,
}

impl Phase {
    fn hit_rate(&self) -> f64 {
        self.hits as f64 / REQUESTS as f64
    }

    fn told(&self) -> Value {
        let mean_ms = self.mean.as_secs_f64() * 1000.0;
        json!({ "hit_rate": self.hit_rate(), "mean_ms": mean_ms, "provider_calls": self.calls })
    }
}

/// Starts all requests at once, and waits for them. `ask` says whether it was a hit.
async fn phase<F>(asked: &[&'static str], slow: &Slow, ask: impl Fn(&'static str) -> F) -> Result<Phase>
where
    F: Future<Output = Result<bool>>,
{
    let calls = slow.calls();
    let timed = asked.iter().map(|symbol| {
        let asking = ask(symbol);
        async {
            let begun = Instant::now();
            asking.await.map(|hit| (hit, begun.elapsed()))
        }
    });
    let (mut hits, mut all) = (0, Duration::ZERO);
    for answer in join_all(timed).await {
        let (hit, took) = answer?;
        hits += usize::from(hit);
        all += took;
    }
    Ok(Phase { hits, mean: all / REQUESTS as u32, calls: slow.calls() - calls })
}

async fn read_through(region: &Region<f64>, symbol: &'static str) -> Result<bool> {
    let found = region.lookup(symbol).await?;
    ensure!(found.value.is_some(), "{symbol} has no value");
    Ok(found.source == Source::Memory)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode> {
    let options = Options::parse();
    let mut random = fastrand::Rng::with_seed(options.seed);
    let asked: Vec<&'static str> = (0..REQUESTS).map(|_| SYMBOLS[random.usize(..SYMBOLS.len())]).collect();

    // Without: cache-aside, as the model system reads.
    let slow = provider();
    let cache = Cache::builder().build().await?;
    let aside = cache.region::<f64>("price").ttl("5m").open()?;
    let without = phase(&asked, &slow, |symbol| {
        let (aside, slow) = (aside.clone(), slow.clone());
        async move {
            if aside.get(symbol).await?.is_some() {
                return Ok(true);
            }
            slow.call().await;
            aside.put(symbol, 190.5).await?;
            Ok(false)
        }
    })
    .await?;

    // With: read-through, cold, then warmed.
    let slow = provider();
    let hot = Predictive::new("cycle", RunSchedule::ByHand);
    let warming = Warming::builder().strategy(hot).build();
    let open = || async {
        let cache =
            Cache::builder().observer(Arc::clone(&warming)).fill(Arc::clone(&warming)).build().await?;
        let region =
            cache.region::<f64>("price").ttl("5m").batch_window("2ms").loader(slow.clone()).open()?;
        warming.cover(Arc::new(region.clone()), Coverage::default().life(Duration::from_secs(300)));
        anyhow::Ok((cache, region))
    };
    let (_cold_cache, cold_region) = open().await?;
    let cold = phase(&asked, &slow, |symbol| {
        let region = cold_region.clone();
        async move { read_through(&region, symbol).await }
    })
    .await?;

    // The symbols are read 10 to 30 times, then the cache is emptied and a cycle fills it.
    for symbol in SYMBOLS {
        for _ in 0..random.usize(10..=30) {
            read_through(&cold_region, symbol).await?;
        }
    }
    let (_cache, region) = open().await?;
    let before = slow.calls();
    let cycle = warming.run("cycle").await?;
    ensure!(cycle.success && cycle.fetched == SYMBOLS.len(), "the cycle warmed not all symbols: {cycle:?}");
    let cycle_calls = slow.calls() - before;
    let warmed = phase(&asked, &slow, |symbol| {
        let region = region.clone();
        async move { read_through(&region, symbol).await }
    })
    .await?;
    let effect = warming.stats().strategies.into_iter().find(|strategy| strategy.name == "cycle");
    let read_share =
        effect.map_or(0.0, |effect| effect.effectiveness.read as f64 / effect.effectiveness.fetched as f64);

    // Updates: a call each, or in batches.
    let slow_updates = provider();
    let cache = Cache::builder().build().await?;
    let updates = cache.region::<f64>("update").ttl("5m").loader(slow_updates.clone()).open()?;
    let scheduler = BatchScheduler::builder().batch_size(BATCH).build();
    scheduler.register("slow", Arc::new(updates.clone()))?;
    for n in 0..UPDATES {
        scheduler.schedule_update(&Key::new("update", &format!("S{n}"))?, "slow", Priority::Normal)?;
    }
    let flushed = scheduler.flush_pending().await;
    ensure!(flushed.updated == UPDATES, "not all were updated: {flushed:?}");

    let calls_without = without.calls + UPDATES as u64;
    let calls_with = cycle_calls + warmed.calls + slow_updates.calls();
    let latency_reduction = 1.0 - warmed.mean.as_secs_f64() / without.mean.as_secs_f64();
    let calls_reduction = 1.0 - calls_with as f64 / calls_without as f64;
    let report = json!({
        "hit_rate": warmed.hit_rate(),
        "latency_reduction": latency_reduction,
        "calls_reduction": calls_reduction,
        "warmed_read_share": read_share,
        "beaten": {
            "hit_rate": warmed.hit_rate() > CLAIMED_HIT_RATE,
            "latency_reduction": latency_reduction > CLAIMED_LATENCY,
            "calls_reduction": calls_reduction > CLAIMED_CALLS,
            "warmed_read_share": read_share > CLAIMED_READ,
        },
        "without": without.told(),
        "cold": cold.told(),
        "warmed": warmed.told(),
        "warming_calls": cycle_calls,
        "updates": { "updates": UPDATES, "calls": slow_updates.calls(), "calls_saved": scheduler.stats().calls_saved },
    });
    if options.json {
        benches::printed::printed(&serde_json::to_string_pretty(&report)?)?;
    } else {
        println!("{report:#}");
    }
    Ok(ExitCode::SUCCESS)
}
