//! The settings of a provider in a registry: priority, quota, timeout, retries, breaker.

use std::{num::NonZeroU32, time::Duration};

use cache_core::Backoff;
use serde::{Deserialize, Serialize};

use crate::{DataType, Market, asset::names::refusal_of_unknown};

/// The settings of a provider in a registry. Fields left out of a configuration have their defaults; unknown
/// fields are refused.
///
/// ```
/// use market_data::ProviderSettings;
///
/// let text = r#"{"priority": 1, "quota": {"per_minute": 5, "per_day": 25}, "retries": 0}"#;
/// let settings: ProviderSettings = serde_json::from_str(text).unwrap();
/// assert_eq!((settings.priority, settings.timeout_ms), (1, 5000));
/// assert!(serde_json::from_str::<ProviderSettings>(r#"{"prio": 1}"#).is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProviderSettings {
    /// Lower priorities are asked first; among equals, the one added first. Default: 0.
    pub priority: i32,
    /// The kinds of data it is asked for. Default: all that it offers.
    pub data: Option<Vec<DataType>>,
    /// The markets it is asked for. Default: all that it offers.
    pub markets: Option<Vec<Market>>,
    /// Whether the next provider is asked for a key that this one doesn't know. Default: no.
    pub next_if_unknown: bool,
    /// How many calls it may get. Default: unlimited.
    pub quota: Quota,
    /// How long one call may take, in milliseconds. Default: 5000.
    pub timeout_ms: u64,
    /// How often a call is retried after a transient failure, before the next provider is asked. Default: 1.
    pub retries: u32,
    /// The pause before the first retry, in milliseconds, up to half of which is cut at random; it doubles
    /// with each further retry. Default: 200.
    pub backoff_ms: u64,
    /// The longest pause between retries, and the pause when it throttles without saying for how long, in
    /// milliseconds. Default: 2000.
    pub backoff_max_ms: u64,
    /// The longest pause that it can ask for, in milliseconds: a longer `Retry-After` is cut, so that no
    /// provider is silent for a day by one word of its own. Default: 300,000.
    pub retry_after_max_ms: u64,
    /// After how many failures in a row its breaker opens. Default: 5.
    pub breaker_failures: u32,
    /// How long its breaker stays open, in milliseconds, before one call probes it. Default: 30,000.
    pub breaker_pause_ms: u64,
}

impl Default for ProviderSettings {
    fn default() -> Self {
        Self {
            priority: 0,
            data: None,
            markets: None,
            next_if_unknown: false,
            quota: Quota::default(),
            timeout_ms: 5000,
            retries: 1,
            backoff_ms: 200,
            backoff_max_ms: 2000,
            retry_after_max_ms: 300_000,
            breaker_failures: 5,
            breaker_pause_ms: 30_000,
        }
    }
}

impl ProviderSettings {
    /// Returns the fields that a registry refuses, each with the reason and the remedy.
    ///
    /// ```
    /// use market_data::ProviderSettings;
    ///
    /// let settings = ProviderSettings { timeout_ms: 0, ..Default::default() };
    /// assert_eq!(settings.invalid_fields(), [("timeout_ms", "is 0: give at least 1".to_owned())]);
    /// ```
    #[must_use]
    pub fn invalid_fields(&self) -> Vec<(&'static str, String)> {
        let positive = [
            ("timeout_ms", self.timeout_ms),
            ("retry_after_max_ms", self.retry_after_max_ms),
            ("breaker_failures", self.breaker_failures.into()),
            ("breaker_pause_ms", self.breaker_pause_ms),
        ];
        let zero = |(field, value)| (value == 0).then(|| (field, "is 0: give at least 1".to_owned()));
        let mut invalid: Vec<_> = positive.into_iter().filter_map(zero).collect();
        if self.backoff_ms > self.backoff_max_ms {
            let (least, most) = (self.backoff_ms, self.backoff_max_ms);
            invalid
                .push(("backoff_ms", format!("is {least}, above its backoff_max_ms of {most}: swap them")));
        }
        let unknown = self.markets.iter().flatten().find_map(|market| refusal_of_unknown(*market));
        invalid.extend(unknown.map(|why| ("markets", why)));
        invalid
    }

    /// Returns the pauses before the retries of one call.
    pub(super) fn backoff(&self) -> Backoff {
        Backoff::new(Duration::from_millis(self.backoff_ms)..=Duration::from_millis(self.backoff_max_ms))
    }
}

/// How many calls a provider may get in any second, minute and day (24 hours). `None` is unlimited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quota {
    /// In any second.
    pub per_second: Option<NonZeroU32>,
    /// In any minute.
    pub per_minute: Option<NonZeroU32>,
    /// In any 24 hours.
    pub per_day: Option<NonZeroU32>,
}

impl Quota {
    /// Returns the limits that are set, with their spans.
    pub(super) fn limits(self) -> impl Iterator<Item = (u32, Duration)> {
        [(self.per_second, 1), (self.per_minute, 60), (self.per_day, 86_400)]
            .into_iter()
            .filter_map(|(limit, seconds)| Some((limit?.get(), Duration::from_secs(seconds))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_their_most_and_differ() {
        let settings = ProviderSettings { backoff_ms: 100, backoff_max_ms: 1000, ..Default::default() };
        let mut backoffs: Vec<Backoff> = (0..100).map(|_| settings.backoff()).collect();
        for most in [100, 200, 400, 800, 1000, 1000] {
            let pauses: Vec<Duration> = backoffs.iter_mut().map(Backoff::pause_at_least_half).collect();
            let bounds = Duration::from_millis(most / 2)..=Duration::from_millis(most);
            assert!(pauses.iter().all(|pause| bounds.contains(pause)), "{most}: {pauses:?}");
            assert!(pauses.iter().any(|pause| *pause != pauses[0]));
        }
        let huge = ProviderSettings { backoff_ms: u64::MAX, backoff_max_ms: u64::MAX, ..Default::default() };
        assert!(huge.backoff().pause_at_least_half() > Duration::from_secs(1));
    }

    #[test]
    fn a_market_that_is_not_known_is_refused_with_those_that_are() {
        let invalid = |market: &str| {
            let markets = Some(vec![Market::US, market.parse().unwrap()]);
            ProviderSettings { markets, ..Default::default() }.invalid_fields()
        };
        for market in ["USA", "NYSE", "NASDAQ", "LSE"] {
            let (field, why) = &invalid(market)[0];
            assert_eq!(*field, "markets");
            assert!(
                why.contains(market) && why.contains("CRYPTO, DSMD, FX") && why.contains("XNYS"),
                "{why}"
            );
        }
        assert!(["XWAR", "XETR", "XXXX", "OTCM"].into_iter().all(|market| invalid(market).is_empty()));
    }

    #[test]
    fn settings_are_read_as_they_are_written_and_a_quota_of_none_is_refused() {
        let settings = ProviderSettings { priority: -1, ..Default::default() };
        let text = serde_json::to_string(&settings).unwrap();
        assert_eq!(serde_json::from_str::<ProviderSettings>(&text).unwrap(), settings);
        assert!(serde_json::from_str::<Quota>(r#"{"per_day": 0}"#).is_err());
    }
}
