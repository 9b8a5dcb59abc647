//! All figures of the dashboard in one body, made once for all who watch.

use std::sync::Arc;

use cache_analytics::{
    Advice, AdviceThresholds, AnswerReport, HitRateTrend, HourReport, KindReport, Latency, MissCauses, Money,
    PhaseReport, Report, Summary, TierBytes,
};
use cache_core::{Key, Timestamp, sync::Mutex};
use cache_facade::{MemoryStats, TierStats};
use cache_warming::WarmingStats;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    Management, ManagementBuilder,
    figures::MAX_AGE,
    status::{MarketStatus, ProviderStatus},
};
use crate::{
    guard::Caller,
    problem::Problem,
    routes::{health, shapes::HealthBody, warming::stats_for},
};

/// How many of the keys read most are told.
const MAX_HOT_KEYS: usize = 20;

/// Who asks: what is told differs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Viewer {
    pub(crate) caller: Caller,
    pub(crate) may_read_private: bool,
}

/// All figures of the dashboard.
#[derive(Serialize)]
struct Overview {
    at_unix_ms: i64,
    name: &'static str,
    version: &'static str,
    /// Whether whoever asks may change something, and read keys.
    may_change: bool,
    health: HealthBody,
    memory: MemoryFigures,
    tiers: Vec<TierStats>,
    /// Messages between nodes that were sent and received; left out if there are no others.
    #[serde(skip_serializing_if = "Option::is_none")]
    bus: Option<BusFigures>,
    /// The words beside keys, patterns, kinds and tags by which an invalidation may name things.
    selectors: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    traffic: Option<Traffic>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warming: Option<WarmingStats>,
    #[serde(skip_serializing_if = "Option::is_none")]
    providers: Option<Vec<ProviderStatus>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    markets: Option<Vec<MarketStatus>>,
    /// Left out for those who may not read keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    hot_keys: Option<Vec<HotKey>>,
}

/// What memory holds.
#[derive(Serialize)]
struct MemoryFigures {
    policy: &'static str,
    entries: u64,
    weight: u64,
    budget: u64,
    /// Whether weights are bytes; else each entry weighs one.
    weighs_bytes: bool,
    protected: u64,
    evicted_for_space: u64,
}

#[derive(Serialize)]
struct BusFigures {
    sent: u64,
    received: u64,
    unproven: u64,
    errors: u64,
}

/// What was asked of the cache and how it answered.
#[derive(Serialize)]
struct Traffic {
    from_unix_s: i64,
    since_start: Summary,
    last_minute: Summary,
    last_hour: Summary,
    hours: Vec<HourReport>,
    trend: Option<HitRateTrend>,
    answers: Vec<AnswerReport>,
    /// Memory and each tier, all kinds together.
    sources: Vec<SourceTotals>,
    kinds: Vec<KindFigures>,
    tier_bytes: Vec<TierBytes>,
    money: Option<Money>,
    saved_by_warming: Option<i64>,
    advice: Vec<Advice>,
}

#[derive(Serialize)]
struct SourceTotals {
    name: &'static str,
    hits: u64,
    stale: u64,
    misses: Map<String, Value>,
}

/// What is told of a kind.
#[derive(Serialize)]
struct KindFigures {
    kind: String,
    reads: u64,
    hits: u64,
    hit_rate: Option<f64>,
    calls: u64,
    calls_saved: i64,
    refreshes: u64,
    unchanged: Option<f64>,
    estimated_outdated: Option<f64>,
    waits: Latency,
    phases: Vec<PhaseReport>,
}

/// A key that is read often.
#[derive(Serialize)]
struct HotKey {
    key: String,
    estimated_share: f64,
    estimated_reads: u64,
}

/// An overview as JSON, and when it was made.
type Made = (Timestamp, Arc<str>);

/// The last overviews that were made: one for each that may be told another thing.
#[derive(Debug, Default)]
pub(crate) struct LatestOverviews([Mutex<Option<Made>>; 4]);

impl LatestOverviews {
    /// Returns the overview of now, or of a moment ago, as JSON.
    pub(crate) async fn of(&self, management: &Management, viewer: Viewer) -> Result<Arc<str>, Problem> {
        let is_insider = viewer.caller == Caller::Insider;
        let latest = &self.0[usize::from(is_insider) * 2 + usize::from(viewer.may_read_private)];
        let now = management.cache().clock().now();
        let recent = latest.lock().clone().filter(|(at, _)| *at <= now && now.since(*at) < MAX_AGE);
        if let Some((_, text)) = recent {
            return Ok(text);
        }
        let overview = Overview::of(management, viewer, now).await;
        let text: Arc<str> =
            serde_json::to_string(&overview).map_err(|error| Problem::unwritable(&error))?.into();
        *latest.lock() = Some((now, Arc::clone(&text)));
        Ok(text)
    }
}

impl Overview {
    async fn of(management: &Management, viewer: Viewer, now: Timestamp) -> Self {
        let Viewer { caller, may_read_private } = viewer;
        let health = health::health(management, caller).await;
        let (cache, parts) = (management.cache(), management.parts());
        let stats = cache.stats();
        let traffic = management.analytics().map(|analytics| Traffic::of(analytics.report()));
        let warming = management.warming().map(|warming| stats_for(warming, caller));
        let (name, version) = parts.title;
        Self {
            at_unix_ms: now.as_micros() / 1000,
            name,
            version,
            may_change: may_read_private,
            health,
            memory: MemoryFigures::of(&stats.memory, cache.weighs_bytes()),
            bus: stats.bus.map(|bus| BusFigures {
                sent: bus.sent,
                received: bus.received,
                unproven: bus.unproven,
                errors: bus.errors,
            }),
            tiers: stats.tiers,
            selectors: parts.selectors.keys().copied().collect(),
            traffic,
            warming,
            providers: parts.providers.as_ref().map(|providers| providers()),
            markets: parts.markets.as_ref().map(|markets| markets()),
            hot_keys: may_read_private.then(|| hot_keys(management)),
        }
    }
}

impl MemoryFigures {
    fn of(stats: &MemoryStats, weighs_bytes: bool) -> Self {
        Self {
            policy: stats.eviction.as_str(),
            entries: stats.entries,
            weight: stats.weight,
            budget: stats.budget,
            weighs_bytes,
            protected: stats.protected,
            evicted_for_space: stats.evictions.size,
        }
    }
}

impl Traffic {
    fn of(report: Report) -> Self {
        let mut sources: Vec<(&'static str, u64, u64, MissCauses)> = Vec::new();
        for source in report.kinds.iter().flat_map(|kind| &kind.sources) {
            let at = sources.iter().position(|(name, ..)| *name == source.name).unwrap_or_else(|| {
                sources.push((source.name, 0, 0, MissCauses::default()));
                sources.len() - 1
            });
            let (_, hits, stale, misses) = &mut sources[at];
            *hits += source.hits;
            *stale += source.stale;
            *misses = misses.plus(&source.misses);
        }
        let totals = |(name, hits, stale, misses): (&'static str, u64, u64, MissCauses)| {
            let causes = misses.each().into_iter().filter(|(_, count)| *count > 0);
            let misses = causes.map(|(cause, count)| (cause.as_str().to_owned(), count.into())).collect();
            SourceTotals { name, hits, stale, misses }
        };
        Self {
            from_unix_s: report.from,
            advice: report.advice(&AdviceThresholds::default()),
            sources: sources.into_iter().map(totals).collect(),
            kinds: report.kinds.into_iter().map(KindFigures::of).collect(),
            since_start: report.since_start,
            last_minute: report.last_minute,
            last_hour: report.last_hour,
            hours: report.hours,
            trend: report.trend,
            answers: report.answers,
            tier_bytes: report.tiers,
            money: report.money,
            saved_by_warming: report.saved_by_warming,
        }
    }
}

impl KindFigures {
    fn of(kind: KindReport) -> Self {
        let all = kind.since_start;
        Self {
            kind: kind.kind,
            reads: all.reads,
            hits: all.hits,
            hit_rate: all.hit_rate,
            calls: all.calls,
            calls_saved: all.calls_saved,
            refreshes: all.refreshes,
            unchanged: all.unchanged,
            estimated_outdated: all.estimated_outdated,
            waits: kind.waits,
            phases: kind.phases,
        }
    }
}

/// Returns the keys read most of late, as they are written in patterns.
fn hot_keys(management: &Management) -> Vec<HotKey> {
    let cache = management.cache();
    let bare = |key: &Key| Key::bare_text(key.as_str(), cache.namespace()).map(str::to_owned);
    let hottest = cache.hottest(MAX_HOT_KEYS).into_iter();
    let told = hottest.filter_map(|hot| {
        Some(HotKey { key: bare(&hot.key)?, estimated_share: hot.share, estimated_reads: hot.reads })
    });
    told.collect()
}

impl ManagementBuilder {
    /// Adds what the dashboard shows of the providers that loaders call: whether they can be asked, what was asked
    /// of them, and how their quotas stand. It is called each second while somebody watches, so it should look at
    /// figures that are at hand. Without it the dashboard has no such panel.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use cache_facade::Cache;
    /// use cache_http::{Management, ProviderStatus, QuotaStatus};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_facade::Result<()> {
    /// # let cache = Cache::builder().build().await?;
    /// let management = Management::builder(&cache)
    ///     .providers(|| {
    ///         let span = Duration::from_secs(86_400);
    ///         let quota = QuotaStatus { limit: 25, span, left: 7, ..QuotaStatus::default() };
    ///         let name = "acme".to_owned();
    ///         vec![ProviderStatus { name, healthy: true, calls: 18, quotas: vec![quota], ..ProviderStatus::default() }]
    ///     })
    ///     .build();
    /// # drop(management);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn providers(mut self, providers: impl Fn() -> Vec<ProviderStatus> + Send + Sync + 'static) -> Self {
        self.parts_mut().providers = Some(Box::new(providers));
        self
    }

    /// Adds what the dashboard shows as the market clock: which markets are open, and when they open and close
    /// next. As [`providers`](Self::providers).
    #[must_use]
    pub fn markets(mut self, markets: impl Fn() -> Vec<MarketStatus> + Send + Sync + 'static) -> Self {
        self.parts_mut().markets = Some(Box::new(markets));
        self
    }
}
