//! `cargo xtask ci`: every step that must pass before a change goes in, with a summary at the end.

use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::{shell, test, tidy};

/// The crates that leave parts of themselves out without their features.
const LEAN: [&str; 4] = ["cache-facade", "cache-memory", "cache-l1-redis", "cache-l2-pg"];

/// How a step ended.
#[derive(Debug, PartialEq, Eq)]
enum Ending {
    Passed,
    Failed,
    /// It was not run, for the reason given.
    LeftOut(&'static str),
}

impl From<bool> for Ending {
    fn from(passed: bool) -> Self {
        if passed { Self::Passed } else { Self::Failed }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => f.write_str("ok"),
            Self::Failed => f.write_str("FAILED"),
            Self::LeftOut(why) => write!(f, "left out: {why}"),
        }
    }
}

/// The steps that ended, with the time each took.
#[derive(Debug, Default)]
struct Steps(Vec<(&'static str, Ending, Duration)>);

impl Steps {
    /// Runs a step; one that cannot be run at all has failed, and the next ones still run.
    fn run(&mut self, name: &'static str, step: impl FnOnce() -> Result<Ending>) {
        println!("\n== {name} ==");
        let began = Instant::now();
        let ending = step().unwrap_or_else(|error| {
            println!("{error:#}");
            Ending::Failed
        });
        self.0.push((name, ending, began.elapsed()));
    }

    fn passed(&self) -> bool {
        self.0.iter().all(|(_, ending, _)| *ending != Ending::Failed)
    }
}

impl fmt::Display for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.0.iter().map(|(name, ..)| name.len()).max().unwrap_or(0);
        for (name, ending, took) in &self.0 {
            writeln!(f, "{name:width$}  {:>7.1} s  {ending}", took.as_secs_f64())?;
        }
        Ok(())
    }
}

/// Runs all steps, whichever fail, and returns whether none failed.
///
/// # Errors
/// Never fails as a whole: a step that cannot be run counts as failed.
pub(crate) fn run(root: &Path, skip_test: bool) -> Result<bool> {
    let mut steps = Steps::default();
    steps.run("fmt", || Ok(shell::succeeds(&mut shell::cargo(root, ["fmt", "--all", "--check"]))?.into()));
    steps.run("clippy, no default features", || clippy(root, Some("--no-default-features")));
    steps.run("clippy, default features", || clippy(root, None));
    steps.run("clippy, all features", || clippy(root, Some("--all-features")));
    steps.run("lean", || lean(root));
    steps.run("test", || {
        if skip_test { Ok(Ending::LeftOut("--skip-test")) } else { Ok(test::run(root, false)?.into()) }
    });
    steps.run("doc", || doc(root));
    steps.run("deny: bans, licences, sources", || deny(root));
    steps.run("deny: advisories", || advisories(root));
    steps.run("tidy", || Ok(tidy::run(root)?.into()));
    println!("\n{steps}");
    Ok(steps.passed())
}

fn clippy(root: &Path, features: Option<&str>) -> Result<Ending> {
    let mut command = shell::cargo(root, ["clippy", "--workspace", "--all-targets"]);
    command.args(features).args(["--", "-D", "warnings"]);
    Ok(shell::succeeds(&mut command)?.into())
}

/// Builds what is left without any feature, alone: in the workspace as a whole the service turns them on. What a
/// part that was left out refuses is tested here, too.
fn lean(root: &Path) -> Result<Ending> {
    let mut clippy = shell::cargo(root, ["clippy", "--no-default-features"]);
    clippy.args(LEAN.map(|name| format!("--package={name}"))).args(["--", "-D", "warnings"]);
    let mut test = shell::cargo(root, ["test", "--no-default-features", "--lib"]);
    test.args(LEAN.map(|name| format!("--package={name}"))).args(["--features", "cache-facade/config"]);
    Ok((shell::succeeds(&mut clippy)? && shell::succeeds(&mut test)?).into())
}

fn doc(root: &Path) -> Result<Ending> {
    let mut command = shell::cargo(root, ["doc", "--no-deps", "--workspace", "--all-features"]);
    Ok(shell::succeeds(command.env("RUSTDOCFLAGS", "-D warnings"))?.into())
}

fn deny(root: &Path) -> Result<Ending> {
    if !has_deny(root)? {
        return Ok(Ending::LeftOut("cargo-deny is not installed"));
    }
    let mut command =
        shell::cargo(root, ["deny", "check", "--hide-inclusion-graph", "bans", "licenses", "sources"]);
    Ok(shell::succeeds(&mut command)?.into())
}

/// Advisories come from a database on the network; without it the step is left out, not failed.
fn advisories(root: &Path) -> Result<Ending> {
    if !has_deny(root)? {
        return Ok(Ending::LeftOut("cargo-deny is not installed"));
    }
    let mut command = shell::cargo(root, ["deny", "check", "advisories"]);
    shell::show(&command);
    let output = command
        .env("GIT_TERMINAL_PROMPT", "0")
        .output()
        .context("cannot start cargo-deny, which is installed")?;
    let said = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
    print!("{said}");
    if !output.status.success() && database_is_missing(&said) {
        return Ok(Ending::LeftOut("the advisory database cannot be fetched"));
    }
    Ok(output.status.success().into())
}

fn has_deny(root: &Path) -> Result<bool> {
    let output =
        shell::cargo(root, ["deny", "--version"]).output().context("cannot ask for cargo-deny's version")?;
    Ok(output.status.success())
}

/// Whether cargo-deny failed for want of its database rather than for an advisory in it.
fn database_is_missing(said: &str) -> bool {
    said.contains("advisory database") && !said.contains("error[")
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::{Ending, Steps, database_is_missing};

    #[test]
    fn every_step_runs_and_one_failure_fails_all() {
        let mut steps = Steps::default();
        steps.run("first", || bail!("no such program"));
        steps.run("second", || Ok(Ending::Passed));
        steps.run("third", || Ok(Ending::LeftOut("not installed")));
        assert!(!steps.passed());
        let summary = steps.to_string();
        let ends: Vec<&str> = summary.lines().filter_map(|line| line.split(" s  ").nth(1)).collect();
        assert_eq!(ends, ["FAILED", "ok", "left out: not installed"]);
    }

    #[test]
    fn a_step_left_out_fails_nothing() {
        let mut steps = Steps::default();
        steps.run("only", || Ok(Ending::LeftOut("not installed")));
        assert!(steps.passed());
    }

    #[test]
    fn an_advisory_is_told_from_a_missing_database() {
        assert!(database_is_missing("[ERROR] failed to fetch advisory database https://example.org"));
        assert!(!database_is_missing("error[vulnerability]: a flaw\n ... see the advisory database"));
    }
}
