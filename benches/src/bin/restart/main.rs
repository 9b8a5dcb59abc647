//! A restart after kill -9 under load: how soon a node hits again, and what that costs its provider.
//!
//! The program runs itself as a node: a cache of memory and disk, a provider that counts, warming whose history
//! is kept on disk, and readers of a Zipf distribution. After a while the node is killed by SIGKILL and started
//! again on the same folder. It fills memory from disk before it says that it is ready. Prints one JSON object
//! with `--json`.

mod node;

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, ExitCode, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use serde_json::{Value, json};

/// Measures a restart.
#[derive(Debug, Parser)]
struct Options {
    /// Print one JSON object and nothing else on standard output.
    #[arg(long)]
    json: bool,
    /// How many seconds the node runs before it is killed.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Run as the node, on this folder.
    #[arg(long, hide = true)]
    node: Option<std::path::PathBuf>,
    /// Forget the history: what a restart is like without a warm start.
    #[arg(long, hide = true)]
    cold: bool,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let options = Options::parse();
    if let Some(folder) = &options.node {
        node::run(folder, !options.cold).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let folder = tempfile::tempdir().context("no temporary folder")?;
    let before = run_node(folder.path(), false, Duration::from_secs(options.seconds))?;
    let after = run_node(folder.path(), false, Duration::from_secs(11))?;
    let cold = run_node(folder.path(), true, Duration::from_secs(11))?;
    let lost = number(&before["hit_ratio"]) - number(&after["first_ten_seconds"]["hit_ratio"]);
    let report = json!({
        "before": before,
        "after": after,
        "after_without_warm_start": cold,
        "hit_ratio_before": before["hit_ratio"],
        "hit_ratio_first_10_s": after["first_ten_seconds"]["hit_ratio"],
        "points_lost": lost * 100.0,
        "provider_calls_for_what_the_disk_held": after["first_ten_seconds"]["loads_of_held_keys"],
        "met": lost <= 0.05 && after["first_ten_seconds"]["loads_of_held_keys"] == json!(0),
    });
    if options.json {
        benches::printed::printed(&serde_json::to_string_pretty(&report)?)?;
    } else {
        println!("{report:#}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs a node for a while, kills it, and returns the last line that it told.
fn run_node(folder: &Path, cold: bool, span: Duration) -> Result<Value> {
    let mut command = Command::new(std::env::current_exe().context("this program has no path")?);
    command.arg("--node").arg(folder).stdin(Stdio::null()).stdout(Stdio::piped());
    if cold {
        command.arg("--cold");
    }
    let mut child = command.spawn().context("the node did not start")?;
    let lines = BufReader::new(child.stdout.take().context("the node has no output")?).lines();
    let mut told = None;
    for line in lines {
        let line: Value = serde_json::from_str(&line?).context("the node told no JSON")?;
        let ran = number(&line["seconds"]);
        told = Some(line);
        if ran >= span.as_secs_f64() {
            break;
        }
    }
    // SIGKILL: nothing is flushed.
    child.kill().context("the node could not be killed")?;
    child.wait().context("the node could not be waited for")?;
    let told = told.context("the node told nothing")?;
    ensure!(number(&told["seconds"]) >= span.as_secs_f64(), "the node ended by itself: {told}");
    Ok(told)
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}
