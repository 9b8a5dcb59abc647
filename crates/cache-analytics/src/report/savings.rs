//! Calls that were saved, and what that is worth.

use serde::Serialize;

use super::numbers::Summary;
use crate::recorder::{
    counters::{Measure, Totals},
    surroundings::ProviderFigures,
};

/// Calls that were saved: those that reads would have made without a cache, one each, less those that were
/// made. A read for which nobody loads would have made none. It is the sum of what the cache, joining and
/// batching saved, less what was loaded ahead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SavedCalls {
    /// By the cache: reads that memory or a tier answered.
    pub by_cache: u64,
    /// By joining: reads that waited for the load that another read had begun.
    pub by_joining: u64,
    /// By batching: keys in calls beside the first one.
    pub by_batching: u64,
    /// Keys in calls that no read had missed, such as refreshes and warming, less misses for which no call was
    /// made.
    pub ahead: i64,
}

impl SavedCalls {
    pub(crate) fn of(totals: &Totals) -> Self {
        let get = |counted| totals.get(counted);
        let (missed, by_joining) = (totals.wanted().cast_signed(), get(Measure::JoinedMiss));
        Self {
            by_cache: totals.hits(),
            by_joining,
            by_batching: get(Measure::CalledKey).saturating_sub(get(Measure::Call)),
            ahead: get(Measure::CalledKey).cast_signed() - missed + by_joining.cast_signed(),
        }
    }
}

/// What calls cost, and what was saved, in the currency of the prices.
///
/// What was spent is what providers were called for, where they tell that, retries and calls of those that stand
/// in included: of a kind as they tell the [calls for it](ProviderFigures::calls_by_kind), of all together the sum
/// of the providers. Where nobody tells it is the price of a call times the calls of loaders. What was saved is an
/// estimate: as if each call that was saved had cost as much as those did on average that were made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Money {
    /// What a call of a loader cost on average; before the first one its price.
    pub price_per_call: f64,
    /// What the calls cost that were made: what misses and refreshes cost.
    pub spent: f64,
    /// What was saved in all.
    pub saved: f64,
    /// What of it the cache saved.
    pub by_cache: f64,
    /// What joining saved.
    pub by_joining: f64,
    /// What batching saved.
    pub by_batching: f64,
    /// What was spent ahead, less what missed without a call.
    pub ahead: f64,
    /// What of it warming saved, less the calls that it made, if that is known.
    pub by_warming: Option<f64>,
}

impl Money {
    /// Returns that of a kind with this price, and this summary since the start; `None` if nobody has a price for
    /// it.
    pub(crate) fn of_kind(
        kind: &str,
        price: Option<f64>,
        providers: &[ProviderFigures],
        summary: &Summary,
    ) -> Option<Self> {
        let &Summary { calls, calls_saved, saved, .. } = summary;
        let spent = spent_on(kind, providers);
        if price.is_none() && spent.unwrap_or_default() == 0.0 {
            return None;
        }
        let price = price.unwrap_or_default();
        let spent = spent.unwrap_or(price * calls as f64);
        let price_per_call = if calls > 0 { spent / calls as f64 } else { price };
        let SavedCalls { by_cache, by_joining, by_batching, ahead } = saved;
        Some(Self {
            price_per_call,
            spent,
            saved: price_per_call * calls_saved as f64,
            by_cache: price_per_call * by_cache as f64,
            by_joining: price_per_call * by_joining as f64,
            by_batching: price_per_call * by_batching as f64,
            ahead: price_per_call * ahead as f64,
            by_warming: None,
        })
    }

    /// Returns that of all kinds, with so many calls of loaders each; `None` if nothing has a price.
    pub(crate) fn total(
        kinds: &[(Self, u64)],
        providers: &[ProviderFigures],
        saved_by_warming: Option<i64>,
    ) -> Option<Self> {
        let sum = |of: fn(&Self) -> f64| kinds.iter().map(|(money, _)| of(money)).sum::<f64>();
        let paid: Vec<f64> = providers.iter().filter_map(ProviderFigures::spent).collect();
        if kinds.is_empty() && paid.is_empty() {
            return None;
        }
        let spent = if paid.is_empty() { sum(|money| money.spent) } else { paid.iter().sum() };
        // Before the first call all of them count alike.
        let price_per_call = match kinds.iter().map(|(_, calls)| *calls).sum::<u64>() {
            0 => sum(|money| money.price_per_call) / kinds.len().max(1) as f64,
            calls => spent / calls as f64,
        };
        Some(Self {
            price_per_call,
            spent,
            saved: sum(|money| money.saved),
            by_cache: sum(|money| money.by_cache),
            by_joining: sum(|money| money.by_joining),
            by_batching: sum(|money| money.by_batching),
            ahead: sum(|money| money.ahead),
            by_warming: saved_by_warming.map(|calls| price_per_call * calls as f64),
        })
    }
}

/// Returns what providers were called for a kind, as they tell; `None` if none with a price tells its calls by
/// kind.
fn spent_on(kind: &str, providers: &[ProviderFigures]) -> Option<f64> {
    let telling = providers.iter().filter(|provider| !provider.calls_by_kind.is_empty());
    let spent = telling.filter_map(|provider| {
        let calls = provider.calls_by_kind.get(kind).copied().unwrap_or_default();
        Some(provider.price_per_call? * calls as f64)
    });
    spent.fold(None, |sum, spent| Some(sum.unwrap_or_default() + spent))
}
