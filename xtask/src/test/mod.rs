//! `cargo xtask test`: starts servers, runs every test of the workspace, tells which rule each one holds.

mod hung;
mod left_out;
mod outcome;
mod table;

use std::env;
use std::io::Write;
use std::num::NonZero;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread::available_parallelism;

use anyhow::{Context, Result};

use self::hung::{Lines, Next, SILENCE, kill_programs_of};
use self::left_out::LeftOut;
use self::outcome::Outcome;
use self::table::Table;
use crate::services::Services;
use crate::shell;
use crate::workspace::{self, Package, Target};

/// How many tests of a program run at once, as its harness is told.
const TEST_THREADS: &str = "RUST_TEST_THREADS";

/// Of the time of one test a core, near half went to waiting for servers, disks and browsers.
const THREADS_PER_CORE: usize = 2;

/// Runs every test, and returns whether all passed and every rule has one.
///
/// Private servers run meanwhile, unless `no_services` is set: then the tests that need them are left out
/// and named. The last line printed is `N passed, N failed`.
///
/// # Errors
/// Fails if cargo cannot be started or its output cannot be read, and if a server cannot be started.
pub(crate) fn run(root: &Path, no_services: bool) -> Result<bool> {
    let packages = workspace::packages(root)?;
    let services = if no_services { None } else { services_for(&packages)? };
    let features = workspace::features_of_tests(&packages, services.is_some());
    let mut command =
        shell::cargo(root, ["test", "--workspace", "--no-fail-fast", "--features", features.as_str()]);
    shell::show(&command);
    command.envs(services.iter().flat_map(Services::variables));
    if env::var_os(TEST_THREADS).is_none() {
        command.env(TEST_THREADS, (THREADS_PER_CORE * cores()).to_string());
    }
    let mut child = command.stdout(Stdio::piped()).spawn().context("cannot start `cargo test`")?;
    let mut outcome = Outcome::default();
    follow(&mut child, &mut outcome)?;
    let succeeded = child.wait().context("cannot wait for `cargo test`")?.success();
    let (servers, left_out) = match services {
        Some(services) => (format!("with servers of its own, now stopped: {services}"), LeftOut::default()),
        None if no_services => {
            let left_out = LeftOut::of(&packages)?;
            (format!("left out for --no-services: {left_out}"), left_out)
        }
        None => ("no test needs a server".to_owned(), LeftOut::default()),
    };
    Ok(report(&outcome, succeeded, &left_out, &servers))
}

/// The servers, if any test needs them.
fn services_for(packages: &[Package]) -> Result<Option<Services>> {
    if !packages.iter().flat_map(|package| &package.targets).any(Target::is_served_test) {
        return Ok(None);
    }
    let services = Services::start();
    services.map(Some).context("no servers for the tests that need them (--no-services leaves those out)")
}

/// Passes on what cargo prints while reading the tests' names and results from it. Ends a test program that hangs.
fn follow(child: &mut Child, outcome: &mut Outcome) -> Result<()> {
    let Some(stdout) = child.stdout.take() else { return Ok(()) };
    let lines = Lines::of(stdout);
    loop {
        match lines.next(SILENCE)? {
            Next::Line(line) => {
                let mut out = std::io::stdout().lock();
                out.write_all(&line).and_then(|()| out.flush()).context("cannot print")?;
                outcome.read(&String::from_utf8_lossy(&line));
            }
            // While cargo builds it prints nothing here either.
            Next::Silence if outcome.is_slow() => {
                let hung = outcome.fail_the_slow().join(", ");
                println!(
                    "nothing was printed for {} min: killed with its program: {hung}",
                    SILENCE.as_secs() / 60
                );
                kill_programs_of(child);
            }
            Next::Silence => {}
            Next::End => return Ok(()),
        }
    }
}

/// Prints the table of rules and the totals, and returns whether all is well.
fn report(outcome: &Outcome, succeeded: bool, left_out: &LeftOut, servers: &str) -> bool {
    if !succeeded && outcome.tests().next().is_none() {
        println!("\ncargo test failed before any test ran: see above what did not build");
        println!("0 passed, 1 failed");
        return false;
    }
    let table = Table::of(outcome, left_out);
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
    println!("{servers}");
    println!("{} passed, {failed} failed", outcome.passed());
    succeeded && failed == 0
}

fn cores() -> usize {
    available_parallelism().map_or(1, NonZero::get)
}

fn listed(numbers: &[u32]) -> String {
    numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
}
