//! `cache-server check`: the configuration, and whether what it names answers: tiers, bus and providers.

mod providers;
mod tiers;

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use cache_config::ConfigErrors;
use serde_json::{Value, json};

use super::{
    ended,
    exit::{CommandError, CommandResult, Exit},
    output::{BAD, Cell, DIM, GOOD, Printer, Progress, TextTable, WARN, millis, printable, styled},
};
use crate::config::{Config, ConfigSources};

/// Checks the configuration as a start would, and asks each tier, the bus and each provider that it names.
///
/// No service need run. A provider is asked for one quote, which counts against its quota.
#[derive(Clone, Debug, clap::Args)]
pub struct CheckArgs {
    /// Ask no provider.
    #[arg(long)]
    skip_providers: bool,

    /// Print JSON, for programs.
    #[arg(long)]
    json: bool,
}

/// What came of asking one part.
#[derive(Debug)]
struct Asked {
    name: String,
    took: Duration,
    /// What it is, if it works; or what is wrong, and what to do.
    outcome: Result<String, Trouble>,
}

/// What is wrong with a part, and what to do.
#[derive(Debug)]
struct Trouble {
    what: String,
    remedy: String,
}

impl Trouble {
    fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what: what.into(), remedy: remedy.into() }
    }
}

impl Asked {
    fn since(begun: Instant, name: impl Into<String>, outcome: Result<String, Trouble>) -> Self {
        Self { name: name.into(), took: begun.elapsed(), outcome }
    }

    fn document(&self) -> Value {
        let took = self.took.as_secs_f64() * 1000.0;
        match &self.outcome {
            Ok(what) => json!({ "name": self.name, "ok": true, "took_ms": took, "what": what }),
            Err(Trouble { what, remedy }) => {
                json!({ "name": self.name, "ok": false, "took_ms": took, "error": what, "remedy": remedy })
            }
        }
    }
}

/// Carries a check out, and returns the exit code of the process.
#[must_use]
pub fn check(args: &CheckArgs, sources: &ConfigSources) -> ExitCode {
    let outcome = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => {
            let outcome = runtime.block_on(args.run(sources));
            // What hangs is not waited for.
            runtime.shutdown_background();
            outcome
        }
        Err(error) => Err(CommandError::failed(format!("the runtime can't be started: {error}"))),
    };
    ended(outcome)
}

impl CheckArgs {
    async fn run(&self, sources: &ConfigSources) -> CommandResult {
        let mut output = Printer::new(self.json);
        let config = match sources.read_to_start() {
            Ok(config) => config,
            Err(errors) => return refuse(&mut output, &errors),
        };
        let asked = {
            let _progress = Progress::spinner("asking tiers and providers");
            self.ask(&config).await
        };
        if output.is_json() {
            let parts: Vec<Value> = asked.iter().map(Asked::document).collect();
            let ok = asked.iter().all(|asked| asked.outcome.is_ok());
            output
                .document(&json!({ "ok": ok, "errors": [], "warnings": config.warnings, "parts": parts }))?;
        } else {
            show(&mut output, &config, &asked)?;
        }
        output.flush()?;
        match asked.iter().all(|asked| asked.outcome.is_ok()) {
            true => Ok(()),
            false => Err(CommandError::silent(Exit::Failed)),
        }
    }

    async fn ask(&self, config: &Config) -> Vec<Asked> {
        let mut asked = tiers::ask(config).await;
        if !self.skip_providers {
            asked.extend(providers::ask(config).await);
        }
        asked
    }
}

/// Tells all that is wrong with a configuration.
fn refuse(output: &mut Printer, errors: &ConfigErrors) -> CommandResult {
    let told = errors.to_string();
    if output.is_json() {
        let errors: Vec<&str> = told.lines().collect();
        output.document(&json!({ "ok": false, "errors": errors, "warnings": [], "parts": [] }))?;
        output.flush()?;
        return Err(CommandError::silent(Exit::Failed));
    }
    Err(CommandError::failed(match errors.count() {
        1 => told,
        count => format!("the configuration has {count} errors\n{told}"),
    }))
}

fn show(output: &mut Printer, config: &Config, asked: &[Asked]) -> CommandResult {
    let mut table = TextTable::new(&["part", "state", ">took", "what"]);
    table.row(["configuration".into(), Cell::new(GOOD, "valid"), "".into(), "".into()]);
    for part in asked {
        let took = millis(part.took.as_secs_f64() * 1000.0);
        let (state, what) = match &part.outcome {
            Ok(what) => (Cell::new(GOOD, "works"), Cell::new(DIM, what.as_str())),
            Err(trouble) => (Cell::new(BAD, "fails"), trouble.what.as_str().into()),
        };
        table.row([part.name.as_str().into(), state, took.into(), what]);
    }
    output.table(&table)?;
    for part in asked {
        if let Err(Trouble { remedy, .. }) = &part.outcome {
            let (name, remedy) = (printable(&part.name), printable(remedy));
            output.line(format_args!("{} {remedy}", styled(BAD, format_args!("{name}:"))))?;
        }
    }
    for warning in &config.warnings {
        output.line(format_args!("{} {}", styled(WARN, "warning:"), printable(warning)))?;
    }
    Ok(())
}
