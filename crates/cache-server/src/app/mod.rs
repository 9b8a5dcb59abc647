//! App: the providers, the cache in front of them with a region for each kind of data, reload and shutdown.

mod events;
pub(crate) mod json_text;
mod management;
pub(crate) mod market_kinds;
mod market_settings;
pub(crate) mod metrics;
pub(crate) mod own_kinds;
mod prices;
pub(crate) mod providers;
mod reload;
pub(crate) mod value_texts;
pub(crate) mod warming;

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use cache_core::{Clock, Error, ErrorKind, LogSum, Result, Tier, Timestamp, sync::RwLock};
use cache_disk::DiskTier;
use cache_facade::{Cache, Region};
use cache_http::Management;
use cache_market::{AnnouncedEvents, MarketRegions, MarketTime, QuoteLoader, WatchedLoader};
use market_data::{Asset, DataType, Document, Provider, Quote, Registry, ReplayProvider, Series};
use tokio::time::{Instant, timeout_at};
use tokio_util::task::TaskTracker;

pub use self::reload::{RELOAD_TIMEOUT, ReloadError};
use self::{
    events::{EventHandler, EventTask, move_queue},
    management::management,
    market_settings::{ServiceRegions, Timeouts},
    metrics::{Observed, ServiceMetrics},
    own_kinds::OwnKinds,
    providers::Providers,
    reload::ReloadTurns,
    value_texts::MarketTexts,
    warming::{ServiceWarming, UnopenedWarming},
};
use crate::{config::Config, log::LogWriter, settings::Settings};

/// The namespace of all keys of the service.
pub(crate) const NAMESPACE: &str = "md";
/// The least time for closing the disk tier, after loads that used up the limit.
const MIN_DISK_CLOSE_TIMEOUT: Duration = Duration::from_millis(300);
/// How much of the limit of a stop is for requests that change something and whose client is gone.
const CHANGES_SHARE: f32 = 0.25;

/// The running service without its socket.
#[derive(Debug)]
pub struct App {
    pub(crate) cache: Cache,
    reloadable: RwLock<Reloadable>,
    disk: DiskTier,
    providers: Providers,
    time: MarketTime,
    clock: Clock,
    pub(crate) events: EventHandler,
    pub(crate) own_kinds: OwnKinds,
    pub(crate) warming: ServiceWarming,
    pub(crate) texts: MarketTexts,
    _metrics: ServiceMetrics,
    pub(crate) management: Management,
    _event_task: EventTask,
    reload_hook: OnceLock<ReloadHook>,
    log: OnceLock<LogWriter>,
    reload_turns: Arc<ReloadTurns>,
    changes: TaskTracker,
}

/// The parts that a reload replaces.
#[derive(Debug)]
struct Reloadable {
    config: Config,
    regions: Arc<MarketRegions>,
}

/// A function called after a reload.
struct ReloadHook(Box<dyn Fn(&Config) + Send + Sync>);

impl fmt::Debug for ReloadHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReloadHook")
    }
}

/// How an [`App`] closed whose disk tier was flushed.
#[derive(Debug)]
pub enum CloseOutcome {
    /// All loads and writes were finished.
    Complete,
    /// All that was loaded is on disk; loads still under way were aborted, for this reason.
    LoadsAborted(Error),
    /// All that was loaded is on disk; another tier did not take all of it, for this reason.
    TierUnflushed(Error),
}

impl App {
    /// Opens the providers and the cache in front of them, all on `clock`.
    ///
    /// # Errors
    ///
    /// If the data folder can't be opened, or a setting is invalid.
    pub async fn open(config: &Config, clock: Clock) -> Result<Self> {
        let settings = &config.settings;
        let providers = Providers::open(config, &clock)?;
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
            .lives(settings.cache.lives())
            .spans_with_keys(settings.tracing.keys)
            .clock(clock.clone());
        let warming = UnopenedWarming::new(settings, &providers, &time, &clock)?;
        let observed = Observed {
            registry: &providers.registry,
            warming: warming.downgrade(),
            time: &time,
            disk: &disk,
            disk_budget: settings.cache.disk.mib << 20,
        };
        let mut metrics = ServiceMetrics::new(settings, &clock, &observed)?;
        let builder = warming.observing(builder).observer(Arc::clone(&metrics.analytics));
        let cache = settings.cache.share(builder)?.build().await?;
        settings.cache.protected()?.iter().try_for_each(|pattern| cache.protect(pattern))?;
        let provider: Arc<dyn Provider> = providers.registry.clone();
        let (moved, moves) = move_queue();
        let (dropped_moves, move_clock) = (LogSum::new("price moves that were dropped"), clock.clone());
        let watched = WatchedLoader::new(
            QuoteLoader::new(provider.clone()),
            time.clone(),
            clock.clone(),
            move |event| {
                if moved.try_send(event).is_err()
                    && let Some(times) = dropped_moves.count(move_clock.now())
                {
                    tracing::warn!(
                        times,
                        "price move queue full: dropped a move, cached values of the asset stay until they expire"
                    );
                }
            },
        );
        let set_up = ServiceRegions::new(&time, settings);
        let regions = Arc::new(MarketRegions::open(&cache, provider, watched, set_up)?);
        let own_kinds = OwnKinds::open(&cache, &time, settings)?;
        let announced = AnnouncedEvents::open(&cache, time.clone()).await?;
        let events =
            EventHandler::new(announced, regions.clone(), warming.shared(), time.clone(), clock.clone());
        let regions = Arc::new(regions.with(&Timeouts(settings))?);
        let warming = warming.open(&cache, &regions, &providers.registry, &time, &clock, settings).await?;
        // Once warming knows which kinds it is told of.
        let event_task = events.clone().spawn(moves);
        let reloadable = Reloadable { config: config.clone(), regions };
        metrics.start();
        let management = management(&cache, &disk, &providers.registry, (&time, &clock), &metrics, &warming);
        Ok(Self {
            cache,
            reloadable: RwLock::new(reloadable),
            disk,
            providers,
            time,
            clock,
            events,
            own_kinds,
            warming,
            texts: MarketTexts::default(),
            _metrics: metrics,
            management,
            _event_task: event_task,
            reload_hook: OnceLock::new(),
            log: OnceLock::new(),
            reload_turns: Arc::default(),
            changes: TaskTracker::new(),
        })
    }

    /// Returns the time by the clock of the cache.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns how long it is until an announced event invalidates such data about the asset.
    pub(crate) fn until_dropped(&self, asset: &Asset, data: DataType) -> Option<Duration> {
        self.events.until_dropped(asset, data, &self.time.rules())
    }

    /// Returns the region of quotes, with the policy of the configuration in force.
    #[must_use]
    pub fn quotes(&self) -> Region<Quote> {
        self.regions().quotes().clone()
    }

    /// Returns the region of series, with the policy of the configuration in force.
    #[must_use]
    pub fn series(&self) -> Region<Series> {
        self.regions().series().clone()
    }

    /// Returns the region of documents of a kind, as [`App::quotes`]; `None` if providers have no such documents.
    #[must_use]
    pub fn documents(&self, data: DataType) -> Option<Region<Document>> {
        self.regions().documents(data).cloned()
    }

    /// Returns the cache of all regions.
    #[must_use]
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// Returns the regions of all market kinds, with the policies of the configuration in force.
    pub(crate) fn regions(&self) -> Arc<MarketRegions> {
        Arc::clone(&self.reloadable.read().regions)
    }

    /// Returns the configuration in force.
    #[must_use]
    pub fn config(&self) -> Config {
        self.reloadable.read().config.clone()
    }

    /// Sets the function to call after each reload. Only the first one is kept.
    pub fn on_reload(&self, hook: impl Fn(&Config) + Send + Sync + 'static) {
        let _ = self.reload_hook.set(ReloadHook(Box::new(hook)));
    }

    /// Sets the log whose lines the statistics count. Only the first one is kept.
    pub fn count_log_lines(&self, log: LogWriter) {
        let _ = self.log.set(log);
    }

    /// Returns the log whose lines the statistics count.
    pub(crate) fn log(&self) -> Option<&LogWriter> {
        self.log.get()
    }

    /// Returns the replay of recorded days: the provider, if none is configured.
    #[must_use]
    pub fn replay(&self) -> &ReplayProvider {
        &self.providers.replay
    }

    /// Returns the registry of the configured providers, or of the replay.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.providers.registry
    }

    /// Ends the streams of events, whose clients would keep their connections open.
    pub fn end_streams(&self) {
        self.management.close();
    }

    /// Tracks the requests that may change something, which go on though their client is gone.
    pub(crate) fn changes(&self) -> &TaskTracker {
        &self.changes
    }

    /// Returns the disk tier.
    #[must_use]
    pub fn disk(&self) -> &DiskTier {
        &self.disk
    }

    /// Waits for changes, loads and writes under way, for about `limit`, then flushes the disk tier and closes it.
    ///
    /// # Errors
    ///
    /// If the disk tier could not be flushed, or not in time, or did not take all writes: values may not be on
    /// disk.
    pub async fn close(&self, limit: Duration) -> Result<CloseOutcome> {
        let deadline = Instant::now() + limit;
        // First, since they take several steps: a cache that shuts down would let them do half.
        self.changes.close();
        let begun = Instant::now();
        let unfinished = timeout_at(begun + limit.mul_f32(CHANGES_SHARE), self.changes.wait()).await.is_err();
        if unfinished {
            tracing::warn!(
                open = self.changes.len(),
                "requests that change something are cut short by the stop"
            );
        }
        self.warming.close(limit).await;
        let flushed = self.cache.shutdown(limit.saturating_sub(begun.elapsed())).await;
        // Closed even if writes were aborted: it flushes those that are complete.
        let closed =
            timeout_at(deadline.max(Instant::now() + MIN_DISK_CLOSE_TIMEOUT), self.disk.close()).await;
        closed.unwrap_or_else(|_| {
            let message = format!("the disk tier was not closed within {limit:?}");
            Err(Error::new(ErrorKind::Timeout, "shutdown", message))
        })?;
        // What it could not take before, such as on a full disk, is in the retry queue until the end.
        let disk = self.cache.stats().tiers.into_iter().find(|tier| tier.name == self.disk.name());
        let pending = disk.map_or(0, |disk| disk.pending);
        if pending > 0 {
            let message =
                format!("the disk tier did not take {pending} writes: their values are not on disk");
            return Err(Error::new(ErrorKind::Storage, "shutdown", message));
        }
        match flushed {
            Ok(()) => Ok(CloseOutcome::Complete),
            // Closing flushed the tier, so only loads can have been aborted.
            Err(error) if error.kind() == ErrorKind::Timeout => Ok(CloseOutcome::LoadsAborted(error)),
            Err(error) => Ok(CloseOutcome::TierUnflushed(error)),
        }
    }
}

fn market_time(settings: &Settings) -> Result<MarketTime> {
    let time = MarketTime::new(settings.ttl_rules(), settings.calendars()?);
    time.map_err(|invalid| Error::new(ErrorKind::Config, "ttl.rules", invalid.to_string()))
}

#[cfg(test)]
mod tests {
    use tokio::task::yield_now;

    use super::*;

    #[tokio::test]
    async fn rule_105_a_stop_waits_for_changes_before_the_cache_takes_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("data").display().to_string();
        let config = Config::from_flags(["cache-server", "--data-dir", &dir]).unwrap();
        let app = App::open(&config, Clock::manual()).await.unwrap();
        let other = app.cache.region::<u64>("other").open().unwrap();
        let change = app.changes().spawn(async move {
            for _ in 0..50 {
                yield_now().await;
            }
            other.put("a", 1).await
        });
        app.close(Duration::from_secs(20)).await.unwrap();
        change.await.unwrap().expect("the cache still took it");
    }
}
