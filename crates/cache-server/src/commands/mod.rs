//! The commands that speak to a running service by HTTP, and the check that needs none: one command a file.

mod bench;
mod check;
mod client;
mod events;
mod exit;
mod get;
mod inspect;
mod invalidate;
mod key_names;
mod keys;
mod output;
mod report;
mod stats;
mod top;
mod warm;

use std::process::ExitCode;

use cache_core::Clock;

pub(crate) use self::client::CLIENT_VARIABLES;
use self::exit::{CommandError, CommandResult};
pub use self::{
    bench::BenchArgs,
    check::{CheckArgs, check},
    client::ConnectionArgs,
    events::EventsArgs,
    get::GetArgs,
    inspect::InspectArgs,
    invalidate::InvalidateArgs,
    keys::KeysArgs,
    report::ReportArgs,
    stats::StatsArgs,
    top::TopArgs,
    warm::WarmArgs,
};
use crate::log::print_failure;

/// What exit codes mean, for the help.
pub(crate) const EXIT_CODES: &str = "\
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 refused by the service, 5 service unreachable";

/// A command that speaks to a running service.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum ClientCommand {
    /// Values as a client gets them, with where they came from.
    Get(GetArgs),
    /// What memory and each tier hold of a key.
    Inspect(InspectArgs),
    /// Ends what is named, or marks it stale.
    Invalidate(InvalidateArgs),
    /// Has values loaded beforehand.
    Warm(WarmArgs),
    /// What was counted since the start.
    Stats(StatsArgs),
    /// What was asked for and how it was answered.
    Report(ReportArgs),
    /// The service live.
    Top(TopArgs),
    /// What happens, as it happens.
    Events(EventsArgs),
    /// The keys that match.
    Keys(KeysArgs),
    /// How fast it answers.
    Bench(BenchArgs),
}

impl ClientCommand {
    /// Runs it to its end, and returns the exit code of the process.
    #[must_use]
    pub fn run(self) -> ExitCode {
        let mut runtime = match self {
            // Whoever measures must not be what is slow.
            Self::Bench(_) => tokio::runtime::Builder::new_multi_thread(),
            _ => tokio::runtime::Builder::new_current_thread(),
        };
        let outcome = match runtime.enable_all().build() {
            Ok(runtime) => runtime.block_on(self.carry_out()),
            Err(error) => Err(CommandError::failed(format!("the runtime can't be started: {error}"))),
        };
        ended(outcome)
    }

    async fn carry_out(self) -> CommandResult {
        match self {
            Self::Get(args) => args.run().await,
            Self::Inspect(args) => args.run(Clock::system().now().as_micros() / 1000).await,
            Self::Invalidate(args) => args.run().await,
            Self::Warm(args) => args.run().await,
            Self::Stats(args) => args.run().await,
            Self::Report(args) => args.run().await,
            Self::Top(args) => args.run().await,
            Self::Events(args) => args.run().await,
            Self::Keys(args) => args.run().await,
            Self::Bench(args) => args.run().await,
        }
    }
}

/// Says why a command failed, and returns its exit code.
fn ended(outcome: CommandResult) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(CommandError { exit, message, .. }) => {
            if !message.is_empty() {
                print_failure(&format!("error: {message}"));
            }
            exit.into()
        }
    }
}
