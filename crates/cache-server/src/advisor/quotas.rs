//! What providers allow, against what is asked of them.

use std::time::Duration;

use cache_market::{Life, Scope};
use market_calendar::Phase;
use market_data::{DataType, Quota};

use super::{Advice, Situation};
use crate::settings::{ProviderEntry, ProviderKind};

/// How long a market is open a day, in seconds, at least: there quotes live shortest.
const SESSION: f64 = 6.5 * 3600.0;

/// Where a quota can't refresh one quote as often as it dies, the provider is silent for most of the day.
pub(super) fn life_below_quota(situation: &Situation<'_>) -> Option<Advice> {
    let life = match situation.settings.ttl_rules().life(Scope::all(DataType::Price), Phase::Open) {
        Life::For(life) if !life.is_zero() => life,
        _ => return None,
    };
    let popular =
        if situation.settings.warming.enabled { situation.settings.warming.popular.len() } else { 1 };
    providers(situation).find_map(|entry| {
        let calls = calls_a_day(entry.quota)?;
        // Quotes that die together go in one call, as far as the provider takes several.
        let calls_a_round = if takes_one(entry.kind) { popular.max(1) } else { 1 };
        let wanted = SESSION / life.as_secs_f64() * calls_a_round as f64;
        (wanted > calls).then(|| {
            let needed = (SESSION * calls_a_round as f64 / calls).ceil();
            let what = if calls_a_round > 1 { format!("the {popular} symbols of warming.popular") } else { "one quote".to_owned() };
            let text = format!(
                "a quote lives {} s while its market is open (ttl.price), and the quota of the provider {} is {calls:.0} calls a day: to keep \
                 {what} fresh through a session takes {wanted:.0}, so the quota is used up early; give ttl.price {needed:.0} or more, \
                 fewer warming.popular, or a larger quota",
                life.as_secs(),
                entry.name()
            );
            Advice::new("ttl.price", text)
        })
    })
}

/// A request that gives up before the provider's retries have been made fails where they would have helped.
pub(super) fn timeout_below_retries(situation: &Situation<'_>) -> Option<Advice> {
    let limit = Duration::from_millis(situation.settings.limits.load_timeout_ms);
    providers(situation).find_map(|entry| {
        let settings = entry.provider_settings();
        let tries = u64::from(settings.retries) + 1;
        let all = Duration::from_millis(
            settings.timeout_ms.saturating_mul(tries).saturating_add(settings.backoff_ms.saturating_mul(tries - 1)),
        );
        (settings.timeout_ms >= situation.settings.limits.load_timeout_ms && all > limit).then(|| {
            let text = format!(
                "limits.load_timeout_ms is {}, and the provider {} may take {} ms for one call and {} in all for {tries}: a request gives \
                 up before it is tried again, or before another provider is asked; give limits.load_timeout_ms {} or more, or the \
                 provider a timeout_ms below it",
                limit.as_millis(),
                entry.name(),
                settings.timeout_ms,
                all.as_millis(),
                all.as_millis()
            );
            Advice::new("limits.load_timeout_ms", text)
        })
    })
}

/// Returns the providers that are asked over a network.
fn providers<'a>(situation: &Situation<'a>) -> impl Iterator<Item = &'a ProviderEntry> {
    let entries = situation.settings.providers.providers.iter();
    entries.filter(|entry| !matches!(entry.kind, ProviderKind::Replay | ProviderKind::Csv))
}

/// Whether a call asks for one quote alone.
fn takes_one(kind: ProviderKind) -> bool {
    kind == ProviderKind::AlphaVantage
}

/// Returns how many calls a quota allows in a session. One of a second alone is no bound on a day.
fn calls_a_day(quota: Quota) -> Option<f64> {
    let minute = quota.per_minute.map(|calls| f64::from(calls.get()) * SESSION / 60.0);
    let day = quota.per_day.map(|calls| f64::from(calls.get()));
    minute.into_iter().chain(day).reduce(f64::min)
}
