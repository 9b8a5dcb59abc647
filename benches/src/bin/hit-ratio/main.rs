//! How often the near tier hits on recorded traces, by policy, beside reference hit ratios.
//!
//! For each trace and size of the reference CSV the trace is replayed by one thread through a store
//! bounded to that many entries: each policy in one shard, settled after every access, and the hybrid
//! once more as it is by default. Entries are born 1 us apart and outlive the replay, so `ttl`, which
//! evicts what dies first, is here the same as `fifo`. Prints one JSON object with `--json`; whether
//! the demands are met is said in it and leaves the exit status alone.

mod data;
mod reference;
mod replay;
mod summary;
mod table;
mod trace;

use std::{collections::BTreeSet, path::PathBuf, process::ExitCode, time::Instant};

use anyhow::{Result, bail, ensure};
use clap::Parser;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{
    data::Data,
    reference::{Reference, Row},
    replay::Variant,
    summary::{Cell, Summary},
    table::Table,
    trace::Trace,
};

/// Measures hit ratios.
#[derive(Debug, Parser)]
struct Options {
    /// Print one JSON object and nothing else on standard output.
    #[arg(long)]
    json: bool,
    /// A folder with traces, `NAME.txt.gz` or `NAME.txt`, one key a line, and `reference_hit_ratios*.csv`;
    /// both may also be in its subfolder `traces`. By default `../shared/data` beside the workspace.
    #[arg(long, value_name = "DIR", env = "CACHE_DATA_DIR")]
    data: Option<PathBuf>,
    /// Only these traces, separated by commas.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    traces: Vec<String>,
    /// Only these policies, separated by commas.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    policies: Vec<String>,
}

/// A row that was not replayed.
#[derive(Debug, Serialize)]
struct LeftOut {
    trace: String,
    size: u64,
    why: String,
}

/// All that is reported.
#[derive(Debug)]
struct Report {
    cells: Vec<Cell>,
    left_out: Vec<LeftOut>,
    notes: Vec<String>,
    summary: Summary,
    seconds: f64,
}

fn main() -> ExitCode {
    match run(Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> Result<()> {
    let began = Instant::now();
    let data = Data::find(options.data)?;
    let mut notes: Vec<String> = data.note.iter().cloned().collect();
    notes.iter().for_each(|note| eprintln!("note: {note}"));
    let all = Variant::all();
    let names: Vec<&str> = all.iter().map(|variant| variant.name).collect();
    check("policy", "policies", &options.policies, &names)?;
    let variants: Vec<Variant> =
        all.into_iter().filter(|variant| chosen(&options.policies, variant.name)).collect();
    let rows = data.rows()?;
    let traces: BTreeSet<&str> = rows.iter().map(|row| row.trace.as_str()).collect();
    check("trace", "traces", &options.traces, &traces.into_iter().collect::<Vec<_>>())?;
    let (mut cells, mut left_out) = (Vec::new(), Vec::new());
    for rows in rows.chunk_by(|one, other| one.trace == other.trace) {
        let name = &rows[0].trace;
        if !chosen(&options.traces, name) {
            continue;
        }
        let Some(path) = data.trace(name) else {
            let why = format!("no {name}.txt.gz or {name}.txt in {data}");
            eprintln!("left out: {why}");
            let cell = |row: &Row| LeftOut { trace: name.clone(), size: row.size, why: why.clone() };
            left_out.extend(rows.iter().map(cell));
            continue;
        };
        eprintln!("{name}: {} replays", rows.len() * variants.len());
        let trace = Trace::read(&path)?;
        for row in rows {
            let cell = replayed(row, &trace, &variants);
            notes.extend(mismatch(&cell));
            cells.push(cell);
        }
    }
    if cells.is_empty() {
        let why = left_out.first().map_or("no row", |left: &LeftOut| left.why.as_str());
        bail!("nothing to replay: {why}");
    }
    let summary = Summary::of(&cells);
    let report = Report { cells, left_out, notes, summary, seconds: began.elapsed().as_secs_f64() };
    if options.json {
        println!("{}", as_json(&report, &data));
    } else {
        print!("{}", Table(&report));
    }
    Ok(())
}

/// Whether the name is among those asked for, or none is asked for in particular.
fn chosen(asked: &[String], name: &str) -> bool {
    asked.is_empty() || asked.iter().any(|asked| asked == name)
}

fn check(one: &str, many: &str, asked: &[String], known: &[&str]) -> Result<()> {
    for name in asked {
        ensure!(known.contains(&name.as_str()), "`{name}` is no {one}; {many}: {}", known.join(", "));
    }
    Ok(())
}

fn replayed(row: &Row, trace: &Trace, variants: &[Variant]) -> Cell {
    let ours = |variant: &Variant| (variant.name, variant.replay(trace, row.size));
    Cell {
        row: row.clone(),
        requests: trace.accesses.len() as u64,
        unique: trace.keys.len() as u64,
        ours: variants.iter().map(ours).collect(),
    }
}

/// What is odd about a cell: its reference is of another trace than the one replayed.
fn mismatch(cell: &Cell) -> Option<String> {
    let Cell { row, requests, unique, .. } = cell;
    let same = row.requests.is_none_or(|wanted| wanted == *requests)
        && row.unique.is_none_or(|wanted| wanted == *unique);
    let count = |count: Option<u64>| count.map_or("any number of".to_owned(), |count| count.to_string());
    (!same).then(|| {
        format!(
            "{} is about {} requests of {} keys, but the trace {} has {requests} of {unique}",
            row.place,
            count(row.requests),
            count(row.unique),
            row.trace
        )
    })
}

fn as_json(report: &Report, data: &Data) -> Value {
    let cell = |cell: &Cell| {
        let ours: Map<String, Value> =
            cell.ours.iter().map(|(name, ratio)| ((*name).to_owned(), json!(ratio))).collect();
        let reference: Map<String, Value> = cell
            .row
            .references
            .iter()
            .map(|(name, reference)| {
                let value = match reference {
                    Reference::Blank => Value::Null,
                    Reference::Number(number) => json!(number),
                    Reference::Text(text) => json!(text),
                };
                (name.clone(), value)
            })
            .collect();
        json!({
            "trace": cell.row.trace,
            "requests": cell.requests,
            "unique": cell.unique,
            "size": cell.row.size,
            "ours": ours,
            "reference": reference,
        })
    };
    json!({
        "data": data.to_string(),
        "committed_only": data.note.is_some(),
        "cells": report.cells.iter().map(cell).collect::<Vec<Value>>(),
        "left_out": report.left_out,
        "notes": report.notes,
        "summary": report.summary,
        "seconds": report.seconds,
    })
}
