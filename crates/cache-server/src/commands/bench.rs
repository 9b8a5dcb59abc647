//! `cache-server bench`: how a running service answers a mix of requests.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use cache_core::sync::Mutex;
use hdrhistogram::Histogram;
use reqwest::{Method, Url};
use serde_json::json;
use tokio::{signal::ctrl_c, task::JoinSet, time::interval};

use super::{
    client::{ConnectionArgs, ServiceClient},
    exit::{CommandError, CommandResult, Exit},
    output::{
        BAD, BOLD, Cell, DIM, GOOD, Printer, Progress, TextTable, bytes, count, millis, percent, styled,
    },
};

/// The symbols that are asked for, unless others are named: those of the replay.
const SYMBOLS: &str = "AAPL,AMZN,BABA,BAC,DIS,FB,GE,GOOG,INTC,JPM,MSFT,PG,T";
/// The longest answer time that is told apart from longer ones, in microseconds.
const MAX_MICROS: u64 = 600_000_000;
/// The digits that are kept of each time.
const DIGITS: u8 = 3;

/// Asks a running service for a mix of symbols, and measures how it answers.
#[derive(Clone, Debug, clap::Args)]
pub struct BenchArgs {
    /// The symbols to ask for, in turn, separated by commas.
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = SYMBOLS, hide_default_value = true)]
    symbols: Vec<String>,

    /// The kinds to ask for, in turn, separated by commas, such as `price,ohlcv`.
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "price")]
    kinds: Vec<String>,

    /// How many connections ask at the same time, each for the next as soon as it is answered.
    #[arg(long, short, value_name = "NUMBER", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    connections: u32,

    /// How long to ask. Ctrl-C ends it sooner, and shows what was measured.
    #[arg(long, short, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,

    #[command(flatten)]
    pub(super) connection: ConnectionArgs,
}

/// What was measured.
struct Measured {
    latencies: Histogram<u64>,
    statuses: BTreeMap<u16, u64>,
    bytes: u64,
    /// Requests without an answer, and why the first had none.
    broken: u64,
    why: Option<String>,
}

impl Measured {
    fn new() -> CommandResult<Self> {
        let latencies = Histogram::new_with_bounds(1, MAX_MICROS, DIGITS)
            .map_err(|error| CommandError::failed(format!("times can't be kept: {error}")))?;
        Ok(Self { latencies, statuses: BTreeMap::new(), bytes: 0, broken: 0, why: None })
    }

    fn answered(&mut self, status: u16, bytes: u64, took: Duration) {
        self.latencies.saturating_record(u64::try_from(took.as_micros()).unwrap_or(MAX_MICROS).max(1));
        *self.statuses.entry(status).or_default() += 1;
        self.bytes += bytes;
    }

    fn requests(&self) -> u64 {
        self.statuses.values().sum()
    }

    fn failed(&self) -> u64 {
        self.broken + self.statuses.range(400..).map(|(_, number)| number).sum::<u64>()
    }
}

impl BenchArgs {
    pub(super) async fn run(self) -> CommandResult {
        let client = ServiceClient::new(&self.connection)?;
        let mut output = Printer::new(self.connection.json);
        let urls: Arc<[Url]> = self.urls(&client).into();
        // Whether it is there at all, before anything is measured.
        client.get(&["cache", "health"], &[]).await?;
        let measured = Arc::new(Mutex::new(Measured::new()?));
        let begun = Instant::now();
        let end = begun + Duration::from_secs(self.seconds);
        let mut asking = JoinSet::new();
        for at in 0..self.connections as usize {
            asking.spawn(ask(client.clone(), Arc::clone(&urls), at, end, Arc::clone(&measured)));
        }
        self.wait(&mut asking, begun, &measured).await;
        let took = begun.elapsed();
        asking.shutdown().await;
        let measured = measured.lock();
        if output.is_json() {
            output.document(&self.document(&measured, took))?;
        } else {
            self.show(&mut output, &measured, took)?;
        }
        output.flush()?;
        match (measured.failed(), measured.requests()) {
            (0, _) => Ok(()),
            (_, 0) => Err(CommandError::silent(Exit::Unreachable)),
            _ => Err(CommandError::silent(Exit::Failed)),
        }
    }

    fn urls(&self, client: &ServiceClient) -> Vec<Url> {
        let symbols = self.symbols.iter().filter(|symbol| !symbol.is_empty());
        symbols
            .flat_map(|symbol| self.kinds.iter().map(|kind| client.url(&["v1", kind, symbol], &[])))
            .collect()
    }

    /// Waits until all are done, or Ctrl-C.
    async fn wait(&self, asking: &mut JoinSet<()>, begun: Instant, measured: &Mutex<Measured>) {
        let progress = Progress::bar(self.seconds, "");
        let mut ticks = interval(Duration::from_millis(250));
        let mut interrupted = std::pin::pin!(ctrl_c());
        loop {
            tokio::select! {
                done = asking.join_next() => if done.is_none() { return },
                _ = &mut interrupted => return,
                _ = ticks.tick() => {
                    let seconds = begun.elapsed().as_secs_f64();
                    let requests = measured.lock().requests();
                    progress.set(seconds as u64);
                    progress.say(format!("{} requests/s", count((requests as f64 / seconds.max(0.001)) as u64)));
                }
            }
        }
    }

    fn document(&self, measured: &Measured, took: Duration) -> serde_json::Value {
        let seconds = took.as_secs_f64();
        let quantile = |quantile| measured.latencies.value_at_quantile(quantile) as f64 / 1000.0;
        json!({
            "seconds": seconds,
            "connections": self.connections,
            "requests": measured.requests(),
            "requests_per_second": measured.requests() as f64 / seconds,
            "failed": measured.failed(),
            "without_answer": measured.broken,
            "statuses": measured.statuses,
            "bytes": measured.bytes,
            "bytes_per_second": measured.bytes as f64 / seconds,
            "latency_ms": {
                "mean": measured.latencies.mean() / 1000.0,
                "p50": quantile(0.5),
                "p90": quantile(0.9),
                "p99": quantile(0.99),
                "p99_9": quantile(0.999),
                "max": measured.latencies.max() as f64 / 1000.0,
            },
        })
    }

    fn show(&self, output: &mut Printer, measured: &Measured, took: Duration) -> CommandResult {
        let (seconds, requests) = (took.as_secs_f64(), measured.requests());
        let rate = count((requests as f64 / seconds).round() as u64);
        output.line(format_args!(
            "{} requests/s  {}",
            styled(BOLD, rate),
            styled(
                DIM,
                format_args!("{} in {seconds:.1} s on {} connections", count(requests), self.connections)
            )
        ))?;
        let mut table = TextTable::new(&["  latency", ">"]);
        for (name, quantile) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)] {
            let took = measured.latencies.value_at_quantile(quantile) as f64 / 1000.0;
            table.row([format!("  {name}").into(), millis(took).into()]);
        }
        output.table(&table)?;
        let mut table = TextTable::new(&["  status", ">answers", ">share"]);
        let all = (requests + measured.broken).max(1) as f64;
        for (status, number) in &measured.statuses {
            let style = if *status < 400 { GOOD } else { BAD };
            let share = percent(*number as f64 / all);
            table.row([Cell::new(style, format!("  {status}")), count(*number).into(), share.into()]);
        }
        if measured.broken > 0 {
            let share = percent(measured.broken as f64 / all);
            table.row([Cell::new(BAD, "  none"), count(measured.broken).into(), share.into()]);
        }
        output.table(&table)?;
        let rate = bytes((measured.bytes as f64 / seconds) as u64);
        output.line(format_args!("  {} {} ({rate}/s)", styled(DIM, "bodies"), bytes(measured.bytes)))?;
        match &measured.why {
            Some(why) => output.line(format_args!("  {} {why}", styled(BAD, "the first without an answer:"))),
            None => Ok(()),
        }
    }
}

/// Asks for one after the other, until the end. Each connection begins elsewhere in the mix.
async fn ask(
    client: ServiceClient,
    urls: Arc<[Url]>,
    at: usize,
    end: Instant,
    measured: Arc<Mutex<Measured>>,
) {
    for url in urls.iter().cycle().skip(at % urls.len().max(1)) {
        let begun = Instant::now();
        if begun >= end {
            return;
        }
        let answered = match client.raw(Method::GET, url.clone()).await {
            Ok(answer) => {
                let status = answer.status().as_u16();
                answer.bytes().await.map(|body| (status, body.len() as u64))
            }
            Err(error) => Err(error),
        };
        let took = begun.elapsed();
        let pause = {
            let mut measured = measured.lock();
            match answered {
                Ok((status, bytes)) => {
                    measured.answered(status, bytes, took);
                    false
                }
                Err(error) => {
                    measured.broken += 1;
                    measured.why.get_or_insert_with(|| cache_core::root_cause(&error).to_string());
                    true
                }
            }
        };
        // A service that is gone would be asked a thousand times a second.
        if pause {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
