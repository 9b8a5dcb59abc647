//! What the shared tiers cost beside their clients alone, and how much a batch saves.
//!
//! Starts a private Redis and a private PostgreSQL, and puts the same 10,000 keys into each, by a tier and
//! by the client alone; see `raw_redis.rs` and `raw_postgres.rs` for what that does. Both sides keep the
//! same bytes for a value, the sealed envelope, seal and open it by the same functions, and check nothing
//! less. Each has one connection, and both run on the same runtime of one thread: whatever a tier does
//! beside waiting, its background tasks included, counts. That thread has one processor to itself and the
//! servers another, if there are two.
//!
//! A round goes through all figures. In each the two sides take turns, call by call, the next turn in
//! the opposite order, for a way over loopback takes three times as long when both processors have slept.
//! The first round only warms up. Prints one JSON object with `--json`; of each figure it has
//!
//! - `ratio`: the median of the rounds' ratios, and `quartiles` around it;
//! - `at_most` or `at_least`: the bound, and `holds`: whether the ratio keeps it;
//! - the medians of both sides' means, in microseconds: `tier_us` and `raw_us`, for one call, or for
//!   one read of `redis_concurrent_1000`; `batch_us` and `singly_us`, for 100 keys.
//!
//! Ratios with `at_most` are the tier's time by the raw client's. That of `redis_concurrent_1000` is the
//! tier's throughput by the raw client's, and those of `batch_vs_single_100` the time that 100 single calls
//! take, one after the other, by that of a batch of 100.

mod batches;
mod figures;
mod on_postgres;
mod on_redis;
mod paired;
mod raw_postgres;
mod raw_redis;
mod workload;

use std::time::Instant;

use anyhow::{Context, Result};
use benches::cpu_affinity::CpuAffinity;
use cache_core::{Clock, MAX_VALUE_LEN};
use clap::Parser;
use servers::{Postgres, PostgresOptions, Redis, RedisOptions};

use crate::{figures::Figures, on_postgres::OnPostgres, on_redis::OnRedis, workload::Workload};

/// Measures the shared tiers.
#[derive(Debug, Parser)]
struct Options {
    /// Print one JSON object and nothing else on standard output.
    #[arg(long)]
    json: bool,
    /// How many rounds there are.
    #[arg(long, default_value_t = 31, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How long values are, in bytes: they don't compress.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=MAX_VALUE_LEN as i64))]
    value_bytes: u32,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let began = Instant::now();
    // What a thread starts runs where it runs.
    let processors = CpuAffinity::choose();
    processors.be_on(processors.servers)?;
    let redis = Redis::start(&RedisOptions::default()).context("no Redis to measure on")?;
    // Vacuumed between rounds: at its own times it would disturb one side or the other.
    let settings =
        PostgresOptions { config: vec!["autovacuum = off".to_owned()], ..PostgresOptions::default() };
    let postgres = Postgres::start_with(&settings).context("no PostgreSQL to measure on")?;
    processors.be_on(processors.client)?;

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let workload = Workload::new(options.value_bytes as usize, Clock::system())?;
    let figures = runtime.block_on(measure(&workload, options.rounds as usize, &redis, &postgres))?;
    let mut report = figures.report();
    report["rounds"] = options.rounds.into();
    report["value_bytes"] = options.value_bytes.into();
    report["processors"] = processors.report();
    report["seconds"] = figures::rounded(began.elapsed().as_secs_f64(), 1);
    if options.json {
        benches::printed::printed(&report)?;
    } else {
        figures::print_table(&report);
    }
    Ok(())
}

async fn measure(workload: &Workload, rounds: usize, redis: &Redis, postgres: &Postgres) -> Result<Figures> {
    let mut on_redis = OnRedis::start(workload, &redis.url()).await?;
    let mut on_postgres = OnPostgres::start(workload, &postgres.url()).await?;
    let mut figures = Figures::default();
    for round in 0..=rounds {
        let mut measured = Figures::default();
        on_redis.round(workload, round, &mut measured).await?;
        on_postgres.round(workload, round, &mut measured).await?;
        if round > 0 {
            figures.extend(measured);
        }
    }
    Ok(figures)
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
