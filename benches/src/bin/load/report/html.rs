//! A report as one page of HTML that needs nothing else: no script, no resource, no network.

use std::{collections::BTreeSet, fmt::Write};

use benches::plot::{Line, escaped};

use super::{
    Report, SetupReport,
    plot::{self, Bar},
    row::{FIGURES, OpenLoopRow, Row},
    table::{amiss, beside, verdict, what},
    units::{count, rate, time},
};

/// The style of the page.
const STYLE: &str = include_str!("style.css");
/// How many colours there are for set-ups and their tiers, and the one for what the seeds did.
const COLOURS: usize = 6;
const SEEDS: usize = 6;

/// Returns the page. It is well-formed XML as well.
pub(crate) fn page(report: &Report) -> String {
    let mut page = String::new();
    let _ = write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <title>Load tests, {}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>Load tests</h1>\n",
        escaped(&report.date)
    );
    facts(&mut page, report);
    for setup in &report.setups {
        table(&mut page, setup);
    }
    let scenarios = report.setups.iter().flat_map(|setup| setup.scenarios.iter().map(|row| row.scenario));
    let mut seen = BTreeSet::new();
    for scenario in scenarios.filter(|scenario| seen.insert(*scenario)) {
        section(&mut page, report, scenario);
    }
    page + "</main>\n</body>\n</html>\n"
}

fn facts(page: &mut String, report: &Report) {
    let machine = &report.machine;
    let memory = machine.memory_mib.map(|mib| format!("{:.1} GiB", mib as f64 / 1024.0));
    let mut facts = vec![
        ("date", report.date.clone()),
        ("version", report.version.to_owned()),
        ("processor", format!("{}, {} cores", machine.cpu, machine.cores)),
        ("memory", memory.unwrap_or_else(|| "unknown".to_owned())),
        ("system", machine.os.clone()),
    ];
    facts.extend(report.setups.iter().map(|setup| (setup.name.as_str(), setup.parts())));
    facts.push(("errors", count(report.errors)));
    if report.scale != 1.0 {
        facts.push(("scale", report.scale.to_string()));
    }
    page.push_str("<dl>\n");
    for (name, value) in facts {
        let _ = writeln!(page, "<dt>{}</dt><dd>{}</dd>", escaped(name), escaped(&value));
    }
    let _ = writeln!(page, "<dt>command</dt><dd><code>{}</code></dd>\n</dl>", escaped(&report.command));
    page.push_str(
        "<p class=\"soft\">Latencies count from when an operation was due: what is started at once is due together, \
         what is started at a rate whenever the rate says so. Every answer was checked. Operations that failed are \
         part of rates and latencies.</p>\n",
    );
}

/// The figures of one set-up.
fn table(page: &mut String, setup: &SetupReport) {
    let headings = ["scenario", "operations"].into_iter().chain(FIGURES).chain(["errors"]);
    let headings: String = headings.map(|heading| format!("<th scope=\"col\">{heading}</th>")).collect();
    let _ = writeln!(
        page,
        "<h2>{}</h2>\n<p class=\"soft\">{}</p>\n<div class=\"scroll\" tabindex=\"0\">\n<table>\n\
         <thead><tr>{headings}</tr></thead>\n<tbody>",
        escaped(&setup.name),
        escaped(&setup.parts())
    );
    for row in &setup.scenarios {
        let cells: String = row.figures().iter().map(|cell| format!("<td>{cell}</td>")).collect();
        let bad = if row.errors > 0 { " class=\"bad\"" } else { "" };
        let _ = writeln!(
            page,
            "<tr><td>{}</td><td>{}</td>{cells}<td{bad}>{}</td></tr>",
            escaped(&row.title()),
            count(row.operations),
            count(row.errors)
        );
    }
    page.push_str("</tbody>\n</table>\n</div>\n");
    for row in setup.scenarios.iter().filter(|row| row.errors > 0) {
        let why = row.first_error.as_deref().unwrap_or("not told why");
        let _ = writeln!(page, "<p class=\"bad\">{}: {}</p>", escaped(&row.title()), escaped(why));
    }
    for failed in &setup.failed {
        let _ = writeln!(page, "<p class=\"bad\">Not run to its end: {}</p>", escaped(&failed.told()));
    }
    for left_out in &setup.left_out {
        let _ =
            writeln!(page, "<p class=\"soft\">Left out: {}, since {}.</p>", left_out.scenario, left_out.why);
    }
}

/// One scenario on all set-ups.
fn section(page: &mut String, report: &Report, scenario: &str) {
    let rows: Vec<(String, &Row)> = report
        .setups
        .iter()
        .flat_map(|setup| setup.scenarios.iter().map(move |row| (setup, row)))
        .filter(|(_, row)| row.scenario == scenario)
        .map(|(setup, row)| (named(setup, row), row))
        .collect();
    let _ = writeln!(page, "<h2>{scenario}</h2>");
    if let Some((_, first)) = rows.first() {
        for line in beside(&first.seeds) {
            let _ = writeln!(page, "<p class=\"soft\">{}</p>", escaped(&line));
        }
    }
    page.push_str("<ul>\n");
    for (name, row) in &rows {
        let _ = writeln!(page, "<li>{}: {}", escaped(name), escaped(&what(row)));
        row.open_loop.iter().for_each(|found| steps(page, found));
        page.push_str("</li>\n");
    }
    page.push_str("</ul>\n<div class=\"plots\">\n");
    let latencies: Vec<Line> = lines(&rows, |row| {
        row.latency_ms.as_ref().map(|latency| latency.distribution.clone()).unwrap_or_default()
    });
    figure(page, "Latency by percentile", &plot::percentiles(&latencies), &latencies);
    let rates: Vec<Line> =
        lines(&rows, |row| row.open_loop.as_ref().map(OpenLoopRow::curve).unwrap_or_default());
    match rows.first().and_then(|(_, row)| row.open_loop.as_ref()) {
        Some(found) => {
            let caption = format!("p99 by rate; dashed: {}", time(found.limit_ms));
            figure(page, &caption, &plot::rates(&rates, found.limit_ms), &rates);
            let highest = |row: &Row| row.open_loop.as_ref().and_then(|found| found.highest_rate);
            figure(page, "Highest rate that held", &plot::bars(&bars(&rows, highest)), &[]);
        }
        None => {
            let mut bars = bars(&rows, |row| row.throughput);
            let seeds = rows.first().and_then(|(_, row)| row.seeds.measured?.throughput);
            bars.extend(seeds.map(|value| Bar { name: "seeds, run".to_owned(), series: SEEDS, value }));
            figure(page, "Operations a second", &plot::bars(&bars), &[]);
        }
    }
    page.push_str("</div>\n");
}

/// What was found of all rates, and each.
fn steps(page: &mut String, found: &OpenLoopRow) {
    let _ = writeln!(page, "<br/>{}:\n<ul>", escaped(&verdict(found)));
    for step in &found.steps {
        let (class, holds) = if step.holds { ("soft", "holds") } else { ("bad", "fails") };
        let _ = writeln!(
            page,
            "<li class=\"{class}\">{}/s {holds}: p99 {}, started late p99 {}{}</li>",
            rate(step.rate),
            time(step.p99_ms),
            time(step.started_late_p99_ms),
            escaped(&amiss(step))
        );
    }
    page.push_str("</ul>\n");
}

/// The set-up, and the tier that was made to answer.
fn named(setup: &SetupReport, row: &Row) -> String {
    match row.tier {
        Some(tier) => format!("{}, {tier}", setup.name),
        None => setup.name.clone(),
    }
}

fn lines(rows: &[(String, &Row)], points: impl Fn(&Row) -> Vec<(f64, f64)>) -> Vec<Line> {
    let line = |(at, (name, row)): (usize, &(String, &Row))| Line {
        name: name.clone(),
        series: at % COLOURS,
        points: points(row),
    };
    rows.iter().enumerate().map(line).filter(|line| !line.points.is_empty()).collect()
}

fn bars(rows: &[(String, &Row)], value: impl Fn(&Row) -> Option<f64>) -> Vec<Bar> {
    let bar = |(at, (name, row)): (usize, &(String, &Row))| {
        Some(Bar { name: name.clone(), series: at % COLOURS, value: value(row)? })
    };
    rows.iter().enumerate().filter_map(bar).collect()
}

fn figure(page: &mut String, caption: &str, svg: &str, lines: &[Line]) {
    let _ = writeln!(page, "<figure>\n<figcaption>{}</figcaption>\n{svg}", escaped(caption));
    if !lines.is_empty() {
        page.push_str("<ul class=\"key\">");
        for line in lines {
            let _ = write!(page, "<li class=\"s{}\"><span></span>{}</li>", line.series, escaped(&line.name));
        }
        page.push_str("</ul>\n");
    }
    page.push_str("</figure>\n");
}
