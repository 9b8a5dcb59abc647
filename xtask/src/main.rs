//! The project's own commands: `cargo xtask test`, `services`, `tidy`, `ci`, `bench`, `load`, `chaos` and
//! `screenshots`.

mod bench;
mod chaos;
mod ci;
mod load;
mod rules;
mod screenshots;
mod services;
mod shell;
mod test;
mod tidy;
mod workspace;

use std::ffi::OsString;
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
    /// Installs and starts servers, runs every test, and prints which rule of behaviour each one holds.
    Test {
        /// Leaves out the tests that need a server, and names what was left out.
        #[arg(long)]
        no_services: bool,
    },
    /// Installs and starts private Redis and PostgreSQL servers, prints their URLs, and stops them at Ctrl-C.
    Services {
        /// A command to run with the URLs in its environment; the servers stop when it ends.
        #[arg(last = true, value_name = "COMMAND")]
        command: Vec<OsString>,
    },
    /// Checks what the compiler does not: crate arrows, sizes of files and folders, names, the tables in
    /// docs.
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
    /// Loads caches as the model systems' load tests do, and prints what those claim and did beside it.
    #[command(disable_help_flag = true)]
    Load {
        /// What the run is given, for instance `--embedded`, `--url URL` or `--html FILE`; `--help` lists it.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Puts two nodes under load while Redis and PostgreSQL are killed, paused, cut off and restarted, and
    /// counts errors and stale reads.
    Chaos {
        /// What the run is given, for instance `--json` or `--seconds 120`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Takes the pictures of the dashboard in docs/img anew, and prints how long its page keeps a browser busy.
    Screenshots,
}

fn main() -> ExitCode {
    run(Cli::parse().task).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

/// Returns failure if the task found something out of order.
fn run(task: Task) -> Result<ExitCode> {
    let root = workspace::root()?;
    let in_order = match task {
        Task::Test { no_services } => test::run(&root, no_services)?,
        Task::Services { command } => return services::run(&command),
        Task::Tidy => tidy::run(&root)?,
        Task::Ci { skip_test } => ci::run(&root, skip_test)?,
        Task::Bench { name, args } => bench::run(&root, name.as_deref(), &args)?,
        Task::Load { args } => return load::run(&root, &args),
        Task::Chaos { args } => chaos::run(&root, &args)?,
        Task::Screenshots => screenshots::run(&root)?,
    };
    Ok(if in_order { ExitCode::SUCCESS } else { ExitCode::FAILURE })
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

    #[test]
    fn the_load_tests_are_given_all_that_follows_even_help() {
        let cli = Cli::try_parse_from(["xtask", "load", "--help", "--json"]).unwrap();
        let Task::Load { args } = cli.task else { panic!("not load: {cli:?}") };
        assert_eq!(args, ["--help", "--json"]);
    }

    #[test]
    fn servers_run_for_the_command_behind_the_dashes() {
        let cli = Cli::try_parse_from(["xtask", "services", "--", "env", "-i"]).unwrap();
        let Task::Services { command } = cli.task else { panic!("not services: {cli:?}") };
        assert_eq!(command, ["env", "-i"]);
        assert!(Cli::try_parse_from(["xtask", "services", "env"]).is_err());
    }
}
