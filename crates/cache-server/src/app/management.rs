//! The management of the service's cache over HTTP, and what is checked for its health.

use std::{
    iter::{once, successors},
    sync::Arc,
    time::Duration,
};

use cache_core::{Clock, Error, ErrorKind, Result, Tier as _, Timestamp};
use cache_disk::DiskTier;
use cache_facade::{Cache, Selection};
use cache_http::{HealthCheck, Management, MarketStatus};
use cache_market::{MarketTime, asset_tag, user_tag};
use market_calendar::{Calendar, Calendars};
use market_data::{
    DataType, ProviderReport, Registry,
    moment::{from_jiff, to_jiff},
};
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use super::{metrics::ServiceMetrics, warming::ServiceWarming};
use crate::{http::description::operations, routes::index::index};

/// How long the file system of the data folder may take to answer.
const DISK_TIMEOUT: Duration = Duration::from_secs(1);

/// Among how many changes of its phase the next open and close of a market are looked for: those of the longest
/// holidays.
const MAX_CHANGES: usize = 48;

/// Returns the management of the service's cache.
pub(super) fn management(
    cache: &Cache,
    disk: &DiskTier,
    registry: &Arc<Registry>,
    (time, clock): (&MarketTime, &Clock),
    metrics: &ServiceMetrics,
    warming: &ServiceWarming,
) -> Management {
    let (disk, registry, scheduler) = (disk.clone(), Arc::clone(registry), warming.scheduler());
    let (time, clock, prices) = (time.clone(), clock.clone(), Arc::clone(&metrics.prices));
    Management::builder(cache)
        .analytics(Arc::clone(&metrics.analytics))
        .prometheus(metrics.renderer())
        .warming(Arc::clone(&warming.warming))
        .warming_members(move || Map::from_iter([("updates".to_owned(), json!(scheduler.stats()))]))
        .selector("assets", of_asset)
        .selector("users", |selection, user| Ok(selection.tag(user_tag(user)?.as_str())))
        .providers(move || prices.statuses())
        .markets(move || markets(&time.calendars(), clock.now()))
        .index(index())
        .describe("cache-server", env!("CARGO_PKG_VERSION"), operations())
        .check(move || check_disk(disk.clone()))
        .check(move || std::future::ready(check_providers(&registry)))
        .build()
}

/// Returns what each market is doing, and when it opens and closes next.
fn markets(calendars: &Calendars, now: Timestamp) -> Vec<MarketStatus> {
    calendars.iter().map(|calendar| market(calendar, now)).collect()
}

/// A session that closes when the next one opens is no close here: trading goes on.
fn market(calendar: &Calendar, now: Timestamp) -> MarketStatus {
    let at = to_jiff(now);
    let changes = successors(calendar.next_change(at), |at| calendar.next_change(*at)).take(MAX_CHANGES);
    let next = |open: bool| {
        let states = changes.clone().map(|at| (at, calendar.is_open(at)));
        let before = once(calendar.is_open(at)).chain(changes.clone().map(|at| calendar.is_open(at)));
        let mut turns = states.zip(before);
        turns.find(|((_, is_open), was_open)| *is_open == open && *was_open != open).map(|((at, _), _)| at)
    };
    MarketStatus {
        code: calendar.market().as_str().to_owned(),
        zone: calendar.zone().iana_name().unwrap_or("UTC").to_owned(),
        open: calendar.is_open(at),
        phase: calendar.phase(at).as_str().to_owned(),
        next_open: next(true).map(from_jiff),
        next_close: next(false).map(from_jiff),
    }
}

/// Adds all market data about an asset.
fn of_asset(selection: Selection, text: &str) -> Result<Selection> {
    let invalid = |why| Error::new(ErrorKind::Config, "invalidate", why);
    let asset = DataType::Price.read_asset(text).map_err(|error| invalid(error.to_string()))?;
    Ok(selection.tag(asset_tag(&asset)?.as_str()))
}

/// Checks that the data folder is there, and that its file system answers: what is read from open files works on
/// after their folder is gone.
async fn check_disk(disk: DiskTier) -> HealthCheck {
    let checked = timeout(DISK_TIMEOUT, disk.check_directory()).await.unwrap_or_else(|_| {
        let message = format!("the file system of the data folder did not answer within {DISK_TIMEOUT:?}");
        Err(Error::new(ErrorKind::Timeout, "check", message))
    });
    HealthCheck { tier: Some(disk.name()), error: checked.err(), ..HealthCheck::default() }
}

/// One provider stands in for another; where none can be asked, what isn't cached can't be had. Those that can't
/// be asked are named.
fn check_providers(registry: &Registry) -> HealthCheck {
    let reports = registry.reports();
    let is_told = |report: &&ProviderReport| !report.is_healthy() || uncounted(report).is_some();
    let silent: Vec<Value> = reports.iter().filter(is_told).map(told).collect();
    let mut check =
        HealthCheck { degraded: !reports.iter().any(ProviderReport::is_healthy), ..HealthCheck::default() };
    if !silent.is_empty() {
        check.members.insert("providers".to_owned(), json!(silent));
    }
    check
}

/// Returns where the calls of a provider can't be counted at present, if so: this node keeps to its share of them.
fn uncounted(report: &ProviderReport) -> Option<&'static str> {
    report.counter.as_ref().filter(|counter| counter.unreachable.is_some()).map(|counter| counter.store)
}

/// Returns what is told of a provider: whether it can be asked, quotas apart, until when it asked for no calls,
/// and where its calls can't be counted.
fn told(report: &ProviderReport) -> Value {
    let mut told = json!({ "name": report.name, "healthy": report.is_healthy() });
    if let Some(until) = report.silent_until {
        told["silent_until_unix_ms"] = json!(until.as_micros() / 1000);
    }
    if let Some(store) = uncounted(report) {
        told["quota_counter_unreachable"] = json!(store);
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        from_jiff(text.parse().unwrap())
    }

    #[test]
    fn the_clock_tells_when_trading_begins_and_ends_next() {
        let calendars = Calendars::builtin();
        let told = |code: &str, now: &str| {
            let market = market(calendars.named(code).unwrap(), at(now));
            (market.open, market.next_open, market.next_close)
        };
        let (monday, friday) = ("2026-11-30T16:00:00Z", "2026-11-27T22:00:00Z");
        let close = Some(at("2026-11-30T21:00:00Z"));
        assert_eq!(told("XNYS", monday), (true, Some(at("2026-12-01T14:30:00Z")), close));
        assert_eq!(told("XNYS", friday), (false, Some(at("2026-11-30T14:30:00Z")), close));
        assert_eq!(told("CRYPTO", monday), (true, None, None));
        // Foreign exchange trades on, though one day's session ends.
        assert_eq!(told("FX", monday).2, Some(at("2026-12-04T22:00:00Z")));
        // The lunch break of Tokyo.
        assert_eq!(told("XTKS", "2026-12-01T01:00:00Z").2, Some(at("2026-12-01T02:30:00Z")));
    }
}
