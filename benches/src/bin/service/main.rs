//! The service with warming and without: provider calls for the same demand, from its own `/v1/stats`.
//!
//! Two `cache-server`s run side by side on their embedded default, one with `CACHE_WARMING_ENABLED=false`. Both
//! are asked for the same at the same moments: quotes, bars and an indicator of the symbols of the replay,
//! these by a Zipf distribution, for twenty minutes unless less is asked for. Prints one JSON object with
//! `--json`.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use benches::{
    service::{Service, build, get},
    zipf::Zipf,
};
use clap::Parser;
use serde_json::{Value, json};
use tokio::time::sleep_until;

/// Measures what warming is worth in the service.
#[derive(Debug, Parser)]
struct Options {
    /// Print one JSON object and nothing else on standard output.
    #[arg(long)]
    json: bool,
    /// How long both are asked.
    #[arg(long, default_value_t = 20.0)]
    minutes: f64,
    /// How many quotes are asked for a second.
    #[arg(long, default_value_t = 2.0)]
    rate: f64,
    /// How skewed the demand is.
    #[arg(long, default_value_t = 0.8)]
    skew: f64,
    /// The binary. By default it is built from this workspace first.
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode> {
    let options = Options::parse();
    let binary = match &options.server {
        Some(binary) => binary.clone(),
        None => build()?,
    };
    let start = async |enabled| Service::start(&binary, &[], &[("CACHE_WARMING_ENABLED", enabled)]).await;
    let (with, without) = (start("true").await?, start("false").await?);
    let symbols = symbols()?;
    let mut zipf = Zipf::new(symbols.len(), options.skew, 1);
    let mut random = fastrand::Rng::with_seed(1);
    let (begun, span) = (Instant::now(), Duration::from_secs_f64(options.minutes * 60.0));
    let (mut next, mut asked) = (begun, 0_u64);
    while begun.elapsed() < span {
        let symbol = &symbols[zipf.take(1)[0]];
        let path = path(symbol, random.f64());
        let answers = tokio::join!(get(with.address(), &path), get(without.address(), &path));
        answers.0.with_context(|| format!("{symbol} with warming"))?;
        answers.1.with_context(|| format!("{symbol} without warming"))?;
        asked += 1;
        // Requests come at random moments.
        next += Duration::from_secs_f64(-(1.0 - random.f64()).ln() / options.rate);
        sleep_until(next.into()).await;
    }
    let stats = (get(with.address(), "/v1/stats").await?, get(without.address(), "/v1/stats").await?);
    let calls = |stats: &Value| stats["loads"].as_u64().context("no `loads` in /v1/stats");
    let (calls_with, calls_without) = (calls(&stats.0)?, calls(&stats.1)?);
    let report = json!({
        "minutes": options.minutes,
        "requests": asked,
        "symbols": symbols.len(),
        "provider_calls_with_warming": calls_with,
        "provider_calls_without": calls_without,
        "calls_ratio": calls_with as f64 / calls_without as f64,
        "warming": stats.0["warming"],
        "hit_rate_with": stats.0["hit_rate"],
        "hit_rate_without": stats.1["hit_rate"],
    });
    if options.json {
        benches::printed::printed(&serde_json::to_string_pretty(&report)?)?;
    } else {
        println!("{report:#}");
    }
    Ok(ExitCode::SUCCESS)
}

/// The symbols that the replay has: the names of the recorded files.
fn symbols() -> Result<Vec<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the package is in no workspace")?;
    let mut symbols = Vec::new();
    for folder in ["stocknet", "yfinance"] {
        let folder = root.join("crates/market-data/data").join(folder);
        for entry in folder.read_dir().with_context(|| format!("cannot list {}", folder.display()))? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            symbols.extend(name.strip_suffix(".csv").map(str::to_owned));
        }
    }
    symbols.sort();
    ensure!(!symbols.is_empty(), "there are no recorded symbols");
    Ok(symbols)
}

/// What is asked of a symbol: mostly its quote, at times its bars or an indicator.
fn path(symbol: &str, chance: f64) -> String {
    match chance {
        0.0..0.7 => format!("/v1/quotes/{symbol}"),
        0.7..0.9 => format!("/v1/bars/{symbol}"),
        _ => format!("/v1/technical/{symbol}?function=SMA&period=20"),
    }
}
