//! What warming is worth on recorded demand: hits for keys fetched, and hits for calls made.
//!
//! Values live five minutes. Each file of demand is replayed on a real cache with real warming, on a manual
//! clock: the last trading days are scored, each beginning with an empty cache, and what came before is shown
//! to the warming first. *By the key*: at each boundary of a life at most K keys are fetched. *By the call*:
//! calls carry up to 50 keys; misses cause calls that are filled up, and with a plan calls are made that save
//! several. All figures of keys and calls are relative to those without warming. Prints one JSON object with
//! `--json`; whether the demands are met is said in it and leaves the exit status alone.

mod baselines;
mod demand;
mod hit;
mod replay;
mod report;

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::Parser;

use crate::{demand::Demand, report::Report};

/// Traces of a web site and of an application's objects, of which co-access alone is measured: they have an order,
/// and no times.
const TRACES: [&str; 2] = ["web12.txt.gz", "orm-busy-1m.txt.gz"];
const MOST_OF_A_TRACE: usize = 40_000;

/// Measures warming.
#[derive(Debug, Parser)]
struct Options {
    /// Print one JSON object and nothing else on standard output.
    #[arg(long)]
    json: bool,
    /// A folder with demand, `NAME.csv` or `NAME.csv.gz`, a line a request: `second,key`, or `second,key,count`.
    /// By default `../shared/data/warming` beside the workspace.
    #[arg(long, value_name = "DIR", env = "CACHE_WARMING_DATA_DIR")]
    data: Option<PathBuf>,
    /// Only files whose name contains this.
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
    /// How many trading days are scored. By default five, or a fifth of them if that is more.
    #[arg(long, value_name = "DAYS")]
    days: Option<usize>,
    /// Leave the frontier out, which takes most of the time.
    #[arg(long)]
    no_frontier: bool,
}

fn main() -> Result<ExitCode> {
    let options = Options::parse();
    let folder = match options.data {
        Some(folder) => folder,
        None => beside_the_workspace()?,
    };
    let mut report = Report::default();
    report.measure_hit()?;
    for path in demand::files(&folder)? {
        if !path.to_string_lossy().contains(&options.only) {
            continue;
        }
        let demand = Demand::read(&path, options.days)?;
        eprintln!("{}: {} requests of {} keys", demand.name, demand.asked.len(), demand.keys.len());
        report.measure(&demand, !options.no_frontier)?;
    }
    for name in TRACES {
        if !name.contains(&options.only) {
            continue;
        }
        let demand = Demand::read_trace(&traces().join(name), MOST_OF_A_TRACE)?;
        eprintln!("{}: {} requests of {} keys", demand.name, demand.asked.len(), demand.keys.len());
        report.measure_together(&demand)?;
    }
    if options.json {
        benches::printed::printed(&serde_json::to_string_pretty(&report.to_json())?)?;
    } else {
        report.print();
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the folder of the traces that the benchmarks come with.
fn traces() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data/traces")
}

fn beside_the_workspace() -> Result<PathBuf> {
    let package = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let root =
        package.parent().and_then(|root| root.parent()).context("the workspace has no folder around it")?;
    Ok(root.join("shared/data/warming"))
}
