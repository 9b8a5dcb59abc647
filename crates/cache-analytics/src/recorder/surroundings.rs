//! What a cache can't say of itself, and whoever put it together tells: prices, providers, warming, tiers, phases.

use std::{collections::BTreeMap, fmt, mem, sync::Arc};

use cache_core::{Clock, Error, ErrorKind, Key, Pattern, Result, Timestamp, sync::Mutex};
use serde::Serialize;

use super::{
    analytics::Analytics,
    sample::{DEFAULT_SAMPLE_RATE, Sample, groups::MOST_KEY_GROUPS},
};

type Price = Box<dyn Fn(&str) -> Option<f64> + Send + Sync>;
type Phase = Box<dyn Fn(&Key, Timestamp) -> Option<&'static str> + Send + Sync>;
type Told<T> = Box<dyn Fn() -> T + Send + Sync>;

/// What is told by others.
#[derive(Default)]
pub(crate) struct Surroundings {
    price: Option<Price>,
    providers: Option<Told<Vec<ProviderFigures>>>,
    saved_by_warming: Option<Told<i64>>,
    tier_bytes: Option<Told<Vec<TierBytes>>>,
    phase: Option<Phase>,
    /// What there had been by the last reset, which is left out.
    before: Mutex<Before>,
}

/// What providers were called for, and warming saved, by a moment.
#[derive(Default)]
struct Before {
    providers: Vec<ProviderFigures>,
    saved_by_warming: i64,
}

impl Surroundings {
    /// Leaves out what there was before now.
    pub(super) fn reset(&self) {
        let now = Before {
            providers: self.providers.as_ref().map_or_else(Vec::new, |providers| providers()),
            saved_by_warming: self.saved_by_warming.as_ref().map_or(0, |saved| saved()),
        };
        drop(mem::replace(&mut *self.before.lock(), now));
    }

    /// Returns what a call for this kind costs, if anybody says so.
    pub(crate) fn price(&self, kind: &str) -> Option<f64> {
        self.price.as_ref()?(kind).filter(|price| price.is_finite())
    }

    pub(crate) fn providers(&self) -> Vec<ProviderFigures> {
        let mut providers = self.providers.as_ref().map_or_else(Vec::new, |providers| providers());
        let before = self.before.lock();
        for provider in &mut providers {
            let known = before.providers.iter().find(|before| before.name == provider.name);
            known.into_iter().for_each(|before| provider.leave_out(before));
        }
        providers
    }

    pub(crate) fn saved_by_warming(&self) -> Option<i64> {
        let before = self.before.lock().saved_by_warming;
        self.saved_by_warming.as_ref().map(|saved| saved() - before)
    }

    pub(crate) fn tier_bytes(&self) -> Vec<TierBytes> {
        self.tier_bytes.as_ref().map_or_else(Vec::new, |bytes| bytes())
    }

    pub(super) fn phase(&self, key: &Key, now: Timestamp) -> Option<&'static str> {
        self.phase.as_ref()?(key, now)
    }
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings").finish_non_exhaustive()
    }
}

/// The settings of [`Analytics`]: what it is told of a cache's surroundings. The functions are called by reports,
/// but for that of [`phase`](Self::phase).
///
/// ```
/// use cache_analytics::{Analytics, ProviderFigures};
/// use cache_core::Clock;
///
/// let analytics = Analytics::builder(Clock::manual())
///     .price_per_call(|kind| (kind == "price").then_some(0.002))
///     .providers(|| vec![ProviderFigures { price_per_call: Some(0.002), ..ProviderFigures::of("yahoo", 500) }])
///     .build();
/// let report = analytics.report();
/// assert_eq!(report.providers[0].spent(), Some(1.0));
/// ```
#[derive(Debug)]
#[must_use]
pub struct AnalyticsBuilder {
    clock: Clock,
    surroundings: Surroundings,
    sample_rate: f64,
    groups: Vec<(String, Pattern)>,
}

impl AnalyticsBuilder {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            surroundings: Surroundings::default(),
            sample_rate: DEFAULT_SAMPLE_RATE,
            groups: Vec::new(),
        }
    }

    /// Sets what a call for a kind costs, in any currency; `None` where nobody is paid for it. Default: nobody is.
    /// Where [providers](Self::providers) tell what they were called for, that is what was spent, and this counts
    /// before the first call.
    pub fn price_per_call(mut self, price: impl Fn(&str) -> Option<f64> + Send + Sync + 'static) -> Self {
        self.surroundings.price = Some(Box::new(price));
        self
    }

    /// Sets what tells of the providers that loaders call. What they cost is what was spent.
    pub fn providers(mut self, providers: impl Fn() -> Vec<ProviderFigures> + Send + Sync + 'static) -> Self {
        self.surroundings.providers = Some(Box::new(providers));
        self
    }

    /// Sets what tells how many calls warming saved, less those that it made.
    pub fn saved_by_warming(mut self, saved: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        self.surroundings.saved_by_warming = Some(Box::new(saved));
        self
    }

    /// Sets what tells how much the tiers hold, which a cache does not know of them: `tiers` in a report, and the
    /// metric `size_bytes`. Called for each report and each time that metrics are read, so it should look at
    /// figures that are at hand.
    ///
    /// ```
    /// use cache_analytics::{Analytics, TierBytes};
    /// use cache_core::Clock;
    ///
    /// let held = || vec![TierBytes { name: "disk".to_owned(), entries: Some(12), bytes: 4096, budget: None }];
    /// let analytics = Analytics::builder(Clock::manual()).tier_bytes(held).build();
    /// assert_eq!(analytics.report().tiers[0].bytes, 4096);
    /// ```
    pub fn tier_bytes(mut self, bytes: impl Fn() -> Vec<TierBytes> + Send + Sync + 'static) -> Self {
        self.surroundings.tier_bytes = Some(Box::new(bytes));
        self
    }

    /// Sets what tells the phase of a key's market, by which refreshes are counted apart. It is called in the
    /// middle of loads.
    pub fn phase(
        mut self,
        phase: impl Fn(&Key, Timestamp) -> Option<&'static str> + Send + Sync + 'static,
    ) -> Self {
        self.surroundings.phase = Some(Box::new(phase));
        self
    }

    /// Sets the share of the keys that are sampled at first, `0.0..=1.0`. Of more keys than are remembered less
    /// are. Default: an eighth. A hit of a sampled key costs about 20 ns more.
    pub fn sample_rate(mut self, rate: f64) -> Self {
        self.sample_rate = if rate.is_finite() { rate.clamp(0.0, 1.0) } else { 0.0 };
        self
    }

    /// Adds a group of keys whose reads are counted apart, as estimates from the sample. A key is in the first
    /// group whose pattern matches it, namespace included.
    ///
    /// ```
    /// use cache_analytics::Analytics;
    /// use cache_core::{Clock, Pattern};
    ///
    /// let analytics = Analytics::builder(Clock::manual())
    ///     .key_group("indices", Pattern::glob("price:^*")?)?
    ///     .key_group("other prices", Pattern::glob("price:*")?)?
    ///     .build();
    /// let groups: Vec<String> = analytics.report().key_groups.into_iter().map(|told| told.group).collect();
    /// assert_eq!(groups, ["indices", "other prices"]);
    /// # Ok::<(), cache_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Config` if there are [`MOST_KEY_GROUPS`] already.
    pub fn key_group(mut self, name: &str, pattern: Pattern) -> Result<Self> {
        if self.groups.len() == MOST_KEY_GROUPS {
            let message =
                format!("the group {name:?} is one too many: give {MOST_KEY_GROUPS} groups of keys at most");
            return Err(Error::new(ErrorKind::Config, "key_group", message));
        }
        self.groups.push((name.to_owned(), pattern));
        Ok(self)
    }

    /// Returns the analytics with these settings.
    pub fn build(self) -> Arc<Analytics> {
        let sample = Sample::new(self.clock.clone(), self.sample_rate, self.groups);
        Arc::new(Analytics::with(self.clock, self.surroundings, sample))
    }
}

/// A provider that loaders call, in figures since the start. A report leaves out what was before a reset.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[allow(clippy::exhaustive_structs, reason = "whoever knows providers makes them")]
pub struct ProviderFigures {
    /// Its name.
    pub name: String,
    /// Calls made, retries and failed ones included.
    pub calls: u64,
    /// How many of them were for which kind, if that is told.
    pub calls_by_kind: BTreeMap<String, u64>,
    /// Keys asked for in these calls.
    pub keys: u64,
    /// Calls that failed.
    pub failed_calls: u64,
    /// Calls that were not made, as for a quota that was used up.
    pub refused: u64,
    /// Whether it has a quota.
    pub has_quota: bool,
    /// What a call costs, if that is known.
    pub price_per_call: Option<f64>,
}

impl ProviderFigures {
    /// Returns those of a provider that was called so often.
    #[must_use]
    pub fn of(name: &str, calls: u64) -> Self {
        Self { name: name.to_owned(), calls, ..Self::default() }
    }

    /// Leaves out what was counted before.
    fn leave_out(&mut self, before: &Self) {
        for (counted, before) in [
            (&mut self.calls, before.calls),
            (&mut self.keys, before.keys),
            (&mut self.failed_calls, before.failed_calls),
            (&mut self.refused, before.refused),
        ] {
            *counted = counted.saturating_sub(before);
        }
        for (kind, calls) in &mut self.calls_by_kind {
            *calls = calls.saturating_sub(before.calls_by_kind.get(kind).copied().unwrap_or_default());
        }
    }

    /// Returns what its calls cost, if the price of one is known.
    #[must_use]
    pub fn spent(&self) -> Option<f64> {
        self.price_per_call.map(|price| price * self.calls as f64)
    }
}

/// How much a tier holds, as [`AnalyticsBuilder::tier_bytes`] tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TierBytes {
    /// The tier's name, which is the label `cache_level` of its metrics.
    pub name: String,
    /// How many entries it holds, dead ones that are not yet swept included; `None` if nobody counts them.
    pub entries: Option<u64>,
    /// The bytes of their keys and records, as they are stored: what the tier takes up in all may be more.
    pub bytes: u64,
    /// How many bytes it may hold; `None` if nothing bounds it, or nobody knows.
    pub budget: Option<u64>,
}
