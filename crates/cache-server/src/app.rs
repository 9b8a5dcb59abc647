//! The wiring: a provider, the tiers in front of it, and a region for each kind of data.

use std::{fmt, sync::OnceLock, time::Duration};

use cache_core::{Clock, Error, ErrorKind, Loader, Result, sync::RwLock};
use cache_disk::DiskTier;
use cache_facade::{Cache, Cacheable, Policy, Region, config::Faults};
use cache_market::{MarketTime, QuoteLoader, SeriesLoader, WatchedLoader};
use market_data::{DataType, Quote, Registry, ReplayProvider, SCHEMA, Series};
use tokio::time::{Instant, timeout_at};

use crate::{
    config::{Config, Reloaded},
    events::{Attending, Events, moves},
    settings::Settings,
    upstream::Upstream,
};

/// What stands in front of every key of the service.
pub(crate) const NAMESPACE: &str = "md";
/// Lives are shortened by up to this share, so that what came together doesn't expire together.
const JITTER: f64 = 0.05;
/// A value is refreshed behind its readers once this share of its life is over.
const EAGER: f64 = 0.8;
/// What closing the disk tier is given where loads took up all the time.
const CLOSE: Duration = Duration::from_millis(300);

/// A running service, but for its socket.
#[derive(Debug)]
pub struct App {
    pub(crate) cache: Cache,
    live: RwLock<Live>,
    disk: DiskTier,
    upstream: Upstream,
    time: MarketTime,
    pub(crate) events: Events,
    _attending: Attending,
    listener: OnceLock<Listener>,
}

/// What a new configuration changes while the service runs.
#[derive(Debug)]
struct Live {
    config: Config,
    quotes: Region<Quote>,
    series: Region<Series>,
}

/// Who is told of a configuration that was read anew.
struct Listener(Box<dyn Fn(&Settings) + Send + Sync>);

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}

/// How much of what was under way an [`App`] ended with, where its disk tier was flushed.
#[derive(Debug)]
pub enum Closed {
    /// All of it.
    Complete,
    /// All that had been loaded: for the loads that were still waiting there was no time, as this says.
    LoadsCut(Error),
}

impl App {
    /// Opens the tiers and puts them in front of the provider, all in `clock`'s time.
    ///
    /// # Errors
    ///
    /// If the data folder can't be opened, or a setting can't hold.
    pub async fn open(config: &Config, clock: Clock) -> Result<Self> {
        let settings = &config.settings;
        let upstream = Upstream::open(settings, &clock)?;
        let time = market_time(settings)?;
        let disk = settings.cache.open_disk(&clock).map_err(|error| {
            let folder = settings.cache.disk.dir.display();
            let advice = "choose another with --data-dir or CACHE_SERVER_DATA_DIR";
            Error::new(error.kind(), "start", format!("the data folder {folder}: {error}; {advice}"))
        })?;
        let builder = Cache::builder()
            .namespace(NAMESPACE)
            .memory(settings.cache.memory())
            .local_tier(disk.clone())
            .clock(clock.clone());
        let cache = settings.cache.share(builder, &clock)?.build().await?;
        settings.cache.protected()?.iter().try_for_each(|pattern| cache.protect(pattern))?;
        let gather = Duration::from_millis(settings.service.gather_ms);
        let provider = upstream.registry.clone();
        let (moved, moves) = moves();
        let watched = WatchedLoader::new(
            QuoteLoader::new(provider.clone()),
            time.clone(),
            clock.clone(),
            move |event| {
                if moved.try_send(event).is_err() {
                    tracing::warn!("too many prices moved at once: what a move touches lives on");
                }
            },
        );
        let quotes = region(&cache, &time, DataType::Price, gather, watched)?;
        let series = region(&cache, &time, DataType::Ohlcv, gather, SeriesLoader::new(provider))?;
        let events = Events::new(cache.clone(), time.clone(), clock, quotes.clone(), series.clone());
        let attending = events.clone().attend(moves);
        let live = Live {
            config: config.clone(),
            quotes: quotes.with(|policy| patient(policy, settings)),
            series: series.with(|policy| patient(policy, settings)),
        };
        Ok(Self {
            cache,
            live: RwLock::new(live),
            disk,
            upstream,
            time,
            events,
            _attending: attending,
            listener: OnceLock::new(),
        })
    }

    /// Quotes, as they are to be kept by the configuration in force.
    #[must_use]
    pub fn quotes(&self) -> Region<Quote> {
        self.live.read().quotes.clone()
    }

    /// Series, as they are to be kept by the configuration in force.
    #[must_use]
    pub fn series(&self) -> Region<Series> {
        self.live.read().series.clone()
    }

    /// The configuration in force.
    #[must_use]
    pub fn config(&self) -> Config {
        self.live.read().config.clone()
    }

    /// Whom to tell of a configuration that was read anew. The first who asks is told, no other.
    pub fn when_reloaded(&self, act: impl Fn(&Settings) + Send + Sync + 'static) {
        let _ = self.listener.set(Listener(Box::new(act)));
    }

    /// Reads the configuration anew, and takes over what may change while the service runs. What is loaded
    /// from now on lives by it; what is held already keeps its promise.
    ///
    /// # Errors
    ///
    /// All that is wrong with what is there now. The configuration in force stays.
    pub fn reload(&self) -> Result<Reloaded, Faults> {
        let mut live = self.live.write();
        let (config, reloaded) = live.config.reread()?;
        let settings = &config.settings;
        // Both were checked as the configuration was read; a file may be gone since.
        let kept = |why: &dyn fmt::Display| tracing::error!(%why, "TTL rules unchanged");
        match settings.calendars() {
            Ok(calendars) => self.time.replace_calendars(calendars),
            Err(error) => kept(&error),
        }
        if let Err(error) = self.time.replace(settings.rules()) {
            kept(&error);
        }
        live.quotes = live.quotes.with(|policy| patient(policy, settings));
        live.series = live.series.with(|policy| patient(policy, settings));
        if let Some(Listener(act)) = self.listener.get() {
            act(settings);
        }
        live.config = config;
        Ok(reloaded)
    }

    /// The replay of recorded days: the provider behind the tiers, if no others are configured.
    #[must_use]
    pub fn provider(&self) -> &ReplayProvider {
        &self.upstream.replay
    }

    /// The providers by priority: those that are configured, or else that one.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.upstream.registry
    }

    /// The tier behind memory.
    #[must_use]
    pub fn disk(&self) -> &DiskTier {
        &self.disk
    }

    /// Waits for loads and writes that are under way, for about `limit`, makes the disk tier's contents
    /// lasting and closes it.
    ///
    /// # Errors
    ///
    /// If the tier could not be flushed, or not in time: something that was loaded may not be on disk.
    pub async fn close(&self, limit: Duration) -> Result<Closed> {
        let deadline = Instant::now() + limit;
        let flushed = self.cache.shutdown(limit).await;
        // Closed even where writes were cut short: what is complete is made lasting.
        let closed = timeout_at(deadline.max(Instant::now() + CLOSE), self.disk.close()).await;
        closed.unwrap_or_else(|_| {
            let message = format!("the disk tier was still not closed after {limit:?}");
            Err(Error::new(ErrorKind::Timeout, "shutdown", message))
        })?;
        match flushed {
            Ok(()) => Ok(Closed::Complete),
            // Closing flushes too, so what ran out of time and is lost can only be loads.
            Err(error) if error.kind() == ErrorKind::Timeout => Ok(Closed::LoadsCut(error)),
            Err(error) => Err(error),
        }
    }
}

fn market_time(settings: &Settings) -> Result<MarketTime> {
    let time = MarketTime::new(settings.rules(), settings.calendars()?);
    time.map_err(|invalid| Error::new(ErrorKind::Config, "ttl.rules", invalid.to_string()))
}

fn region<V: Cacheable>(
    cache: &Cache,
    time: &MarketTime,
    data: DataType,
    gather: Duration,
    loader: impl Loader<V>,
) -> Result<Region<V>> {
    cache
        .region::<V>(data.as_str())
        .ttl(time.ttl(data))
        .jitter(JITTER)
        .eager(EAGER)
        .schema(SCHEMA)
        .gather(gather)
        .loader(loader)
        .open()
}

/// How long a region waits and doesn't ask again, which may change while it is open.
fn patient<V>(policy: Policy<V>, settings: &Settings) -> Policy<V> {
    policy
        .negative(Duration::from_secs(settings.ttl.unknown))
        .hard_timeout(Duration::from_millis(settings.limits.load_timeout_ms))
        .throttle(Duration::from_millis(settings.limits.throttle_ms))
}
