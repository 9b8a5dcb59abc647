//! Asks the tiers and the bus of a configuration, as a start would open them.

use std::time::{Duration, Instant};

use cache_core::{Clock, Error, ErrorKind};
use cache_facade::{
    Cache,
    config::{BusCarrier, CacheConfig},
};
use tokio::time::{sleep, timeout};

use super::{Asked, Trouble};
use crate::{app::NAMESPACE, config::Config};

/// How long a server may take to answer for the first time.
const LIMIT: Duration = Duration::from_secs(3);
/// The pause before a server is asked again: connecting to it may still be under way.
const PAUSE: Duration = Duration::from_millis(50);
/// The key that is asked for. Nothing is ever under it.
const KEY: (&str, &str) = ("check", "none");

/// Asks each tier, and the bus.
pub(super) async fn ask(config: &Config) -> Vec<Asked> {
    let cache = &config.settings.cache;
    let mut asked = vec![disk(cache).await];
    for name in cache.shared_tiers() {
        asked.extend(server(cache, name).await);
    }
    asked
}

/// Opens the disk tier, if there is one already: nothing is left behind where there was nothing.
async fn disk(cache: &CacheConfig) -> Asked {
    let (begun, folder) = (Instant::now(), cache.disk.dir.display().to_string());
    if !cache.disk.dir.join("disk").exists() {
        return Asked::since(begun, "disk", Ok(format!("{folder} will be created")));
    }
    let opened = match cache.open_disk(&Clock::system()) {
        Ok(disk) => {
            let entries = disk.usage().entries;
            disk.close().await.map(|()| format!("{folder}, {entries} entries"))
        }
        Err(error) => Err(error),
    };
    let outcome = opened.map_err(|error| {
        let remedy = match error.kind() {
            ErrorKind::Unavailable | ErrorKind::Config => {
                "if a service runs on this folder, stop it first, or ask it by `cache-server stats`; else give another folder by --data-dir"
            }
            _ => "look at the folder's rights and file system, or give another by --data-dir",
        };
        Trouble::new(error.to_string(), remedy)
    });
    Asked::since(begun, "disk", outcome)
}

/// Asks the tier of a server, and the bus if the server carries it.
async fn server(cache: &CacheConfig, name: &'static str) -> Vec<Asked> {
    let mut alone = cache.clone();
    if name == "redis" {
        alone.postgres.url = None
    } else {
        alone.redis.url = None
    }
    let is_carrier = match cache.bus.by {
        None => cache.shared_tiers().next() == Some(name),
        Some(BusCarrier::Redis) => name == "redis",
        Some(BusCarrier::Postgres) => name == "postgres",
        Some(BusCarrier::Off) => false,
    };
    alone.bus.by = if is_carrier { alone.bus.by } else { Some(BusCarrier::Off) };
    let begun = Instant::now();
    let opened = async { alone.share(Cache::builder().namespace(NAMESPACE))?.build().await }.await;
    let cache = match opened {
        Ok(cache) => cache,
        Err(error) => return vec![Asked::since(begun, name, Err(trouble(name, &error)))],
    };
    let answered = within_limit(async || {
        let report = cache.inspect(KEY.0, KEY.1).await?;
        match report.tiers.into_iter().find_map(|tier| tier.error) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    });
    let outcome = answered.await.map(|()| "answers".to_owned()).map_err(|error| trouble(name, &error));
    let works = outcome.is_ok();
    let mut asked = vec![Asked::since(begun, name, outcome)];
    if is_carrier && works {
        asked.push(bus(&cache, name).await);
    }
    // It connected; what else it does at an end is of no matter here.
    let _ = cache.shutdown(Duration::from_millis(200)).await;
    asked
}

async fn bus(cache: &Cache, carrier: &'static str) -> Asked {
    let begun = Instant::now();
    let connected = within_limit(async || match cache.health().bus {
        Some(bus) if !bus.connected => Err(bus
            .error
            .unwrap_or_else(|| Error::new(ErrorKind::Unavailable, "connect", "the bus is not connected"))),
        _ => Ok(()),
    });
    let outcome = connected.await.map(|()| format!("on {carrier}")).map_err(|error| trouble(carrier, &error));
    Asked::since(begun, "bus", outcome)
}

/// Asks until there is an answer. If there is none in time, returns the first error: later ones tell of a breaker
/// that the first has opened.
async fn within_limit(ask: impl AsyncFn() -> Result<(), Error>) -> Result<(), Error> {
    let end = Instant::now() + LIMIT;
    let mut first = None;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let asked = timeout(left, ask()).await.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Timeout, "check", format!("there was no answer within {LIMIT:?}")))
        });
        match asked {
            Ok(()) => return Ok(()),
            Err(error) => {
                // What is refused once is refused again.
                let is_over = error.kind() == ErrorKind::Config || Instant::now() + PAUSE >= end;
                let told = first.get_or_insert(error);
                if is_over {
                    return Err(told.clone());
                }
                sleep(PAUSE).await;
            }
        }
    }
}

fn trouble(name: &str, error: &Error) -> Trouble {
    let setting = format!("{name}.url");
    let remedy = match error.kind() {
        ErrorKind::Timeout => {
            format!("it is slow or unreachable: look at the server and at {setting}, or raise {name}.timeout")
        }
        ErrorKind::Config => format!("change what the error names: {setting}, or the rights of its user"),
        _ => format!(
            "look whether the server runs, and at host, port and password in {setting}; without it the service starts, and asks it once it is back"
        ),
    };
    Trouble::new(error.to_string(), remedy)
}
