//! What was measured, where, and by what command.

pub(crate) mod html;
mod plot;
pub(crate) mod row;
pub(crate) mod table;
pub(crate) mod units;

use serde::Serialize;
use servers::Machine;

use self::{row::Row, units::printable};
use crate::{options::Options, setup::ServerVersion};

/// All of a run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    /// When it began, in UTC.
    pub(crate) date: String,
    pub(crate) version: &'static str,
    /// How to run it again.
    pub(crate) command: String,
    pub(crate) scale: f64,
    pub(crate) machine: Machine,
    pub(crate) setups: Vec<SetupReport>,
    /// Errors of all scenarios together, and what could not be run to its end.
    pub(crate) errors: u64,
}

/// What was measured on one set-up.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SetupReport {
    pub(crate) name: String,
    /// What is asked, in this order.
    pub(crate) tiers: Vec<String>,
    pub(crate) servers: Vec<ServerVersion>,
    pub(crate) scenarios: Vec<Row>,
    pub(crate) left_out: Vec<LeftOut>,
    pub(crate) failed: Vec<NotRun>,
}

/// What could not be run to its end.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct NotRun {
    /// `None` for what comes before and after the scenarios.
    pub(crate) scenario: Option<&'static str>,
    pub(crate) why: String,
}

/// A scenario that was not run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LeftOut {
    pub(crate) scenario: &'static str,
    pub(crate) why: &'static str,
}

impl Report {
    /// Returns the report on these set-ups, made now, on this machine.
    pub(crate) fn new(options: &Options, setups: Vec<SetupReport>) -> Self {
        let now = cache_core::Clock::system().now().as_micros();
        let date =
            jiff::Timestamp::from_microsecond(now).map(|date| format!("{date:.0}")).unwrap_or_default();
        let of_setup = |setup: &SetupReport| {
            setup.scenarios.iter().map(|row| row.errors).sum::<u64>() + setup.failed.len() as u64
        };
        Self {
            date,
            version: env!("CARGO_PKG_VERSION"),
            command: command(std::env::args_os().skip(1).map(|arg| arg.to_string_lossy().into_owned())),
            scale: options.scale,
            machine: Machine::this(),
            errors: setups.iter().map(of_setup).sum(),
            setups,
        }
    }
}

impl SetupReport {
    /// Returns the report of a set-up on which nothing was run yet.
    pub(crate) fn new(name: &str) -> Self {
        let (tiers, servers, scenarios, left_out, failed) = Default::default();
        Self { name: name.to_owned(), tiers, servers, scenarios, left_out, failed }
    }

    /// Notes what could not be run to its end.
    pub(crate) fn note_failure(&mut self, scenario: Option<&'static str>, why: &str) {
        self.failed.push(NotRun { scenario, why: printable(why) });
    }

    /// Returns its tiers and servers in a line.
    fn parts(&self) -> String {
        let servers = self.servers.iter().map(|server| format!("{} {}", server.name, server.version));
        let parts: Vec<_> =
            [self.tiers.join(", ")].into_iter().chain(servers).filter(|part| !part.is_empty()).collect();
        parts.join("; ")
    }
}

impl NotRun {
    /// Returns what it was and why, in a line.
    fn told(&self) -> String {
        self.scenario.map_or_else(|| self.why.clone(), |scenario| format!("{scenario}: {}", self.why))
    }
}

/// Returns the command as one would type it.
fn command(args: impl Iterator<Item = String>) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_=./:@%+,".contains(letter);
    args.fold("cargo xtask load".to_owned(), |command, arg| {
        if !arg.is_empty() && arg.chars().all(is_plain) {
            format!("{command} {arg}")
        } else {
            format!("{command} '{}'", arg.replace('\'', r"'\''"))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::command;

    #[test]
    fn a_command_can_be_typed_again() {
        let args = ["--only", "open-loop", "--html", "a b's.html"].map(str::to_owned);
        assert_eq!(command(args.into_iter()), r"cargo xtask load --only open-loop --html 'a b'\''s.html'");
    }
}
