//! What analytics adds to a hit in memory, in nanoseconds and allocations, and how much memory it takes.
//! Prints one JSON object with `--json`.

use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use allocation_counter::measure;
use anyhow::{Result, anyhow};
use benches::timing::median;
use cache_analytics::Analytics;
use cache_core::{Clock, Event, Key, Meta, MissReason, Observer, Outcome, Ttl};
use cache_facade::{Cache, Region};
use clap::Parser;
use futures_util::FutureExt;
use serde_json::json;
use tokio::runtime::Builder;

const KEYS: u64 = 1000;
const READS: usize = 1_000_000;
const ROUNDS: usize = 15;
/// What may be added.
const MOST_NS: f64 = 20.0;
/// How many accesses the log is filled with, of how many keys, and how much that may take, as the model system
/// claims.
const ACCESSES: usize = 10_000;
const LOGGED_KEYS: usize = 3_000;
const MOST_BYTES: i64 = 500_000;

/// Measures what analytics adds to a hit.
#[derive(Debug, Parser)]
struct Options {
    /// Print one JSON object and nothing else on standard output.
    #[arg(long)]
    json: bool,
}

fn main() -> Result<()> {
    let Options { json } = Options::parse();
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let bytes_in_all = bytes_after_accesses(1.0)?;
    let bytes = bytes_in_all - bytes_after_accesses(0.0)?;
    let (plain, observed, sampled, analytics) = runtime.block_on(async {
        let analytics = Analytics::new(Clock::system());
        let plain = open(Cache::builder().build().await?).await?;
        let observed = open(Cache::builder().observer(Arc::clone(&analytics)).build().await?).await?;
        // Of which every key is sampled, where usually an eighth is.
        let all = Analytics::builder(Clock::system()).sample_rate(1.0).build();
        let sampled = open(Cache::builder().observer(Arc::clone(&all)).build().await?).await?;
        anyhow::Ok((plain, observed, sampled, analytics))
    })?;
    let (mut plain_ns, mut observed_ns, mut sampled_ns) = (Vec::new(), Vec::new(), Vec::new());
    // In turns, so that what else the machine does falls on both.
    for _ in 0..ROUNDS {
        plain_ns.push(plain.read()?);
        observed_ns.push(observed.read()?);
        sampled_ns.push(sampled.read()?);
        analytics.tick();
    }
    let counted = analytics.report().since_start.memory_hits;
    let read = (ROUNDS * READS) as u64;
    if counted != read {
        return Err(anyhow!("{counted} hits were counted of {read}"));
    }
    let allocations = |hits: &Hits| -> Result<u64> {
        let mut outcome = Ok(0.0);
        let counts = measure(|| outcome = hits.read());
        outcome.map(|_| counts.count_total)
    };
    let allocs_added = allocations(&observed)?.saturating_sub(allocations(&plain)?);
    let (plain_ns, observed_ns, sampled_ns) = (median(plain_ns), median(observed_ns), median(sampled_ns));
    let (added_ns, added_sampled_ns) = (observed_ns - plain_ns, sampled_ns - plain_ns);
    let told = json!({
        "hit_ns_plain": plain_ns,
        "hit_ns_observed": observed_ns,
        "added_ns": added_ns,
        "added_ns_sampled_key": added_sampled_ns,
        "bytes_of_10000_accesses": bytes,
        "bytes_in_all": bytes_in_all,
        "allocs_added": allocs_added,
        "met": added_ns <= MOST_NS && allocs_added == 0 && bytes <= MOST_BYTES,
    });
    if json {
        println!("{told}");
    } else {
        println!(
            "a hit takes {plain_ns:.1} ns, and {observed_ns:.1} ns observed: {added_ns:.1} ns more (at most {MOST_NS}; of a \
             sampled key {added_sampled_ns:.1}), {allocs_added} allocations more; {ACCESSES} accesses of \
             {LOGGED_KEYS} keys take {bytes} bytes (at most {MOST_BYTES}), all of analytics {bytes_in_all}"
        );
    }
    Ok(())
}

/// Returns the bytes that analytics takes after so many accesses, of which it sampled a part of the keys.
fn bytes_after_accesses(sample_rate: f64) -> Result<i64> {
    let keys: Vec<Key> =
        (0..LOGGED_KEYS).map(|at| Key::new("n", &at.to_string())).collect::<Result<_, _>>()?;
    let mut analytics = None;
    let counts = measure(|| {
        let filled = Analytics::builder(Clock::system()).sample_rate(sample_rate).build();
        for at in 0..ACCESSES {
            let key = &keys[at % keys.len()];
            let meta = Meta::new(Clock::system().now(), Ttl::new(Duration::from_secs(60)));
            filled.on(&Event::Miss { key, source: "memory", reason: MissReason::Absent });
            filled.on(&Event::Stored { key, meta: &meta, weight: 100 });
            filled.on(&Event::Answered {
                key,
                outcome: Outcome::Loaded,
                waited: Duration::ZERO,
                joined: false,
            });
        }
        analytics = Some(filled);
    });
    drop(analytics);
    Ok(counts.bytes_current)
}

/// Keys that are in memory, to be read.
struct Hits {
    region: Region<u64>,
    keys: Vec<Key>,
}

async fn open(cache: Cache) -> Result<Hits> {
    let region = cache.region::<u64>("hit").ttl("1h").open()?;
    let mut keys = Vec::new();
    for at in 0..KEYS {
        let key = region.key(&at)?;
        region.put(&key, at).await?;
        keys.push(key);
    }
    Ok(Hits { region, keys })
}

impl Hits {
    /// Returns the nanoseconds of a read.
    fn read(&self) -> Result<f64> {
        let begun = Instant::now();
        for n in 0..READS {
            let read = self.region.get(&self.keys[n % self.keys.len()]).now_or_never();
            black_box(read.ok_or_else(|| anyhow!("a hit waited"))??);
        }
        Ok(begun.elapsed().as_nanos() as f64 / READS as f64)
    }
}
