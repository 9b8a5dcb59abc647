//! What a hit in memory costs through the facade, beside other caches and the raw store under it.
//!
//! All candidates hold the same 100,000 keys of about 30 bytes, each with a quote of its own, and are
//! asked for them by the same Zipf 0.99, by one thread and by two. Prints one JSON object with
//! `--json`:
//!
//! - `ns`: nanoseconds a hit, by candidate and number of threads. Candidates take turns, one right
//!   after the other in each round, the next round in the opposite order; each keeps its median.
//! - `vs`: the facade's cost by each peer's, the worse of one and two threads; `vs_by_threads` has
//!   both. Each is the median of the ratios of single rounds, since what disturbs the machine mostly
//!   disturbs a round's neighbours alike. `vs_str` and `vs_str_by_threads` are the same for the facade
//!   asked by text, as the peers are. `vs_quick_cache` and `vs_quick_cache_str` are taken from these,
//!   and so is `ratio`, which is that to `moka_prehashed`.
//! - `allocs_per_hit`: the facade's allocations a hit; `allocs_per_hit_of` those of all.
//! - `heap_bytes_per_entry`: the bytes that making and filling a candidate requested from the
//!   allocator and did not give back, over its entries: keys' text and values, which each candidate
//!   owns itself, with tables, queues and what is kept ahead for more. What the allocator itself adds
//!   to each block is not in it. `payload` is what there is to keep: a value and its key's text.
//!   `weight_per_entry` is what the facade's own account says.
//!
//! Every thread's allocations are counted all the time, without locks or shared counters: that costs
//! a few nanoseconds an allocation, which only candidates that allocate at a hit pay.

mod candidate;
mod facade;
mod peers;

use std::{collections::BTreeMap, panic::resume_unwind, thread};

use allocation_counter::measure;
use anyhow::{Context, Result, ensure};
use benches::{
    timing::{median, ratio, round},
    zipf::Zipf,
};
use clap::Parser;
use serde_json::{Value, json};

use crate::{
    candidate::{Candidate, Fill, Workload, loads},
    peers::{cached, foyer, hitbox, moka, quick_cache},
};

/// Measures hits.
#[derive(Debug, Parser)]
struct Options {
    /// Print one JSON object and nothing else on standard output.
    #[arg(long)]
    json: bool,
    /// How many rounds each candidate gets.
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// How many reads each thread does in a round.
    #[arg(long, default_value_t = 200_000)]
    reads: usize,
    /// How many keys there are.
    #[arg(long, default_value_t = 100_000)]
    keys: usize,
    /// How skewed demand is.
    #[arg(long, default_value_t = 0.99)]
    zipf: f64,
}

/// How many threads read at once.
const THREADS: [usize; 2] = [1, 2];

const FACADE: &str = "facade";
const FACADE_STR: &str = "facade_str";
const QUICK_CACHE: &str = "quick_cache";
const MOKA_PREHASHED: &str = "moka_prehashed";

/// All, in the order of a round: what is compared most closely is read one right after the other.
const CANDIDATES: [(&str, Fill); 13] = [
    (MOKA_PREHASHED, moka::prehashed),
    (FACADE, facade::by_key),
    (QUICK_CACHE, quick_cache::raw),
    (FACADE_STR, facade::by_text),
    ("facade_rebuilt_key", facade::by_rebuilt_key),
    ("moka", moka::raw),
    ("foyer", foyer::raw),
    ("cached", cached::raw),
    ("moka_get_with", moka::get_with),
    ("moka_future_try_get_with", moka::future_try_get_with),
    ("cached_macro", cached::function),
    ("cached_concurrent_macro", cached::concurrent_function),
    ("hitbox", hitbox::function),
];

/// Those that were made and filled, with their names.
type Candidates = Vec<(&'static str, Box<dyn Candidate>)>;

/// Nanoseconds a hit of each round, by candidate and number of threads.
type Rounds = BTreeMap<(&'static str, usize), Vec<f64>>;

fn main() -> Result<()> {
    let options = Options::parse();
    ensure!(
        options.rounds > 0 && options.reads > 0 && options.keys > 0,
        "rounds, reads and keys must be above 0"
    );
    let workload = Workload::new(options.keys)?;
    let demand: Vec<Vec<usize>> =
        (0..2).map(|seed| Zipf::new(options.keys, options.zipf, seed).take(options.reads)).collect();
    let mut report = json!({
        "keys": options.keys,
        "key_bytes": workload.keys[0].len(),
        "zipf": options.zipf,
        "payload": rounded(workload.payload(), 0),
    });
    let candidates = fill(&workload, &mut report)?;
    let loaded = loads();
    count_allocations(&candidates, &workload, &demand, &mut report);
    let measured = time(&candidates, &workload, &demand, options.rounds);
    ensure!(loads() == loaded, "values were loaded: this did not measure hits");
    compare(&measured, &mut report);
    if options.json {
        benches::printed::printed(&report)?;
    } else {
        println!("{report:#}");
    }
    Ok(())
}

/// Makes and fills all, one after the other, and reports what each holds.
fn fill(workload: &Workload, report: &mut Value) -> Result<Candidates> {
    let per_entry = |bytes: f64| rounded(bytes / workload.keys.len() as f64, 0);
    let mut candidates = Vec::new();
    for (name, fill) in CANDIDATES {
        let mut filled = None;
        let change = measure(|| filled = Some(fill(workload)));
        let candidate = filled.context("the filling was not run")??;
        report["heap_bytes_per_entry"][name] = per_entry(change.bytes_current as f64);
        if let Some(weight) = candidate.weight() {
            report["weight_per_entry"][name] = per_entry(weight as f64);
        }
        candidates.push((name, candidate));
    }
    Ok(candidates)
}

/// Reads every key once, so that none can be missing, and then as in a round, and reports how many
/// allocations that made.
fn count_allocations(
    candidates: &Candidates,
    workload: &Workload,
    demand: &[Vec<usize>],
    report: &mut Value,
) {
    let all: Vec<usize> = (0..workload.keys.len()).collect();
    for (name, candidate) in candidates {
        candidate.read(workload, &all);
        for threads in THREADS {
            let hits: usize = demand[..threads].iter().map(Vec::len).sum();
            let made = allocations(threads, |thread| candidate.read(workload, &demand[thread]));
            report["allocs_per_hit_of"][name][threads.to_string()] = rounded(made as f64 / hits as f64, 6);
        }
    }
    report["allocs_per_hit"] = report["allocs_per_hit_of"][FACADE].clone();
}

/// Times all, turn by turn.
fn time(candidates: &Candidates, workload: &Workload, demand: &[Vec<usize>], rounds: usize) -> Rounds {
    let mut measured = Rounds::new();
    for threads in THREADS {
        for at in 0..rounds {
            let mut turns: Vec<_> = candidates.iter().collect();
            if at % 2 == 1 {
                turns.reverse();
            }
            for (name, candidate) in turns {
                let nanos = round(threads, |thread| {
                    candidate.read(workload, &demand[thread]);
                    demand[thread].len()
                });
                measured.entry((*name, threads)).or_default().push(nanos);
            }
        }
    }
    measured
}

/// How many allocations, or reallocations, were made when each of `threads` did `work`.
fn allocations(threads: usize, work: impl Fn(usize) + Sync) -> u64 {
    thread::scope(|scope| {
        let work = &work;
        let counting = |at| scope.spawn(move || measure(|| work(at)).count_total);
        let counting: Vec<_> = (0..threads).map(counting).collect();
        counting.into_iter().map(|counted| counted.join().unwrap_or_else(|panic| resume_unwind(panic))).sum()
    })
}

/// Reports what the rounds say.
fn compare(measured: &Rounds, report: &mut Value) {
    for (name, _) in CANDIDATES {
        for threads in THREADS {
            let nanos = median(measured[&(name, threads)].clone());
            report["ns"][name][threads.to_string()] = rounded(nanos, 1);
        }
    }
    for (of, worst, each) in [(FACADE, "vs", "vs_by_threads"), (FACADE_STR, "vs_str", "vs_str_by_threads")] {
        for (peer, _) in CANDIDATES.iter().filter(|(name, _)| !name.starts_with(FACADE)) {
            let ratios =
                THREADS.map(|threads| ratio(&measured[&(of, threads)], &measured[&(*peer, threads)]));
            for (threads, ratio) in THREADS.iter().zip(ratios) {
                report[each][peer][threads.to_string()] = rounded(ratio, 3);
            }
            report[worst][peer] = rounded(ratios.into_iter().fold(0.0, f64::max), 3);
        }
    }
    report["ratio"] = report["vs"][MOKA_PREHASHED].clone();
    report["ratios"] = report["vs_by_threads"][MOKA_PREHASHED].clone();
    report["vs_quick_cache"] = report["vs"][QUICK_CACHE].clone();
    report["vs_quick_cache_by_threads"] = report["vs_by_threads"][QUICK_CACHE].clone();
    report["vs_quick_cache_str"] = report["vs_str"][QUICK_CACHE].clone();
    report["vs_quick_cache_str_by_threads"] = report["vs_str_by_threads"][QUICK_CACHE].clone();
}

/// A number with this many decimals.
fn rounded(number: f64, decimals: i32) -> Value {
    let scale = 10_f64.powi(decimals);
    json!((number * scale).round() / scale)
}
