//! The report for people: a table for each trace, one column a size, then what all say together.

use std::fmt::{self, Display, Formatter};

use crate::{
    Report,
    reference::Reference,
    summary::{Cell, Extreme},
};

/// The report as aligned text.
pub(crate) struct Table<'a>(pub(crate) &'a Report);

impl Display for Table<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let report = self.0;
        for cells in report.cells.chunk_by(|one, other| one.row.trace == other.row.trace) {
            of_trace(f, cells)?;
        }
        for note in &report.notes {
            writeln!(f, "note: {note}")?;
        }
        for left in report.left_out.chunk_by(|one, other| one.trace == other.trace) {
            let sizes: Vec<String> = left.iter().map(|left| left.size.to_string()).collect();
            writeln!(f, "left out: {} at {}: {}", left[0].trace, sizes.join(", "), left[0].why)?;
        }
        if !report.notes.is_empty() || !report.left_out.is_empty() {
            writeln!(f)?;
        }
        summary(f, report)
    }
}

/// Our policies first, then the references in the order of their columns.
fn of_trace(f: &mut Formatter<'_>, cells: &[Cell]) -> fmt::Result {
    let Some(first) = cells.first() else { return Ok(()) };
    writeln!(f, "{}: {} requests, {} keys", first.row.trace, first.requests, first.unique)?;
    let mut columns: Vec<&str> = Vec::new();
    for (column, _) in cells.iter().flat_map(|cell| &cell.row.references) {
        if !columns.contains(&column.as_str()) {
            columns.push(column);
        }
    }
    let names = first.ours.iter().map(|(name, _)| *name).chain(columns.iter().copied());
    let width = names.map(str::len).max().unwrap_or(0).max(7);
    let line = |f: &mut Formatter<'_>, name: &str, texts: Vec<String>| {
        let texts: String = texts.iter().map(|text| format!(" {text:>9}")).collect();
        writeln!(f, "  {name:width$}{texts}")
    };
    line(f, "entries", cells.iter().map(|cell| cell.row.size.to_string()).collect())?;
    for (at, (name, _)) in first.ours.iter().enumerate() {
        line(f, name, cells.iter().map(|cell| ratio(cell.ours[at].1)).collect())?;
    }
    writeln!(f, "  {}", "-".repeat(width + 10 * cells.len()))?;
    for column in columns {
        let texts =
            cells.iter().map(|cell| match cell.row.references.iter().find(|(name, _)| name == column) {
                None | Some((_, Reference::Blank)) => "-".to_owned(),
                Some((_, Reference::Number(number))) => ratio(*number),
                Some((_, Reference::Text(text))) => text.clone(),
            });
        line(f, column, texts.collect())?;
    }
    writeln!(f)
}

fn summary(f: &mut Formatter<'_>, report: &Report) -> fmt::Result {
    let summary = &report.summary;
    writeln!(f, "means, over the cells that have one of {}", summary.cells)?;
    for (name, mean) in summary.mean.ours.iter().chain(&summary.mean.reference) {
        let of = summary.mean.reference_cells.get(name).filter(|of| **of < summary.cells);
        writeln!(f, "  {name:24} {mean:.6}{}", of.map_or(String::new(), |of| format!("  over {of}")))?;
    }
    let demands = &summary.demands;
    let number = |value: Option<f64>| value.map_or("not measured".to_owned(), |value| format!("{value:.1e}"));
    let at = |extreme: &Option<Extreme>| match extreme {
        Some(worst) => format!("{:+.6} ({} at {})", worst.difference, worst.trace, worst.size),
        None => "not measured".to_owned(),
    };
    let signed = |value: Option<f64>| value.map_or("not measured".to_owned(), |value| format!("{value:+.6}"));
    writeln!(f, "\ndemands")?;
    writeln!(
        f,
        "  {}  LRU and FIFO as the references: largest difference {} and {}",
        verdict(demands.lru_and_fifo_exact),
        number(summary.lru_max_diff),
        number(summary.fifo_max_diff)
    )?;
    for (what, near_best, vs_best, near_lru, vs_lru) in [
        (
            "hybrid",
            demands.hybrid_near_best,
            summary.hybrid_vs_best,
            demands.hybrid_near_lru,
            &summary.hybrid_worst_vs_lru,
        ),
        (
            "hybrid as shipped",
            demands.hybrid_as_shipped_near_best,
            summary.hybrid_as_shipped_vs_best,
            demands.hybrid_as_shipped_near_lru,
            &summary.hybrid_as_shipped_worst_vs_lru,
        ),
    ] {
        let (best, lru) = (verdict(near_best), verdict(near_lru));
        writeln!(
            f,
            "  {best}  {what} to the best of ARC, S3-FIFO, W-TinyLFU, on average: {}",
            signed(vs_best)
        )?;
        writeln!(f, "  {lru}  {what} to LRU, at worst: {}", at(vs_lru))?;
    }
    writeln!(
        f,
        "\nttl evicts what dies first; all lives being equal here, it is fifo. {:.0} s",
        report.seconds
    )
}

fn ratio(ratio: f64) -> String {
    format!("{ratio:.6}")
}

fn verdict(passed: Option<bool>) -> &'static str {
    match passed {
        Some(true) => "pass",
        Some(false) => "FAIL",
        None => "none",
    }
}
