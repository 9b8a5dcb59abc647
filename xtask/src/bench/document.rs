//! `docs/benchmarks.md`: written from the records of benchmarks alone, no figure by hand.

use std::cmp::Ordering;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use serde_json::Value;

use super::programs::PROGRAMS;
use super::record::Record;
use super::table::{Column, Figure, Program, Shown, Table, find};

/// The document, from the root.
pub(crate) const PATH: &str = "docs/benchmarks.md";

const BEGINNING: &str = "# Benchmarks

Every figure on this page is what a command printed: `cargo xtask bench all --write-docs` runs them all and writes the
page anew, `--only NAME` those that are named. What each printed in whole is in [benchmarks](benchmarks). Machines are small
and noisy, so a speed is compared with a peer that was measured in the same run, and says little by itself. The model systems are the
Python services whose caches this one does the work of; they were run on another machine of two cores.
";

/// Writes the page from the records that there are.
///
/// # Errors
/// Fails for a record that can't be read.
pub(crate) fn page(root: &Path) -> Result<String> {
    let mut recorded = Vec::new();
    for program in PROGRAMS {
        recorded.push((program, Record::read(root, program.name)?));
    }
    Ok(document(&recorded))
}

fn document(recorded: &[(&Program, Option<Record>)]) -> String {
    let mut page = BEGINNING.to_owned();
    let known = || recorded.iter().filter_map(|(program, record)| Some((*program, record.as_ref()?)));
    claims(&mut page, known());
    misses(&mut page, known());
    for (program, record) in recorded {
        let _ = writeln!(page, "\n## {}\n\n{}", program.title, program.about);
        let Some(record) = record else {
            let _ = writeln!(page, "\nNot measured yet: `{}`.", command(program));
            continue;
        };
        for table in program.tables {
            page.push('\n');
            match table {
                Table::Figures(figures) => figures_table(&mut page, figures, &record.found),
                Table::Each { of, columns, .. } => {
                    each_table(&mut page, of, columns, &lines(table, &record.found));
                }
                Table::Plots(plots) => {
                    for (shows, path) in *plots {
                        let _ = writeln!(page, "![{shows}]({path})");
                    }
                }
            }
        }
        let Record { command, date, machine, seconds, .. } = record;
        let _ = writeln!(page, "\n`{command}`, {date}, {seconds} s, on {machine}.");
    }
    page
}

/// Returns the command of a benchmark, as one would type it.
pub(crate) fn command(program: &Program) -> String {
    let args = program.args.iter().fold(String::new(), |line, arg| line + " " + arg);
    format!("cargo xtask bench {} --json{args}", program.name)
}

/// The model systems' claims one by one, beside what they did when they were run and what is measured here.
fn claims<'a>(page: &mut String, known: impl Iterator<Item = (&'a Program, &'a Record)>) {
    let _ = writeln!(page, "\n## What the model systems claim\n");
    header(page, &["", "claimed", "when it was run", "here", "", "by"]);
    for (program, record) in known {
        for table in program.tables {
            let Table::Figures(figures) = table else { continue };
            for Figure { what, cell, claim } in *figures {
                let Some(claim) = claim else { continue };
                let when_run = if claim.when_run.is_empty() { "not run" } else { claim.when_run };
                let here = cell.show(&record.found);
                let by = format!("`bench {}`", program.name);
                row(page, &[what, claim.claimed, when_run, &here.text, verdict(&here), &by]);
            }
        }
    }
}

/// What does not hold, each by name.
fn misses<'a>(page: &mut String, known: impl Iterator<Item = (&'a Program, &'a Record)>) {
    let _ = writeln!(page, "\n## What is missed\n");
    let before = page.len();
    for (program, record) in known {
        let mut miss = |what: &str, shown: Shown| {
            if shown.holds == Some(false) {
                let _ =
                    writeln!(page, "- {}, {what}: {}, wanted {}.", program.title, shown.text, shown.wanted);
            }
        };
        for table in program.tables {
            match table {
                Table::Figures(figures) => {
                    figures.iter().for_each(|figure| miss(figure.what, figure.cell.show(&record.found)));
                }
                Table::Each { columns, .. } => {
                    for (name, element) in lines(table, &record.found) {
                        for Column { title, cell } in *columns {
                            miss(&format!("{name}, {title}"), cell.show(element));
                        }
                    }
                }
                Table::Plots(_) => {}
            }
        }
    }
    if page.len() == before {
        page.push_str("Nothing that was measured.\n");
    }
}

fn figures_table(page: &mut String, figures: &[Figure], found: &Value) {
    header(page, &["", "measured", "wanted", ""]);
    for Figure { what, cell, .. } in figures {
        let shown = cell.show(found);
        row(page, &[what, &shown.text, &shown.wanted, verdict(&shown)]);
    }
}

fn each_table(page: &mut String, of: &str, columns: &[Column], lines: &[(String, &Value)]) {
    let mut titles = vec![of];
    titles.extend(columns.iter().map(|column| column.title));
    header(page, &titles);
    for (name, element) in lines {
        let mut cells = vec![name.clone()];
        for Column { cell, .. } in columns {
            let shown = cell.show(element);
            cells.push(match shown.holds {
                None => shown.text,
                Some(_) => format!(
                    "{} ({}{})",
                    shown.text,
                    shown.wanted,
                    if shown.holds == Some(false) { ": missed" } else { "" }
                ),
            });
        }
        row(page, &cells.iter().map(String::as_str).collect::<Vec<_>>());
    }
}

/// Returns the lines of a table that has one for each element: those that have what its first column shows.
fn lines<'a>(table: &Table, found: &'a Value) -> Vec<(String, &'a Value)> {
    let Table::Each { at, name, columns, .. } = table else { return Vec::new() };
    let named: Vec<(String, &Value)> = match find(found, at) {
        Some(Value::Array(elements)) => {
            elements.iter().map(|element| (name_of(element, name), element)).collect()
        }
        Some(Value::Object(members)) => {
            members.iter().map(|(member, element)| (member.replace('_', " "), element)).collect()
        }
        _ => Vec::new(),
    };
    let mut named = named;
    let number = |name: &str| name.parse::<f64>().ok();
    if named.iter().all(|(name, _)| number(name).is_some()) {
        named.sort_by(|(one, _), (other, _)| {
            number(one).partial_cmp(&number(other)).unwrap_or(Ordering::Equal)
        });
    }
    let has_first =
        |element: &Value| columns.first().is_some_and(|first| find(element, first.cell.at).is_some());
    named.into_iter().filter(|(_, element)| has_first(element)).collect()
}

/// Returns what an element calls itself: the texts at these paths, of which one may be missing.
fn name_of(element: &Value, paths: &str) -> String {
    let texts = paths.split(' ').filter_map(|path| find(element, path).and_then(Value::as_str));
    texts.collect::<Vec<_>>().join(", ")
}

fn verdict(shown: &Shown) -> &'static str {
    match shown.holds {
        Some(true) => "holds",
        Some(false) => "**missed**",
        None => "",
    }
}

fn header(page: &mut String, titles: &[&str]) {
    row(page, titles);
    let _ = writeln!(page, "|{}", "---|".repeat(titles.len()));
}

fn row(page: &mut String, cells: &[&str]) {
    let _ = writeln!(page, "| {} |", cells.join(" | "));
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use servers::Machine;

    use super::*;
    use crate::bench::table::{Cell, Claim, Unit, Wanted};

    const PROGRAM: Program = Program {
        name: "some",
        title: "Some",
        args: &["--rounds", "3"],
        about: "What is measured.",
        tables: &[
            Table::Figures(&[
                Figure {
                    what: "Hit rate",
                    cell: Cell { at: "/rate", unit: Unit::Share, wanted: Wanted::AtLeast(0.9) },
                    claim: Some(Claim { claimed: "91.8 %", when_run: "" }),
                },
                Figure {
                    what: "Calls",
                    cell: Cell { at: "/calls", unit: Unit::Count, wanted: Wanted::AtMost(10.0) },
                    claim: None,
                },
            ]),
            Table::Each {
                of: "tier",
                at: "/tiers",
                name: "",
                columns: &[Column {
                    title: "ratio",
                    cell: Cell { at: "/ratio", unit: Unit::Number, wanted: Wanted::Told },
                }],
            },
        ],
    };

    fn record() -> Record {
        Record {
            command: command(&PROGRAM),
            date: "2026-11-30".to_owned(),
            machine: Machine::this(),
            seconds: 7,
            found: json!({
                "rate": 0.95,
                "calls": 1234,
                "tiers": { "redis_get": { "ratio": 1.5, "at_most": 1.3 }, "holds": false },
            }),
        }
    }

    #[test]
    fn a_page_has_claims_misses_and_each_table() {
        let page = document(&[(&PROGRAM, Some(record()))]);
        for line in [
            "| Hit rate | 91.8 % | not run | 95 % | holds | `bench some` |",
            "- Some, Calls: 1,234, wanted at most 10.",
            "- Some, redis get, ratio: 1.5, wanted at most 1.3.",
            "| Hit rate | 95 % | at least 90 % | holds |",
            "| Calls | 1,234 | at most 10 | **missed** |",
            "| redis get | 1.5 (at most 1.3: missed) |",
            "`cargo xtask bench some --json --rounds 3`, 2026-11-30, 7 s, on ",
        ] {
            assert!(page.contains(line), "{line} is missing in\n{page}");
        }
    }

    #[test]
    fn what_has_no_record_says_how_to_measure_it() {
        let page = document(&[(&PROGRAM, None)]);
        assert!(page.contains("Not measured yet: `cargo xtask bench some --json --rounds 3`."), "{page}");
        assert!(page.contains("Nothing that was measured."), "{page}");
    }
}
