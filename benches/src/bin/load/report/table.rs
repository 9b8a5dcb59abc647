//! A report as a table for people, 80 columns wide.

use std::fmt::{self, Display, Formatter};

use super::{
    Report, SetupReport,
    row::{FIGURES, LimitedBy, OpenLoopRow, Row, StepRow},
    units::{count, percent, rate, time},
};
use crate::seeds::{SeedFigures, Seeds};

/// How wide a line may be.
const WIDTH: usize = 80;

/// Shows a report.
pub(crate) struct Table<'a>(pub(crate) &'a Report);

impl Display for Table<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Report { date, machine, command, errors, .. } = self.0;
        writeln!(f, "{command}")?;
        wrapped(f, "", &format!("{date}  {machine}"))?;
        for setup in &self.0.setups {
            show(f, setup)?;
        }
        writeln!(f, "\nerrors: {}", count(*errors))
    }
}

fn line(f: &mut Formatter<'_>, name: &str, figures: [&str; FIGURES.len()]) -> fmt::Result {
    let [rate, rest @ ..] = figures;
    write!(f, "{name:23}{rate:>9}")?;
    rest.iter().try_for_each(|figure| write!(f, "{figure:>8}"))?;
    writeln!(f)
}

fn show(f: &mut Formatter<'_>, setup: &SetupReport) -> fmt::Result {
    writeln!(f)?;
    wrapped(f, "", &format!("{}: {}", setup.name, setup.parts()))?;
    if !setup.scenarios.is_empty() {
        line(f, "scenario", FIGURES)?;
    }
    for row in &setup.scenarios {
        line(f, &row.title(), row.figures().each_ref().map(String::as_str))?;
        wrapped(f, "  ", &what(row))?;
        if let Some(found) = &row.open_loop {
            show_steps(f, found)?;
        }
        for line in beside(&row.seeds) {
            wrapped(f, "  ", &line)?;
        }
        if row.errors > 0 {
            let why = row.first_error.as_deref().unwrap_or("not told why");
            wrapped(f, "  ", &format!("ERRORS: {}, the first: {why}", count(row.errors)))?;
        }
    }
    for left_out in &setup.left_out {
        wrapped(f, "", &format!("left out: {}, since {}", left_out.scenario, left_out.why))?;
    }
    for failed in &setup.failed {
        wrapped(f, "", &format!("FAILED: {}", failed.told()))?;
    }
    Ok(())
}

/// What was done, and who answered.
pub(super) fn what(row: &Row) -> String {
    let keys = count(row.keys as u64);
    let mut parts = Vec::new();
    match (&row.open_loop, row.at_once) {
        (Some(_), _) => parts.push(format!("at fixed rates over {keys} keys")),
        (None, Some(at_once)) if at_once > 1 => {
            let took = row.took_ms.map_or(String::new(), |took| format!(", all in {}", time(took)));
            parts.push(format!("{} x {} at once over {keys} keys{took}", row.rounds, count(at_once as u64)));
        }
        (None, Some(1)) if row.keys_per_operation == 1 => {
            parts.push(format!("{} x 1 over {keys} keys", row.rounds));
        }
        _ => {
            let each = row.keys_per_operation;
            parts.push(format!("{} of {each} keys each, one after the other", count(row.operations)));
        }
    }
    if !row.answered_by.is_empty() {
        let all: u64 = row.answered_by.values().sum();
        let shares = row.answered_by.iter().map(|(by, reads)| match *reads == all {
            true => by.clone(),
            false => format!("{by} {}", percent(*reads as f64 / all as f64)),
        });
        parts.push(format!("by {}", shares.collect::<Vec<_>>().join(", ")));
    }
    if let Some(calls) = row.provider_calls {
        let warming = row.warming_calls.filter(|calls| *calls > 0.0);
        let warming = warming.map(|calls| format!(", {calls:.1} by warming before")).unwrap_or_default();
        parts.push(format!("{calls:.1} calls to the provider a round{warming}"));
    }
    parts.join("; ")
}

fn show_steps(f: &mut Formatter<'_>, found: &OpenLoopRow) -> fmt::Result {
    wrapped(f, "  ", &format!("{}:", verdict(found)))?;
    for step in &found.steps {
        let line = format!(
            "    {:>11}/s  {:5}  p99 {:>8}  started late p99 {:>8}{}",
            rate(step.rate),
            if step.holds { "holds" } else { "fails" },
            time(step.p99_ms),
            time(step.started_late_p99_ms),
            amiss(step)
        );
        wrapped(f, "", &line)?;
    }
    Ok(())
}

/// What was found of all rates.
pub(super) fn verdict(found: &OpenLoopRow) -> String {
    let limit = time(found.limit_ms);
    let line = match found.highest_rate {
        Some(highest) => {
            format!("up to {}/s all are answered rightly, 99 of 100 within {limit}", rate(highest))
        }
        None => format!("at no rate were all answered rightly, 99 of 100 within {limit}"),
    };
    let why = match found.limited_by {
        Some(LimitedBy::Client) => ", and then it was the client that gave in",
        Some(LimitedBy::MaxRate) => ", the highest rate that was to be tried",
        Some(LimitedBy::Subject) | None => "",
    };
    format!("{line}{why}; each rate went on for {} s and 100 requests at least", found.step_seconds)
}

/// What else was amiss at a rate.
pub(super) fn amiss(step: &StepRow) -> String {
    let mut line = String::new();
    if step.unanswered > 0 {
        line += &format!("  unanswered {}", count(step.unanswered));
    }
    if step.errors > 0 {
        let first = step.first_error.as_deref().unwrap_or("not told why");
        line += &format!("  errors {}, the first: {first}", count(step.errors));
    }
    line
}

/// What the seeds claim, and what they did.
pub(super) fn beside(seeds: &Seeds) -> Vec<String> {
    let told = |what: &str, figures: &SeedFigures| format!("{what} {}", figures_in_words(figures));
    let claimed = seeds.claimed.as_ref().map(|figures| told("seeds claim:", figures));
    let measured = seeds.measured.as_ref().map(|figures| told("seeds, run: ", figures));
    let note = seeds.note.map(|note| format!("seeds: {note}"));
    claimed.into_iter().chain(measured).chain(note).collect()
}

fn figures_in_words(figures: &SeedFigures) -> String {
    let SeedFigures { took_ms, p50_ms, throughput, answered, hit_rate } = figures;
    let parts = [
        took_ms.map(|[from, to]| format!("took {from} to {to} ms")),
        p50_ms.map(|p50| format!("p50 {p50} ms")),
        throughput.map(|throughput| format!("{}/s", rate(throughput))),
        answered.map(|answered| format!("{} answered", count(answered))),
        hit_rate.map(|share| format!("hit rate {}", percent(share))),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Writes a text in as many lines as it needs.
fn wrapped(f: &mut Formatter<'_>, indent: &str, text: &str) -> fmt::Result {
    let mut line = indent.to_owned();
    // Leading and double spaces are kept: they align.
    for word in text.split_inclusive(' ') {
        let width = line.chars().count() + word.trim_end().chars().count();
        if width > WIDTH && line.trim() != "" {
            writeln!(f, "{}", line.trim_end())?;
            line = format!("{indent}  ");
        }
        line += word;
    }
    writeln!(f, "{}", line.trim_end())
}
