//! The strategies of the service, from its settings.

use std::{sync::Arc, time::Duration};

use cache_core::{Clock, Key, Result};
use cache_market::{MarketTime, StandardKey};
use cache_warming::{CronTimes, KeysOf, Predictive, RunBudget, RunSchedule, Warming};
use jiff::tz::TimeZone;
use market_data::{Asset, DataType, Market, Provider, Registry, ReplayProvider};

use super::{
    super::{NAMESPACE, providers::Providers},
    observer::local_hour,
};
use crate::settings::Settings;

/// How often the plan is looked at.
const PLAN_INTERVAL: Duration = Duration::from_secs(2);
/// How likely a key must be read that is fetched in each interval.
const LEAST_READ: f32 = 0.2;
/// How many keys of each kind a run by the clock or in an interval fetches at most.
const MAX_KEYS: usize = 1_000;

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
    let quotas = providers.registry.clone();
    let zone = market_zone(time);
    let built = Warming::builder()
        .clock(clock.clone())
        .max_tracked(usize::try_from(settings.cache.memory.max_tracked_entries).unwrap_or(usize::MAX))
        .hour_of(move |at| local_hour(&zone, at))
        .calls_left(move |kind| quotas.calls_left(kind.parse().ok()?))
        .strategy(popular.budget(budget.priority(200)))
        .strategy(Predictive::new("scheduled", by_clock).budget(few.priority(150)))
        .strategy(Predictive::new("predictive", each).least_read(LEAST_READ).worth(0.1).budget(few))
        .strategy(
            Predictive::new("plan", RunSchedule::Every(PLAN_INTERVAL))
                .saving(warming.plan as f32)
                .budget(budget),
        )
        .build();
    built.enable(warming.enabled);
    Ok(built)
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
