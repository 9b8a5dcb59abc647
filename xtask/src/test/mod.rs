//! `cargo xtask test`: runs every test of the workspace and tells which rule each one holds.

mod outcome;
mod table;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{ChildStdout, Stdio};

use anyhow::{Context, Result};

use self::outcome::Outcome;
use self::table::Table;
use crate::{shell, workspace};

/// Runs every test, and answers whether all passed and every rule due today has one.
///
/// The last line printed is `N passed, N failed`.
///
/// # Errors
/// Fails if cargo cannot be started or its output cannot be read.
pub(crate) fn run(root: &Path, no_services: bool) -> Result<bool> {
    // Not every feature there is: what benchmarks compare with would change features of what is tested.
    let features = workspace::features_of_crates(&workspace::packages(root)?);
    let mut command =
        shell::cargo(root, ["test", "--workspace", "--no-fail-fast", "--features", features.as_str()]);
    shell::show(&command);
    let mut child = command.stdout(Stdio::piped()).spawn().context("cannot start `cargo test`")?;
    let mut outcome = Outcome::default();
    if let Some(stdout) = child.stdout.take() {
        follow(stdout, &mut outcome)?;
    }
    let succeeded = child.wait().context("cannot wait for `cargo test`")?.success();
    Ok(report(&outcome, succeeded, no_services))
}

/// Passes on what cargo prints while reading the tests' names and results from it.
fn follow(stdout: ChildStdout, outcome: &mut Outcome) -> Result<()> {
    let mut reader = BufReader::new(stdout);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).context("cannot read what `cargo test` prints")? > 0 {
        let mut out = std::io::stdout().lock();
        out.write_all(&line).and_then(|()| out.flush()).context("cannot print")?;
        outcome.read(&String::from_utf8_lossy(&line));
        line.clear();
    }
    Ok(())
}

/// Prints the table of rules and the totals, and answers whether all is well.
fn report(outcome: &Outcome, succeeded: bool, no_services: bool) -> bool {
    if !succeeded && outcome.tests().next().is_none() {
        println!("\ncargo test failed before any test ran: see above what did not build");
        println!("0 passed, 1 failed");
        return false;
    }
    let table = Table::of(outcome);
    println!("\n{table}");
    let mut failed = outcome.failed();
    for name in outcome.failed_names() {
        println!("failed: {name}");
    }
    let missing = table.missing();
    if !missing.is_empty() {
        println!("no test holds these rules, each counted as failed: {}", listed(&missing));
        failed += missing.len();
    }
    if !succeeded && outcome.failed() == 0 {
        println!("cargo test failed without naming a test, counted as one: see above what crashed");
        failed += 1;
    }
    if no_services {
        println!("left out for --no-services: nothing, as no test needs a server yet");
    } else {
        println!("no test needs a server yet");
    }
    println!("{} passed, {failed} failed", outcome.passed());
    succeeded && failed == 0
}

fn listed(numbers: &[u32]) -> String {
    numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
}
