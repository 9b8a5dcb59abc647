//! The command line, and how much of everything it asks for.

use std::{path::PathBuf, time::Duration};

use clap::Parser;

use crate::{measure::rate_search::RateSearch, scenario::Scenario};

/// Loads caches as the model systems' load tests do, and beyond: 1,000 reads at once and more, hit rates, and
/// the highest rate of requests that is borne.
///
/// Without --embedded or --url, three set-ups are loaded one after the other: memory with a disk, with a
/// Redis, and with a Redis and a PostgreSQL. Their servers are private ones, which are started for it and
/// stopped after it. The exit code is 1 if anything failed or a wrong value was read.
#[derive(Clone, Debug, Parser)]
#[command(bin_name = "cargo xtask load", allow_negative_numbers = true)]
pub(crate) struct Options {
    /// Print one JSON object and nothing else on standard output.
    #[arg(long)]
    pub(crate) json: bool,

    /// Load the embedded set-up alone, memory and a disk: it needs no server.
    #[arg(long, conflicts_with = "url")]
    pub(crate) embedded: bool,

    /// Load the cache-server that runs at this URL: values of its own are written there, read, and removed at the
    /// end. The service's token is in the variable CACHE_ACCESS_TOKEN.
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,

    /// Run this scenario alone; may be given several times.
    #[arg(long, value_name = "NAME")]
    pub(crate) only: Vec<Scenario>,

    /// Write a report with plots into this file: one page of HTML that needs nothing else.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,

    /// How often what is started at once is repeated, besides once to warm up.
    #[arg(long, value_name = "NUMBER", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) rounds: u32,

    /// How many connections a service is asked over, with --url.
    #[arg(long, value_name = "NUMBER", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) connections: u32,

    /// How long each rate of open-loop is held; for 100 requests at least.
    #[arg(long, value_name = "SECONDS", default_value_t = 3.0, value_parser = up_to::<3600>)]
    pub(crate) step_seconds: f64,

    /// The latency that 99 of 100 requests of open-loop must stay within, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 10.0, value_parser = up_to::<3_600_000>)]
    pub(crate) limit_ms: f64,

    /// The highest rate that open-loop tries, in requests a second.
    #[arg(long, value_name = "RATE", default_value_t = 1_000_000.0, value_parser = up_to::<1_000_000_000>)]
    pub(crate) max_rate: f64,

    /// Start so many times as many operations at once, over so many times as many keys: 0.01 for a quick look.
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = up_to::<1000>)]
    pub(crate) scale: f64,
}

/// The rate with which open-loop begins.
const FIRST_RATE: f64 = 1000.0;
/// How often open-loop halves the gap between the rate that held and the one that failed.
const REFINEMENTS: u32 = 3;

impl Options {
    /// Returns a number of operations or keys by the scale.
    pub(crate) fn scaled(&self, number: usize) -> usize {
        ((number as f64 * self.scale).round() as usize).max(1)
    }

    pub(crate) fn step(&self) -> Duration {
        Duration::from_secs_f64(self.step_seconds)
    }

    pub(crate) fn search(&self) -> RateSearch {
        RateSearch::new(FIRST_RATE, self.max_rate, REFINEMENTS)
    }
}

/// Reads a number above 0 that is no larger than `MOST`.
fn up_to<const MOST: u64>(text: &str) -> Result<f64, String> {
    let wanted = || format!("give a number above 0, and {MOST} at most");
    text.parse().ok().filter(|number: &f64| *number > 0.0 && *number <= MOST as f64).ok_or_else(wanted)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Options::command().debug_assert();
    }

    #[test]
    fn an_unknown_scenario_is_refused_with_those_there_are() {
        let error = Options::try_parse_from(["load", "--only", "raeds"]).unwrap_err().to_string();
        assert!(error.contains("raeds"), "{error}");
        for scenario in Scenario::chosen(&[]) {
            assert!(error.contains(scenario.name()), "{} in {error}", scenario.name());
        }
    }

    #[test]
    fn a_scale_leaves_at_least_one() {
        let options = Options::parse_from(["load", "--scale", "0.01"]);
        assert_eq!([5000, 100, 1].map(|number| options.scaled(number)), [50, 1, 1]);
        for wrong in ["0", "-1", "nan", "inf", "1001", "x"] {
            let error = Options::try_parse_from(["load", "--scale", wrong]).unwrap_err().to_string();
            assert!(error.contains("above 0, and 1000 at most"), "{wrong}: {error}");
        }
    }
}
