//! What memory the service really takes beside its budget.
//!
//! For each budget a service of its own is started on memory and disk, and given four budgets of an application's
//! values, each under a key of its own, over 16 connections. Its resident memory is read from `/proc` before, in
//! the course of that and after: the anonymous part is heap and stacks, the rest is mapped files. Prints one JSON
//! object with `--json`; `over` is by how much the anonymous part was above the budget at most.

mod filling;

use std::{path::Path, process::ExitCode, time::Duration};

use anyhow::{Context, Result};
use benches::{
    process_memory::ProcessMemory,
    service::{self, Service, get},
};
use clap::Parser;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::filling::fill;

/// Measures the memory of the service.
#[derive(Debug, Parser)]
struct Options {
    /// Print one JSON object and nothing else on standard output.
    #[arg(long)]
    json: bool,
    /// The budgets, in mebibytes, separated by commas.
    #[arg(long, value_name = "MIB", value_delimiter = ',', default_value = "16,64,256,1024")]
    mib: Vec<u64>,
    /// How many budgets of values are put.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=100))]
    times: u64,
    /// How long values are, in bytes; as a rule a budget of 64 MiB has 16,384 of them.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=200_000))]
    value_bytes: Option<u64>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode> {
    let options = Options::parse();
    let binary = service::build()?;
    let mut report = json!({});
    for mib in &options.mib {
        eprintln!("a budget of {mib} MiB");
        report["budgets"][mib.to_string()] =
            measure(&binary, *mib, &options).await.with_context(|| format!("with a budget of {mib} MiB"))?;
    }
    if options.json {
        benches::printed::printed(&serde_json::to_string_pretty(&report)?)?;
    } else {
        println!("{report:#}");
    }
    Ok(ExitCode::SUCCESS)
}

async fn measure(binary: &Path, mib: u64, options: &Options) -> Result<Value> {
    let budget = mib << 20;
    let value_bytes = options.value_bytes.unwrap_or_else(|| (budget / 16_384).clamp(1024, 64 << 10));
    let flags = [format!("--memory-mib={mib}"), "--log=error".to_owned()];
    let service = Service::start(binary, &flags.each_ref().map(String::as_str), &[]).await?;
    let pid = service.pid();
    let before = ProcessMemory::of(pid)?;
    let filling = fill(service.address(), budget * options.times / value_bytes, value_bytes);
    let mut most = before;
    let mut filling = std::pin::pin!(filling);
    let puts_per_second = loop {
        tokio::select! {
            rate = &mut filling => break rate?,
            () = sleep(Duration::from_millis(100)) => most = most.max(ProcessMemory::of(pid)?),
        }
    };
    sleep(Duration::from_secs(5)).await;
    let after = ProcessMemory::of(pid)?;
    most = most.max(after);
    let stats = get(service.address(), "/v1/stats").await?;
    let memory = &stats["memory"];
    Ok(json!({
        "budget": budget,
        "value_bytes": value_bytes,
        "entries": memory["entries"],
        "weight": memory["weight"],
        "disk_bytes": stats["disk"]["bytes_on_disk"],
        "before": before,
        "most": most,
        "after": after,
        "over": most.anonymous.saturating_sub(budget),
        "by_budget": most.anonymous as f64 / budget as f64,
        "puts_per_second": puts_per_second,
    }))
}
