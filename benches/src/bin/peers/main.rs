//! This cache beside others that do the same job: read through memory, Redis and a provider.
//!
//! Ours and every peer are processes of their own, one after the other on one private Redis: crates by this
//! program run again with `--as`, bentocache and cashews by the scripts beside this file, whose packages npm
//! and pip put into `target/peers`. Each is two nodes in one process, reads the same values under the same
//! keys, and prints what it measured; `benches::peers` has the plan and the rows. They take turns, a round of
//! each, the next round in the opposite order. The processes have one processor to themselves and Redis
//! another, if there are two.
//!
//! Prints one JSON object with `--json`:
//!
//! - `machine`, `rounds`, and `versions` of all that took part;
//! - `rows`: of each `name`, `unit`, and the figure of `ours`; of each of `peers` its `value` and its `ratio`,
//!   which is theirs by ours, so that above 1 ours is better. Times are medians of the rounds, ratios the medians
//!   of the ratios of single rounds; counts are those of the worst round. `note` says of a removal that was never
//!   heeded, whose `value` is only how long it was waited for. `ahead` is whether no peer is better, and `why_not`
//!   why one is, where that is known;
//! - `left_out`: who is in no row, by `name`, with the `reason` that was found in this run.

mod caches;
mod measure;
mod node;
mod provider;
mod turns;

use anyhow::{Context, Result, bail};
use benches::{
    cpu_affinity::CpuAffinity,
    peers::{Plan, print_table},
};
use clap::Parser;
use servers::{Machine, Redis, RedisOptions};

/// Measures this cache beside others.
#[derive(Debug, Parser)]
struct Options {
    /// Print one JSON object and nothing else on standard output.
    #[arg(long)]
    json: bool,
    /// How many rounds each gets.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Leave out all but those of this name; may be repeated.
    #[arg(long)]
    only: Vec<String>,
    /// Measure one crate by the plan that follows, once. The program runs itself so.
    #[arg(long = "as", value_name = "NAME", hide = true, requires = "plan")]
    as_peer: Option<String>,
    #[arg(hide = true)]
    plan: Option<String>,
}

fn main() -> Result<()> {
    let options = Options::parse();
    if let Some(name) = &options.as_peer {
        let plan = serde_json::from_str(options.plan.as_deref().unwrap_or_default())
            .context("the plan can't be read")?;
        return measure_as(name, &plan);
    }
    // Told before this is on one processor alone.
    let mut machine = serde_json::to_value(Machine::this())?;
    let processors = CpuAffinity::choose();
    processors.be_on(processors.servers)?;
    let redis = Redis::start(&RedisOptions::default()).context("no Redis to measure on")?;
    processors.be_on(processors.client)?;
    machine["pinned_to"] = processors.report();
    let peers = turns::take(&redis, options.rounds, &options.only)?;
    let mut report = peers.report(machine);
    report["versions"]["redis-server"] = redis.version()?.into();
    if options.json {
        benches::printed::printed(&report)?;
    } else {
        print_table(&report);
    }
    Ok(())
}

/// Measures one crate once, and prints the outcome.
fn measure_as(name: &str, plan: &Plan) -> Result<()> {
    let Some((_, measure)) = caches::ALL.iter().find(|(known, _)| *known == name) else {
        bail!("`{name}` is no crate that is measured here");
    };
    // As the other languages' event loops: one thread.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(measure(plan))?;
    println!("{}", serde_json::to_string(&outcome)?);
    Ok(())
}
