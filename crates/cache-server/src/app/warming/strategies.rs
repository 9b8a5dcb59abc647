//! The strategies of the service, from its settings.

use std::{sync::Arc, time::Duration};

use cache_core::{Clock, Key, Result, Timestamp};
use cache_market::{MarketTime, StandardKey};
use cache_warming::{
    Announced, CronTimes, KeysOf, OpeningBell, Predictive, RunBudget, RunSchedule, Together, Warming,
};
use jiff::tz::TimeZone;
use market_data::{
    Asset, DataType, Market, Provider, Registry, ReplayProvider,
    moment::{from_jiff, to_jiff},
};

use super::{
    super::{NAMESPACE, providers::Providers},
    local_hour::local_hour,
};
use crate::settings::Settings;

/// How often the plan is looked at.
const PLAN_INTERVAL: Duration = Duration::from_secs(2);
/// How likely a key must be read that is fetched in each interval.
const LEAST_READ: f32 = 0.2;
/// How many keys of each kind a run by the clock or in an interval fetches at most.
const MAX_KEYS: usize = 1_000;
/// Which share of what a quota leaves a second after the opening of a market may cost.
const BELL_SHARE: f64 = 0.9;

/// Returns what warms, which covers no kind yet.
pub(super) fn warming(
    settings: &Settings,
    providers: &Providers,
    time: &MarketTime,
    clock: &Clock,
) -> Result<Arc<Warming>> {
    let warming = &settings.warming;
    let budget = RunBudget::default().concurrency(warming.max_concurrent as usize);
    let few = budget.keys(MAX_KEYS);
    let by_clock = match warming.schedule.expression() {
        Some(text) => RunSchedule::At(Box::new(CronTimes::new(&text, TimeZone::UTC)?)),
        None => RunSchedule::ByHand,
    };
    let popular = popular(settings, providers);
    let popular = KeysOf::new("popular", RunSchedule::AtStart, move || {
        let keys = popular();
        async move { keys }
    });
    let each = RunSchedule::Every(Duration::from_secs(warming.interval));
    let zone = market_zone(time);
    let bell = OpeningBell::new("bell", last_opening(time)).budget(few.quota_share(BELL_SHARE).priority(190));
    let builder = Warming::builder()
        .clock(clock.clone())
        .fills(warming.fill)
        .max_tracked(usize::try_from(settings.cache.memory.max_tracked_entries).unwrap_or(usize::MAX))
        .hour_of(move |at| local_hour(&zone, at))
        .calls_left(calls_left(&providers.registry))
        .strategy(popular.budget(budget.priority(200)))
        .strategy(Predictive::new("scheduled", by_clock).budget(few.priority(150)))
        .strategy(Predictive::new("predictive", each).least_read(LEAST_READ).worth(0.1).budget(few))
        .strategy(Announced::new("announced").budget(few.priority(180)))
        .strategy(bell.lasting(Duration::from_secs(warming.opening_bell)));
    let builder = match warming.together as usize {
        0 => builder,
        keys => {
            let each_second = Together::default_budget().concurrency(warming.max_concurrent as usize);
            let together = Together::new("together").budget(each_second);
            builder.co_access(keys).strategy(together)
        }
    };
    let plan = Predictive::new("plan", RunSchedule::Every(PLAN_INTERVAL)).saving(warming.plan as f32);
    let built = builder.strategy(plan.budget(budget)).build();
    built.enable(warming.enabled);
    Ok(built)
}

/// Returns what tells when the market opened last that an asset without one is of, if it is open.
fn last_opening(time: &MarketTime) -> impl Fn(Timestamp) -> Option<Timestamp> + Send + Sync + 'static {
    let time = time.clone();
    move |now| {
        let session = time.calendars().of(Market::US)?.session(to_jiff(now))?;
        Some(from_jiff(session.open))
    }
}

/// Returns what tells how many calls the quotas of a kind's providers leave.
pub(super) fn calls_left(registry: &Arc<Registry>) -> impl Fn(&str) -> Option<usize> + Send + Sync + use<> {
    let registry = Arc::clone(registry);
    move |kind| registry.calls_left(kind.parse().ok()?)
}

/// Returns what gives the keys of the popular quotes that can be had.
fn popular(
    settings: &Settings,
    providers: &Providers,
) -> impl Fn() -> Result<Vec<Key>> + Send + Sync + 'static {
    let symbols = settings.warming.popular.clone();
    let replay = settings.providers.providers.is_empty().then(|| providers.replay.clone());
    let registry = providers.registry.clone();
    move || {
        let assets = symbols.iter().filter_map(|text| DataType::Price.read_asset(text).ok());
        let offered = assets.filter(|asset| is_offered(asset, &registry, replay.as_deref()));
        offered.map(|asset| StandardKey::Price { asset, provider: None }.within(NAMESPACE)).collect()
    }
}

/// Whether a quote of the asset can be had. The replay offers any, and has few.
fn is_offered(asset: &Asset, registry: &Registry, replay: Option<&ReplayProvider>) -> bool {
    let is_recorded = |replay: &ReplayProvider| {
        replay.symbols().any(|name| name.parse().is_ok_and(|known: Asset| known == *asset))
    };
    registry.covers(DataType::Price, asset) && replay.is_none_or(is_recorded)
}

/// Returns the zone of the market that an asset without one is of; UTC if its calendar is missing.
pub(super) fn market_zone(time: &MarketTime) -> TimeZone {
    time.calendars().of(Market::US).map_or(TimeZone::UTC, |calendar| calendar.zone().clone())
}
