//! What the service tells of itself: analytics of the cache, and the metrics that Prometheus reads.

use std::{
    fmt,
    sync::{Arc, Weak},
    time::Duration,
};

use cache_analytics::{Analytics, Report, TierBytes};
use cache_core::{Clock, Error, ErrorKind, Key, Pattern, Result, Tier, Timestamp};
use cache_disk::DiskTier;
use cache_http::comprehensive_report;
use cache_market::{MarketTime, StandardKey};
use cache_warming::Warming;
use market_data::{Registry, moment::to_jiff};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::{
    task::{JoinHandle, spawn_blocking},
    time::{MissedTickBehavior, interval},
};

use super::{NAMESPACE, market_kinds::is_market_key, prices::Prices};
use crate::settings::Settings;

/// How often the counts are looked at, so that it is known what came in the last minute.
const TICK: Duration = Duration::from_secs(1);

const TICKS_PER_MINUTE: u64 = 60;

/// The bounds of times, in seconds.
const BUCKETS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Analytics of the cache, and the metrics made of it.
pub(crate) struct ServiceMetrics {
    pub(crate) analytics: Arc<Analytics>,
    /// What the providers cost, and how they are.
    pub(super) prices: Arc<Prices>,
    prometheus: PrometheusHandle,
    log_minutes: u64,
    ticks: Option<JoinHandle<()>>,
}

/// What analytics is told of.
pub(super) struct Observed<'a> {
    pub(super) registry: &'a Arc<Registry>,
    pub(super) warming: Weak<Warming>,
    pub(super) time: &'a MarketTime,
    pub(super) disk: &'a DiskTier,
    pub(super) disk_budget: u64,
}

impl ServiceMetrics {
    /// Makes analytics that a cache is to be given as an observer, and metrics with the configured prefix.
    ///
    /// # Errors
    ///
    /// `Config` if a name can't begin so, or a pattern is none.
    pub(super) fn new(settings: &Settings, clock: &Clock, observed: &Observed<'_>) -> Result<Self> {
        let failed = |error| Error::caused(ErrorKind::Config, "start", "the metrics can't be made", error);
        let times = Matcher::Suffix("latency_seconds".to_owned());
        let builder = PrometheusBuilder::new().set_buckets_for_metric(times, &BUCKETS).map_err(failed)?;
        let recorder = builder.build_recorder();
        let prices = Arc::new(Prices::new(&settings.providers.providers, observed.registry));
        let (of_kind, of_provider) = (Arc::clone(&prices), Arc::clone(&prices));
        let (warming, time) = (Weak::clone(&observed.warming), observed.time.clone());
        let (disk, disk_budget) = (observed.disk.clone(), observed.disk_budget);
        let mut builder = Analytics::builder(clock.clone())
            .price_per_call(move |kind| of_kind.of_kind(kind))
            .providers(move || of_provider.figures())
            .saved_by_warming(move || warming.upgrade().map_or(0, |warming| warming.stats().calls_saved))
            .phase(move |key, now| phase(&time, key, now))
            .tier_bytes(move || {
                let usage = disk.usage();
                let (name, entries) = (disk.name().to_owned(), Some(usage.entries));
                vec![TierBytes { name, entries, bytes: usage.live_bytes, budget: Some(disk_budget) }]
            });
        for group in &settings.analytics.key_groups {
            builder = builder.key_group(group, Pattern::glob(group)?.within(NAMESPACE))?;
        }
        let (analytics, prometheus) = (builder.build(), recorder.handle());
        analytics.export(Arc::new(recorder), &settings.service.metrics_prefix)?;
        Ok(Self { analytics, prices, prometheus, log_minutes: settings.analytics.log_minutes, ticks: None })
    }

    /// Lets time pass from now on.
    pub(super) fn start(&mut self) {
        let (analytics, prometheus) = (Arc::clone(&self.analytics), self.prometheus.clone());
        let ticks_per_log = self.log_minutes * TICKS_PER_MINUTE;
        self.ticks = Some(tokio::spawn(async move {
            let mut ticks = interval(TICK);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
            for tick in 0_u64.. {
                ticks.tick().await;
                let (ticking, prometheus) = (Arc::clone(&analytics), prometheus.clone());
                // Now and then it visits all entries.
                let ticked = spawn_blocking(move || {
                    ticking.tick();
                    prometheus.run_upkeep();
                });
                let _ = ticked.await;
                if tick > 0 && ticks_per_log > 0 && tick % ticks_per_log == 0 {
                    log(comprehensive_report(&analytics, ()).await);
                }
            }
        }));
    }

    /// Returns what writes all metrics, as Prometheus reads them.
    pub(super) fn renderer(&self) -> impl Fn() -> String + Send + Sync + use<> {
        let (analytics, prometheus) = (Arc::clone(&self.analytics), self.prometheus.clone());
        move || {
            analytics.publish();
            prometheus.render()
        }
    }
}

/// Logs a report, each line of its table as a line. Keys that an application owns are left out.
fn log(mut report: Report) {
    if let Some(memory) = &mut report.memory {
        memory.hot_keys.retain(|hot| is_market_key(&hot.key));
    }
    for line in report.to_string().lines() {
        tracing::info!(target: "cache_server::report", "{line}");
    }
}

/// Returns the phase of the market of a key's asset, if its market has a calendar.
fn phase(time: &MarketTime, key: &Key, now: Timestamp) -> Option<&'static str> {
    let named = StandardKey::of(key).ok()?;
    let calendars = time.calendars();
    let calendar = calendars.of(named.asset()?.market)?;
    Some(calendar.phase(to_jiff(now)).as_str())
}

impl fmt::Debug for ServiceMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceMetrics").field("analytics", &self.analytics).finish_non_exhaustive()
    }
}

impl Drop for ServiceMetrics {
    fn drop(&mut self) {
        self.ticks.iter().for_each(JoinHandle::abort);
    }
}
