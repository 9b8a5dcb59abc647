//! `cargo xtask load`: loads caches as the model systems' load tests do, by the program `load` of the benchmarks.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::{services, shell};

/// Runs it with `args`, and returns its exit code. A signal is left to it: it stops the servers that it started.
///
/// # Errors
/// Fails if cargo can't be started.
pub(crate) fn run(root: &Path, args: &[String]) -> Result<ExitCode> {
    let signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("cannot wait for signals")?;
    let mut command = shell::cargo(root, ["run", "--release", "--package", "benches", "--bin", "load", "--"]);
    // A relative path among the arguments means what it means to the caller.
    command.args(args).current_dir(std::env::current_dir().context("cannot tell the current folder")?);
    services::run_with(&mut command, signals)
}
