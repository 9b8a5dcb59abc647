//! Histories that grow: what a passing day and overlapping ranges ask of a provider, what a read of five days
//! costs beside a quote, and what is put for a bar more. Prints one JSON object with `--json`.

mod market;
mod put;

use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow};
use benches::timing::median;
use cache_facade::{Cache, Memory};
use cache_market::{MarketRegions, StandardKey};
use clap::Parser;
use futures_util::FutureExt;
use jiff::ToSpan;
use market_data::{DateRange, SeriesId};
use serde_json::{Value, json};

use crate::market::{FIRST, LAST, SYMBOLS, Upstream, afternoon, open, symbol, whole};

const RANGES: usize = 10_000;
const READS: usize = 20_000;
const ROUNDS: usize = 15;

/// Measures histories that grow.
#[derive(Debug, Parser)]
struct Options {
    /// Print one JSON object and nothing else on standard output.
    #[arg(long)]
    json: bool,
    /// Leave out what needs servers.
    #[arg(long)]
    no_servers: bool,
}

fn main() -> Result<()> {
    let Options { json, no_servers } = Options::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let told = runtime.block_on(async {
        let mut told = grown_and_read().await?;
        told["ranges"] = overlapping().await?;
        if !no_servers {
            let (one, whole) = put::bytes().await?;
            (told["put_one_bar_bytes"], told["put_whole_bytes"]) = (one, whole);
        }
        anyhow::Ok(told)
    })?;
    if json {
        benches::printed::printed(&told)?;
    } else {
        println!("{told:#}");
    }
    Ok(())
}

async fn cache(clock: &cache_core::Clock) -> Result<Cache> {
    let memory = Memory::builder().mib(1024);
    Ok(Cache::builder().clock(clock.clone()).memory(memory).build().await?)
}

/// Caches all series, lets a day pass, and reads five days of them.
async fn grown_and_read() -> Result<Value> {
    let (clock, upstream) = (afternoon(), Arc::new(Upstream::default()));
    let regions = open(&cache(&clock).await?, &upstream)?;
    read_all(&regions).await?;
    let before = upstream.asked();
    upstream.pass(1);
    clock.advance(Duration::from_secs(86_400));
    read_all(&regions).await?;
    let after = upstream.asked();
    let bytes = after.bytes - before.bytes;
    let growth = json!({
        "calls": after.calls - before.calls,
        "bars": after.bars - before.bars,
        "bytes": bytes,
        "bytes_of_all": before.bytes,
        "bytes_ratio": bytes as f64 / before.bytes as f64,
    });
    let (quote, lately, long_ago) = read_times(&regions).await?;
    Ok(json!({
        "growth": growth,
        "quote_ns": quote,
        "read_5d_ns": lately,
        "read_5d_of_a_chunk_ns": long_ago,
        "read_5d_vs_quote": lately / quote,
        "read_5d_of_a_chunk_vs_quote": long_ago / quote,
    }))
}

async fn read_all(regions: &MarketRegions) -> Result<()> {
    for at in 0..SYMBOLS {
        let (found, _) = regions.bars(&whole(at)?).await?;
        let bars = found.value.ok_or_else(|| anyhow!("no bars"))?.bars.len();
        if bars < 5000 {
            return Err(anyhow!("{bars} bars of twenty years"));
        }
    }
    Ok(())
}

/// Returns the nanoseconds of a read of a quote, of the latest five days, and of five days of a chunk.
async fn read_times(regions: &MarketRegions) -> Result<(f64, f64, f64)> {
    let keys = |text: &dyn Fn(usize) -> String| -> Result<Vec<StandardKey>> {
        (0..SYMBOLS).map(|at| Ok(text(at).parse()?)).collect()
    };
    let days = |to: jiff::civil::Date| format!("{}..{to}", to.saturating_sub(6.days()));
    let quotes = keys(&|at| format!("price:{}", symbol(at)))?;
    let lately = keys(&|at| format!("ohlcv:{}:1d:{}", symbol(at), days(LAST)))?;
    let long_ago = keys(&|at| format!("ohlcv:{}:1d:{}", symbol(at), days(jiff::civil::date(2007, 6, 15))))?;
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for keys in [&quotes, &lately, &long_ago] {
        for key in keys {
            regions.look_up_one(key).await?;
        }
    }
    // In turns, so that what else the machine does falls on all.
    for _ in 0..ROUNDS {
        for (keys, times) in [&quotes, &lately, &long_ago].into_iter().zip(&mut times) {
            let begun = Instant::now();
            for read in 0..READS {
                let found = regions.look_up_one(&keys[read % SYMBOLS]).now_or_never();
                black_box(found.ok_or_else(|| anyhow!("a hit waited"))??);
            }
            times.push(begun.elapsed().as_nanos() as f64 / READS as f64);
        }
    }
    let [quote, lately, long_ago] = times.map(median);
    Ok((quote, lately, long_ago))
}

/// Reads random ranges of a cache that is empty at first.
async fn overlapping() -> Result<Value> {
    let (clock, upstream) = (afternoon(), Arc::new(Upstream::default()));
    let regions = open(&cache(&clock).await?, &upstream)?;
    let mut random = fastrand::Rng::with_seed(20);
    let all = (LAST - FIRST).get_days();
    for _ in 0..RANGES {
        let from = FIRST.saturating_add(random.i32(0..all).days());
        let to = from.saturating_add(random.i32(0..400).days());
        let id: SeriesId = whole(random.usize(0..SYMBOLS))?.within(DateRange { from, to });
        let (found, _) = regions.bars(&id).await?;
        black_box(found.value.ok_or_else(|| anyhow!("no bars"))?);
    }
    let asked = upstream.asked();
    let distinct = upstream.distinct();
    Ok(json!({
        "reads": RANGES,
        "calls": asked.calls,
        "asked": asked.bars,
        "distinct": distinct,
        "asked_per_distinct": asked.bars as f64 / distinct as f64,
    }))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Options;

    #[test]
    fn the_command_line_is_well_formed() {
        Options::command().debug_assert();
    }
}
