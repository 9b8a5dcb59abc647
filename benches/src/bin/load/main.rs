//! Load tests: what the model systems' own do, with what those claim and did beside it, and the highest rate
//! that is borne. `docs/guide/load.md` says what is measured and how to read it.
//!
//! All that is started at once is due at the same moment, and what is started at a rate whenever the rate
//! says so: latencies count from then, however late something was begun. Every answer is checked.

mod interrupt;
mod measure;
mod options;
mod progress;
mod report;
mod run;
mod scenario;
mod scenarios;
mod seeds;
mod setup;
mod subject;
#[cfg(test)]
mod tests;
mod workload;

use std::{
    fs,
    io::{self, ErrorKind, Write},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, Result};
use clap::Parser;

use crate::{
    options::Options,
    report::{html, table::Table},
};

/// How long what still runs at the end has to end.
const END: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let options = Options::parse();
    match load(&options) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(errors) => {
            complain(&format!("{errors} errors"));
            ExitCode::FAILURE
        }
        Err(error) => {
            complain(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Says what is wrong, where anybody can be told.
fn complain(what: &str) {
    let _ = writeln!(io::stderr(), "error: {what}");
}

/// Runs all, shows what came of it, and returns how many errors there were.
fn load(options: &Options) -> Result<u64> {
    if let Some(file) = &options.html {
        // Whoever can't have the page is told before anything is measured.
        let can_write = fs::OpenOptions::new().append(true).create(true).open(file);
        can_write.with_context(|| format!("can't write {}", file.display()))?;
    }
    // Removed after everything that writes into it has ended.
    let folder = tempfile::tempdir().context("no temporary folder")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(run::all(options, folder.path()));
    runtime.shutdown_timeout(END);
    let report = ended?;
    let page = match &options.html {
        Some(file) => {
            fs::write(file, html::page(&report)).with_context(|| format!("can't write {}", file.display()))
        }
        None => Ok(()),
    };
    let text =
        if options.json { serde_json::to_string_pretty(&report)? + "\n" } else { Table(&report).to_string() };
    match io::stdout().write_all(text.as_bytes()) {
        // Whoever reads it has read enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
        written => written.context("can't write the report")?,
    }
    page?;
    Ok(report.errors)
}
