//! `cargo xtask chaos`: a mixed load on two nodes while their servers are killed, paused, cut off and
//! restarted.

mod faults;
mod report;
mod run;

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use nodes::Backend;
use tokio::runtime::Runtime;

/// A mixed load on two nodes, each a process of its own with memory, Redis and PostgreSQL, while the servers
/// are killed, paused, cut off and restarted.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask chaos")]
struct Cli {
    /// Prints one JSON object instead of a table.
    #[arg(long)]
    json: bool,
    /// How many seconds the run takes, about.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(10..=3600))]
    seconds: u64,
    /// The server that carries the bus and grants the leases.
    #[arg(long, value_enum, default_value = "redis")]
    bus: Carrier,
    /// How many callers there are at once, on both nodes together.
    #[arg(long, default_value_t = 64)]
    callers: usize,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Carrier {
    Redis,
    Postgres,
}

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    if args.next().as_deref() == Some("node") {
        let controller: SocketAddr = args.next().unwrap_or_default().parse().context("node: no address")?;
        return Runtime::new()?.block_on(nodes::serve(controller));
    }
    let cli = Cli::parse();
    let bus = match cli.bus {
        Carrier::Redis => Backend::Redis,
        Carrier::Postgres => Backend::Postgres,
    };
    let report = Runtime::new()?.block_on(run::run(Duration::from_secs(cli.seconds), bus, cli.callers))?;
    if cli.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{report}");
    }
    Ok(())
}
