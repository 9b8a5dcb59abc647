//! What memory a cache really takes beside its budget, by eviction policy.
//!
//! For each policy this program starts itself anew, so that each begins with a fresh heap. There a
//! cache with only memory is filled many times over by two threads, with values whose lengths are
//! spread evenly by their logarithm, and resident memory is read from `/proc` every 100,000 puts.
//! Then all lives end, a sweep has to reclaim everything unread, and memory is read once more.
//! Prints one JSON object with `--json`; `worst_growth_ratio` is the most that memory grew under any
//! policy, in budgets.

mod churn;

use std::{
    env,
    ops::RangeInclusive,
    process::{Command, ExitCode, Stdio},
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use cache_facade::Eviction;
use clap::Parser;
use serde_json::json;

use crate::churn::{Found, Plan};

/// Measures memory.
#[derive(Debug, Parser)]
struct Options {
    /// Print one JSON object and nothing else on standard output.
    #[arg(long)]
    json: bool,
    /// The budget, in mebibytes.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    mib: u64,
    /// How many puts both threads make together.
    #[arg(long, default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    puts: u64,
    /// The lengths of values, in bytes.
    #[arg(long, value_name = "MIN..MAX", default_value = "16..4096", value_parser = lengths)]
    value_bytes: RangeInclusive<u32>,
    /// Only these policies, separated by commas.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    policies: Vec<Eviction>,
    /// Run this one policy in this very process.
    #[arg(long, hide = true)]
    here: Option<Eviction>,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    if let Some(eviction) = options.here {
        let plan =
            Plan { budget: options.mib << 20, puts: options.puts, value_bytes: options.value_bytes.clone() };
        println!("{}", serde_json::to_string(&churn::run(eviction, &plan)?)?);
        return Ok(());
    }
    let began = Instant::now();
    let mut runs = Vec::new();
    for eviction in Eviction::ALL {
        if options.policies.is_empty() || options.policies.contains(&eviction) {
            eprintln!("{eviction}: {} puts", options.puts);
            let found =
                elsewhere(eviction, options).with_context(|| format!("the run of {eviction} failed"))?;
            runs.push((eviction, found));
        }
    }
    let worst = runs.iter().filter_map(|(_, found)| found.growth_ratio).reduce(f64::max);
    let seconds = began.elapsed().as_secs_f64();
    if options.json {
        let policies: serde_json::Map<_, _> =
            runs.iter().map(|(eviction, found)| (eviction.to_string(), json!(found))).collect();
        let report = json!({
            "budget": options.mib << 20,
            "puts": options.puts,
            "value_bytes": [options.value_bytes.start(), options.value_bytes.end()],
            "policies": policies,
            "worst_growth_ratio": worst,
            "note": worst.is_none().then_some(UNKNOWN),
            "seconds": seconds,
        });
        benches::printed::printed(&report)?;
    } else {
        print_table(options, &runs);
        match worst {
            Some(worst) => println!("worst growth {worst:.3} of the budget, {seconds:.0} s"),
            None => println!("{UNKNOWN}, {seconds:.0} s"),
        }
    }
    Ok(())
}

/// Said where there is no `/proc`.
const UNKNOWN: &str = "resident memory isn't available: this system has no /proc/self/status";

/// Runs one policy in a process of its own.
fn elsewhere(eviction: Eviction, options: &Options) -> Result<Found> {
    let (least, most) = (options.value_bytes.start(), options.value_bytes.end());
    let output = Command::new(env::current_exe().context("cannot tell this program's own file")?)
        .args(["--here", eviction.as_str(), "--value-bytes", &format!("{least}..{most}")])
        .args(["--mib", &options.mib.to_string(), "--puts", &options.puts.to_string()])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start this program anew")?;
    ensure!(output.status.success(), "its process ended with {}", output.status);
    serde_json::from_slice(&output.stdout).context("its process answered something else than expected")
}

/// Both ends are included.
fn lengths(text: &str) -> Result<RangeInclusive<u32>> {
    let ends =
        text.split_once("..").and_then(|(least, most)| Some((least.parse().ok()?, most.parse().ok()?)));
    let (least, most): (u32, u32) = ends.context("write two whole numbers as in 16..4096")?;
    ensure!(0 < least && least <= most && most <= 1 << 20, "from 1 to 1048576, the smaller one first");
    Ok(least..=most)
}

fn print_table(options: &Options, runs: &[(Eviction, Found)]) {
    let mib = |bytes: u64| format!("{:.1}", bytes as f64 / f64::from(1 << 20));
    let known = |bytes: Option<u64>| bytes.map_or("-".to_owned(), mib);
    println!(
        "budget {} MiB, {} puts of {} to {} bytes; in MiB where nothing else is said",
        options.mib,
        options.puts,
        options.value_bytes.start(),
        options.value_bytes.end()
    );
    println!(
        "{:8}{:>9}{:>9}{:>9}{:>9}{:>9}{:>10}{:>9}{:>9}{:>7}",
        "", "weight", "growth", "at most", "ratio", "entries", "puts/s", "swept", "left", "growth"
    );
    for (eviction, found) in runs {
        println!(
            "{:8}{:>9}{:>9}{:>9}{:>9}{:>9}{:>10.0}{:>9}{:>9}{:>7}",
            eviction.as_str(),
            mib(found.weight),
            known(found.rss_growth),
            known(found.rss_max_growth),
            found.growth_ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.3}")),
            found.entries,
            found.puts_per_second,
            found.swept,
            found.entries_after_sweep,
            known(found.rss_growth_after_sweep)
        );
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::{Options, lengths};

    #[test]
    fn the_command_line_is_well_formed() {
        Options::command().debug_assert();
    }

    #[test]
    fn a_range_of_lengths_is_two_numbers() {
        assert_eq!(lengths("16..64").unwrap(), 16..=64);
        assert_eq!(lengths("7..7").unwrap(), 7..=7);
        for text in ["", "16", "16..", "..64", "64..16", "0..4", "1..1048577", "a..b", "-1..4"] {
            assert!(lengths(text).is_err(), "{text:?}");
        }
    }
}
