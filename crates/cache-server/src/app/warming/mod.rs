//! Warming of the service: what it learns and fetches beforehand, the updates that it sends in batches, and the
//! history that survives a restart.

mod history;
mod local_hour;
mod strategies;
mod target;

use std::{
    fmt,
    sync::{Arc, Weak},
    time::Duration,
};

use cache_core::{Clock, Key, Result, Timestamp, sync::Mutex};
use cache_facade::{Cache, CacheBuilder};
use cache_market::{MarketRegions, MarketTime, StandardKey};
use cache_warming::{
    BatchScheduler, Coverage, Priority, Running, RunningWarming, Scheduled, SchedulerStats, WarmStart,
    Warming,
};
use market_data::{DataType, Registry};
use tokio::{
    task::JoinHandle,
    time::{MissedTickBehavior, interval, timeout},
};

use self::{
    history::{KeptHistory, MAX_SAVED},
    local_hour::local_hour,
    strategies::{calls_left, market_zone},
    target::Targets,
};
use super::{NAMESPACE, providers::Providers};
use crate::settings::Settings;

/// How often to look whether the history is to be saved.
const SAVE_TICK: Duration = Duration::from_millis(200);
/// The shares of the limit of a stop that are for updates that wait, and for saving the history.
const UPDATES_SHARE: f32 = 0.2;
const HISTORY_SHARE: f32 = 0.2;
/// The asset of which the usual life of a kind is told.
const USUAL_ASSET: &str = "AAPL";

/// Warming before its cache is there, which has to be told of it.
pub(super) struct UnopenedWarming(Arc<Warming>);

/// Warming of the service.
pub(crate) struct ServiceWarming {
    pub(crate) warming: Arc<Warming>,
    scheduler: BatchScheduler,
    /// The kinds whose updates are taken, with the provider that is asked first.
    providers: Vec<(DataType, String)>,
    targets: Targets,
    history: Arc<KeptHistory>,
    background: Mutex<Option<Background>>,
}

/// What goes on until this is dropped.
struct Background {
    _warming: RunningWarming,
    _scheduler: Running,
    saving: JoinHandle<()>,
}

impl Drop for Background {
    fn drop(&mut self) {
        self.saving.abort();
    }
}

impl fmt::Debug for ServiceWarming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceWarming")
            .field("warming", &self.warming)
            .field("scheduler", &self.scheduler)
            .finish_non_exhaustive()
    }
}

impl UnopenedWarming {
    /// Puts warming together.
    ///
    /// # Errors
    ///
    /// `Config` if the schedule is none.
    pub(super) fn new(
        settings: &Settings,
        providers: &Providers,
        time: &MarketTime,
        clock: &Clock,
    ) -> Result<Self> {
        strategies::warming(settings, providers, time, clock).map(Self)
    }

    /// Returns it, for whoever tells of it while it lives.
    pub(super) fn downgrade(&self) -> Weak<Warming> {
        Arc::downgrade(&self.0)
    }

    /// Returns what warms.
    pub(super) fn shared(&self) -> Arc<Warming> {
        Arc::clone(&self.0)
    }

    /// Lets a cache tell of reads, and fill the free places of its calls.
    pub(super) fn observing(&self, builder: CacheBuilder) -> CacheBuilder {
        builder.observer(Arc::clone(self.0.history())).fill(Arc::downgrade(&self.0))
    }

    /// Covers the regions, brings what was asked for most before a restart into memory, and begins to warm.
    ///
    /// # Errors
    ///
    /// `Config` if the cache has another region of the history's name.
    pub(super) async fn open(
        self,
        cache: &Cache,
        regions: &MarketRegions,
        registry: &Arc<Registry>,
        time: &MarketTime,
        clock: &Clock,
        settings: &Settings,
    ) -> Result<ServiceWarming> {
        let Self(warming) = self;
        let targets = Targets::of(regions, settings.warming.batch_size as usize);
        let scheduler = scheduler(settings, registry, time, clock);
        let mut providers = Vec::new();
        for (data, target) in targets.iter() {
            warming.cover(
                target.clone(),
                coverage(time, data, clock.now(), cache_core::Warm::max_batch(&**target)),
            );
            let Some((provider, _)) = registry.offers_by_name(data).next() else { continue };
            scheduler.register(provider, target.clone())?;
            providers.push((data, provider.to_owned()));
        }
        let history = Arc::new(KeptHistory::open(cache)?);
        let opened =
            ServiceWarming { warming, scheduler, providers, targets, history, background: Mutex::new(None) };
        // Whether or not anything is warmed: what is saved next takes the place of what was kept.
        opened.history.restore(&opened.warming).await;
        let limit = Duration::from_millis(settings.warming.start_timeout_ms);
        if settings.warming.enabled && !limit.is_zero() {
            opened.start_warm(limit).await;
        }
        opened.begin(clock, Duration::from_secs(settings.warming.save_interval))?;
        Ok(opened)
    }
}

impl ServiceWarming {
    /// Brings what was asked for most before a restart from the tiers into memory, within a limit.
    async fn start_warm(&self, limit: Duration) {
        // Its own limit goes by the clock of the cache, which may be a manual one.
        let warmed = timeout(limit, self.warming.warm_start(MAX_SAVED, limit)).await.ok();
        let WarmStart { looked_for, lifted, .. } = warmed.unwrap_or_default();
        if warmed.is_none_or(|warmed| warmed.timed_out) {
            tracing::warn!(looked_for, lifted, "the warm start took longer than warming.start_timeout_ms");
        } else if looked_for > 0 {
            tracing::info!(looked_for, lifted, "brought what was asked for most before into memory");
        }
    }

    /// Begins to warm, to send updates and to save the history.
    fn begin(&self, clock: &Clock, save_interval: Duration) -> Result<()> {
        let (warming, history, clock) = (self.warming.clone(), self.history.clone(), clock.clone());
        let saving = tokio::spawn(async move {
            let mut ticks = interval(SAVE_TICK);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut next = clock.now().after(save_interval);
            loop {
                ticks.tick().await;
                let now = clock.now();
                if now < next {
                    continue;
                }
                next = now.after(save_interval);
                if warming.is_enabled()
                    && let Err(error) = history.save(&warming).await
                {
                    tracing::warn!(%error, "the history of what is asked for was not saved");
                }
            }
        });
        let _scheduler = self.scheduler.start()?;
        *self.background.lock() = Some(Background { _warming: self.warming.start(), _scheduler, saving });
        Ok(())
    }

    /// Puts the reloadable settings in force.
    pub(super) fn apply(&self, settings: &Settings, regions: &MarketRegions) {
        self.targets.replace(regions);
        self.warming.enable(settings.warming.enabled);
    }

    /// Asks for an update of a key, which never waits; `None` if no provider is asked for its kind.
    ///
    /// # Errors
    ///
    /// `Limit` if too many updates are pending; `Closed` after the end; `Limit` and `Config` for an invalid key.
    pub(crate) fn schedule_update(&self, key: &StandardKey, priority: Priority) -> Option<Result<Scheduled>> {
        let (_, provider) = self.providers.iter().find(|(data, _)| *data == key.data())?;
        let key: Result<Key> = key.within(NAMESPACE);
        Some(key.and_then(|key| self.scheduler.schedule_update(&key, provider, priority)))
    }

    /// Returns the scheduler of updates.
    pub(super) fn scheduler(&self) -> BatchScheduler {
        self.scheduler.clone()
    }

    /// Returns what the scheduler of updates did.
    pub(crate) fn updates(&self) -> SchedulerStats {
        self.scheduler.stats()
    }

    /// Stops warming, sends the updates that wait, and saves the history, within a part of the limit each.
    pub(super) async fn close(&self, limit: Duration) {
        let background = self.background.lock().take();
        let updates = limit.mul_f32(UPDATES_SHARE);
        // Its own limit goes by the clock of the cache, which may be a manual one.
        let drained = timeout(updates, self.scheduler.shutdown(updates)).await;
        drop(background);
        let left = drained.map_or_else(|_| self.scheduler.stats().pending, |drained| drained.left);
        if left > 0 {
            tracing::warn!(left, "scheduled updates are dropped by the stop");
        }
        if self.warming.is_enabled() {
            match timeout(limit.mul_f32(HISTORY_SHARE), self.history.save(&self.warming)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(%error, "the history of what is asked for was not saved"),
                Err(_) => tracing::warn!("the history of what is asked for was not saved in time"),
            }
        }
    }
}

/// Returns how the values of a kind are warmed.
fn coverage(time: &MarketTime, data: DataType, now: Timestamp, max_batch: usize) -> Coverage {
    let usual = Key::new(data.as_str(), USUAL_ASSET).map(|key| time.ttl(data).of(&key, false, now).life);
    let coverage = Coverage::default();
    let coverage = match usual {
        Ok(life) if !life.is_zero() => coverage.life(life),
        _ => coverage,
    };
    // Where each key is a call of its own, it must be likelier read than not.
    if max_batch == 1 { coverage.price_of_key(1.0) } else { coverage }
}

fn scheduler(
    settings: &Settings,
    registry: &Arc<Registry>,
    time: &MarketTime,
    clock: &Clock,
) -> BatchScheduler {
    let batch = &settings.batch;
    let (hours, zone) = (batch.low_load_hours.clone(), market_zone(time));
    BatchScheduler::builder()
        .clock(clock.clone())
        .batch_size(batch.size as usize)
        .interval(Duration::from_secs(batch.interval))
        .calls_left(calls_left(registry))
        .low_load(move |at| hours.contains(&local_hour(&zone, at).hour))
        .build()
}
