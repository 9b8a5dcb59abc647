//! The service beside nginx: requests a second for one quote and for thirteen in a call, from 64 connections, in
//! turns with nginx that serves a file of the same body.
//!
//! Both run on this machine, and so does the client, which shares its cores with them. Prints one JSON object with
//! `--json`: `one.ratio` and `thirteen.ratio` are medians over the turns, of ours by nginx's in the same turn.

mod client;
mod nginx;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context, Result, ensure};
use benches::service::{Service, build};
use clap::Parser;
use serde_json::{Value, json};
use tokio::time::sleep;

use self::{client::Target, nginx::Nginx};

/// Measures what a request for cached values costs over HTTP.
#[derive(Debug, Parser)]
struct Options {
    /// Print one JSON object and nothing else on standard output.
    #[arg(long)]
    json: bool,
    /// How many connections ask at once.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// How many turns each has.
    #[arg(long, default_value_t = 7)]
    turns: usize,
    /// How long a turn lasts, in seconds.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// The binary of the service. By default it is built from this workspace first.
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
}

/// The symbols of a call for thirteen.
const THIRTEEN: &str = "AAPL,ABB,AEP,AMZN,BA,BAC,BHP,BP,C,CAT,CELG,CHL,CHTR";

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let options = Options::parse();
    let binary = match &options.server {
        Some(binary) => binary.clone(),
        None => build()?,
    };
    // Nothing expires while it is measured.
    let service = Service::start(&binary, &["--ttl-price=86400"], &[]).await?;
    let mut report = json!({ "connections": options.connections, "turns": options.turns });
    let thirteen = format!("/v1/quotes?symbols={THIRTEEN}");
    for (name, path) in [("one", "/v1/quotes/AAPL"), ("thirteen", &thirteen)] {
        report[name] = compare(&options, &service, path).await.with_context(|| format!("GET {path}"))?;
    }
    if options.json {
        benches::printed::printed(&serde_json::to_string_pretty(&report)?)?;
    } else {
        println!("{report:#}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Asks both in turns, nginx for a file of the body that the service answers with.
async fn compare(options: &Options, service: &Service, path: &str) -> Result<Value> {
    let ours = Target::new(service.address(), path);
    // The second answer is from memory, as all are from then on.
    ours.body().await?;
    let body = ours.body().await?;
    let nginx = Nginx::start(&body)?;
    let theirs = Target::new(&nginx.address(), "/quote.json");
    for _ in 0..300 {
        if theirs.body().await.is_ok() {
            break;
        }
        sleep(Duration::from_millis(20)).await;
    }
    ensure!(theirs.body().await? == body, "nginx serves another body");
    let span = Duration::from_secs_f64(options.seconds);
    let (mut rates, mut ratios) = (Vec::new(), Vec::new());
    for turn in 0..=options.turns {
        let (mine, other) =
            (ours.rate(options.connections, span).await?, theirs.rate(options.connections, span).await?);
        // The first turn warms up.
        if turn > 0 {
            rates.push((mine, other));
            ratios.push(mine / other);
        }
    }
    Ok(json!({
        "body_bytes": body.len(),
        "ours_per_second": median(rates.iter().map(|(mine, _)| *mine).collect()),
        "nginx_per_second": median(rates.iter().map(|(_, other)| *other).collect()),
        "ratio": median(ratios),
    }))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
