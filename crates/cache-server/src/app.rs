//! The wiring: a provider, the tiers in front of it, and a region for each kind of data.

use std::{sync::Arc, time::Duration};

use cache_core::{Clock, Error, ErrorKind, Loader, Result, Ttl};
use cache_disk::{DiskConfig, DiskTier};
use cache_facade::{Cache, Cacheable, Region};
use cache_market::{DataType, Quote, QuoteLoader, Registry, ReplayProvider, SCHEMA, Series, SeriesLoader};
use tokio::time::{Instant, timeout_at};

use crate::settings::Settings;

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
    pub(crate) quotes: Region<Quote>,
    pub(crate) series: Region<Series>,
    disk: DiskTier,
    provider: Arc<ReplayProvider>,
    registry: Arc<Registry>,
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
    pub async fn open(settings: &Settings, clock: Clock) -> Result<Self> {
        let provider = Arc::new(ReplayProvider::new(settings.replay(), clock.clone())?);
        let registry = Registry::builder(clock.clone())
            .provider(provider.clone(), settings.provider())
            .build()
            .map(Arc::new)?;
        let config =
            DiskConfig::new(settings.disk_dir()).max_bytes(settings.disk_mib << 20).clock(clock.clone());
        let disk = DiskTier::open(config)?;
        let builder = Cache::builder()
            .namespace(NAMESPACE)
            .memory(settings.memory())
            .local_tier(disk.clone())
            .clock(clock.clone());
        let cache = settings.shared.join(builder, &clock)?.build().await?;
        settings.memory_protect.iter().try_for_each(|pattern| cache.protect(pattern))?;
        let quotes = QuoteLoader::new(registry.clone());
        let quotes = region(&cache, settings, DataType::Price, settings.price_ttl(), quotes)?;
        let series = SeriesLoader::new(registry.clone());
        let series = region(&cache, settings, DataType::Ohlcv, settings.ohlcv_ttl(), series)?;
        Ok(Self { cache, quotes, series, disk, provider, registry })
    }

    /// The provider behind the tiers.
    #[must_use]
    pub fn provider(&self) -> &ReplayProvider {
        &self.provider
    }

    /// The providers by priority, among them that one.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
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

fn region<V: Cacheable>(
    cache: &Cache,
    settings: &Settings,
    data: DataType,
    ttl: Ttl,
    loader: impl Loader<V>,
) -> Result<Region<V>> {
    cache
        .region::<V>(data.as_str())
        .ttl(ttl)
        .negative(Duration::from_secs(settings.ttl_unknown))
        .jitter(JITTER)
        .eager(EAGER)
        .hard_timeout(Duration::from_millis(settings.load_timeout_ms))
        .throttle(Duration::from_millis(settings.throttle_ms))
        .schema(SCHEMA)
        .loader(loader)
        .open()
}
