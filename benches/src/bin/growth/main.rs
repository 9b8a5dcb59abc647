//! How what the cache does grows with what it holds: whether anything costs more than it should, or holds somebody
//! up, at 10 to 10,000,000 of something.
//!
//! Each figure is measured at several sizes. Of a cost the slope of its logarithm by that of the size is told:
//! its `exponent` is at most 1.1 where work grows with size, and at most 0.1 where it should not. Where a hash
//! table of the standard library has the same cost of memory that is far away, that is measured beside it, and
//! the exponent is of the ratio. Of what goes on beside others it is told for how long it held one of them up at
//! most, `pause_ms`: of several runs the least, since the machine's own pauses do not come back. What is missed
//! is named.
//! Prints one JSON object with `--json`, and draws a plot of each part into a folder with `--plots`.

mod figures;
mod parts;
mod pause;
mod plots;

use std::{fs, path::PathBuf, process::ExitCode, time::Instant};

use anyhow::{Context, Result};
use clap::Parser;
use serde_json::{Value, json};

use crate::{
    figures::{Figures, missed},
    parts::Part,
};

/// Measures how costs grow.
#[derive(Debug, Parser)]
struct Options {
    /// Print one JSON object and nothing else on standard output.
    #[arg(long)]
    json: bool,
    /// Only these parts, separated by commas.
    #[arg(long, value_enum, value_name = "NAMES", value_delimiter = ',')]
    only: Vec<Part>,
    /// The largest size of any part: what would be larger is left out.
    #[arg(long, default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(100..))]
    largest: u64,
    /// A folder that a plot of each part is written to, as SVG.
    #[arg(long, value_name = "FOLDER")]
    plots: Option<PathBuf>,
}

fn main() -> Result<ExitCode> {
    let options = Options::parse();
    let began = Instant::now();
    let mut report = json!({ "largest": options.largest });
    for part in Part::ALL.into_iter().filter(|part| options.only.is_empty() || options.only.contains(part)) {
        let figures =
            part.measure(options.largest).with_context(|| format!("{part} could not be measured"))?;
        if let Some(folder) = &options.plots {
            draw(folder, part, &figures)?;
        }
        report[part.name()] = figures.report();
        eprintln!("{part}: {:.0} s since the start", began.elapsed().as_secs_f64());
    }
    report["missed"] = missed(&report).into();
    report["seconds"] = (began.elapsed().as_secs_f64().round() as u64).into();
    if options.json {
        benches::printed::printed(&report)?;
    } else {
        print_table(&report);
    }
    Ok(ExitCode::SUCCESS)
}

fn draw(folder: &std::path::Path, part: Part, figures: &Figures) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    for (name, svg) in plots::of(part, figures) {
        let path = folder.join(name);
        fs::write(&path, svg).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Prints each figure on a line, with the bound that it misses.
fn print_table(report: &Value) {
    let Some(parts) = report.as_object() else { return };
    for (part, figures) in parts.iter().filter_map(|(part, figures)| Some((part, figures.as_object()?))) {
        println!("{part}");
        for (what, figure) in figures {
            let member = |name: &str| figure.get(name).and_then(Value::as_f64);
            let told = ["exponent", "pause_ms", "share"].into_iter().find_map(|kind| {
                let value = member(kind)?;
                let most = member(&format!("{kind}_at_most")).map(|most| format!("at most {most}"));
                let least = member(&format!("{kind}_at_least")).map(|least| format!("at least {least}"));
                Some(format!("{kind} {value} ({})", most.or(least).unwrap_or_default()))
            });
            println!("  {:34} {:46} {}", what.replace('_', " "), told.unwrap_or_default(), figure["costs"]);
        }
    }
    println!("missed: {}", report["missed"]);
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Options;

    #[test]
    fn the_command_line_is_well_formed() {
        Options::command().debug_assert();
    }
}
