//! `cargo xtask bench all`: runs every benchmark that the docs show, and writes their page.

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::Parser;
use servers::Machine;

use super::document::{PATH, command, page};
use super::programs::PROGRAMS;
use super::record::{FOLDER, Record};
use super::table::Program;
use super::today::today;
use super::{json, program};
use crate::shell;

/// What stands in place of a benchmark's name.
pub(super) const NAME: &str = "all";

/// Runs the benchmarks that the docs show.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench all")]
struct Options {
    /// Keeps what each prints in docs/benchmarks, and writes docs/benchmarks.md anew.
    #[arg(long)]
    write_docs: bool,
    /// Only these, separated by commas; none of them (`--only ""`) writes the page from what is kept.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    only: Option<Vec<String>>,
}

/// Runs them, and returns whether all succeeded. One that fails leaves its record as it was.
///
/// # Errors
/// Fails for arguments that it doesn't know, a name that is no benchmark of the docs, and if records can't be
/// written.
pub(super) fn run(root: &Path, args: &[String]) -> Result<bool> {
    let options = match Options::try_parse_from([NAME].into_iter().chain(args.iter().map(String::as_str))) {
        Ok(options) => options,
        Err(told) if !told.use_stderr() => {
            print!("{told}");
            return Ok(true);
        }
        Err(error) => bail!("{error}"),
    };
    let mut failed = Vec::new();
    for wanted in select(options.only.as_deref())? {
        match measure(root, wanted)? {
            None => failed.push(wanted.name),
            Some(record) if options.write_docs => record.write(root, wanted.name)?,
            Some(record) => println!("{}", record.found),
        }
    }
    if options.write_docs {
        fs::write(root.join(PATH), page(root)?).with_context(|| format!("cannot write {PATH}"))?;
        eprintln!("{PATH} is written from {FOLDER}");
    }
    if !failed.is_empty() {
        eprintln!("failed: {}", failed.join(", "));
    }
    Ok(failed.is_empty())
}

/// Builds a benchmark, so that the time is its own, and runs it; `None` if either failed, which is shown.
fn measure(root: &Path, wanted: &Program) -> Result<Option<Record>> {
    let build = ["build", "--release", "--package", "benches", "--all-features", "--bin", wanted.name];
    if !shell::succeeds(&mut shell::cargo(root, build))? {
        return Ok(None);
    }
    let began = Instant::now();
    let Some(text) = json(program(root, wanted.name).arg("--json").args(wanted.args))? else {
        return Ok(None);
    };
    Ok(Some(Record {
        command: command(wanted),
        date: today()?,
        machine: Machine::this(),
        seconds: began.elapsed().as_secs(),
        found: serde_json::from_str(&text).context("the benchmark's JSON can't be read")?,
    }))
}

/// Returns the benchmarks of these names, in the order of the page.
fn select(only: Option<&[String]>) -> Result<Vec<&'static Program>> {
    let Some(only) = only else { return Ok(PROGRAMS.iter().collect()) };
    let names = || PROGRAMS.iter().map(|program| program.name);
    for name in only.iter().filter(|name| !name.is_empty()) {
        if !names().any(|known| known == name) {
            bail!(
                "`{name}` is no benchmark of the docs. There are: {}",
                names().collect::<Vec<_>>().join(", ")
            );
        }
    }
    Ok(PROGRAMS.iter().filter(|program| only.iter().any(|name| name == program.name)).collect())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::programs;
    use super::*;

    fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
    }

    #[test]
    fn only_what_is_named_runs_and_a_name_that_is_none_lists_those_there_are() {
        let named = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            select(Some(&names))
        };
        let hit: Vec<&str> = named(&["hit"]).unwrap().iter().map(|program| program.name).collect();
        assert_eq!(hit, ["hit"]);
        assert!(named(&[""]).unwrap().is_empty());
        assert_eq!(select(None).unwrap().len(), PROGRAMS.len());
        let unknown = named(&["hti"]).unwrap_err().to_string();
        assert!(
            unknown.starts_with("`hti` is no benchmark of the docs. There are: seeds, load"),
            "{unknown}"
        );
    }

    #[test]
    fn each_benchmark_of_the_docs_is_a_program_and_is_named_once() {
        let known = super::super::programs(root()).unwrap();
        for (at, Program { name, .. }) in programs::PROGRAMS.iter().enumerate() {
            assert!(known.iter().any(|program| program == name), "{name} is no program");
            assert!(
                programs::PROGRAMS[..at].iter().all(|other| other.name != *name),
                "{name} is there twice"
            );
        }
    }
}
