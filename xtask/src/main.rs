//! The project's own commands: `cargo xtask test`, `tidy`, `ci` and `bench`.

mod bench;
mod ci;
mod rules;
mod shell;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask", about = "The project's own commands.")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Runs every test and prints which rule of behaviour each one holds.
    Test {
        /// Leaves out the tests that need a server, and names what was left out.
        #[arg(long)]
        no_services: bool,
    },
    /// Checks what the compiler does not: crate arrows, file sizes, the map in docs, forbidden words.
    Tidy,
    /// Runs what must pass before a change goes in: format, lints, tests, docs, licences, tidy.
    Ci {
        /// Leaves the tests out.
        #[arg(long)]
        skip_test: bool,
    },
    /// Runs a benchmark in release mode; without a name, lists those there are.
    Bench {
        /// The benchmark, a program of `benches/src/bin`.
        name: Option<String>,
        /// What the benchmark is given, for instance `--json`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
}

fn main() -> ExitCode {
    match run(Cli::parse().task) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Answers whether the task found everything in order.
fn run(task: Task) -> Result<bool> {
    let root = workspace::root()?;
    match task {
        Task::Test { no_services } => test::run(&root, no_services),
        Task::Tidy => tidy::run(&root),
        Task::Ci { skip_test } => ci::run(&root, skip_test),
        Task::Bench { name, args } => bench::run(&root, name.as_deref(), &args),
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::{Cli, Task};

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_benchmark_is_given_what_follows_its_name() {
        let cli = Cli::try_parse_from(["xtask", "bench", "hit", "--json", "--keys", "7"]).unwrap();
        let Task::Bench { name, args } = cli.task else { panic!("not a bench: {cli:?}") };
        assert_eq!(name.as_deref(), Some("hit"));
        assert_eq!(args, ["--json", "--keys", "7"]);
    }
}
