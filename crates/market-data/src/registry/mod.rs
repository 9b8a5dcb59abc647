//! A registry of providers by priority: where one fails, the next is asked.

mod builder;
mod fallback;
mod gate;
mod member;
mod request_kind;
mod settings;
mod shared;
mod usage;
mod window;

use std::time::Duration;

use async_trait::async_trait;
use cache_core::Clock;
use futures_util::future::join_all;

pub(crate) use self::window::Window;
pub use self::{
    builder::RegistryBuilder,
    settings::{ProviderSettings, Quota},
    usage::{ProviderReport, ProviderUsage, QuotaCounter, QuotaReport},
};
use self::{
    fallback::Fallback,
    member::Member,
    request_kind::{Bars, Documents, Quotes, RequestKind},
};
use crate::{
    Answers, Asset, DataType, Document, DocumentId, Interval, Offer, Provider, Quote, Series, SeriesId,
};

/// Providers by priority, together one provider: keys that one fails to answer are asked of the next.
///
/// Each provider is called within its quota, paused when it throttles or fails repeatedly, and retried after
/// transient failures. Each value names the provider that gave it. A key is unknown only if no provider failed for
/// it: where one failed, the key failed.
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use cache_core::Clock;
/// use market_data::{Provider, ProviderSettings, Registry, Replay, ReplayProvider};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
/// # runtime.block_on(async {
/// let replay = Replay { latency: Duration::ZERO, ..Replay::default() };
/// let broken = Replay { failure_rate: 1.0, ..replay.clone() };
/// let provider = |replay| ReplayProvider::new(replay, Clock::system()).map(Arc::new);
///
/// let first = ProviderSettings { priority: 1, retries: 0, ..ProviderSettings::default() };
/// let second = ProviderSettings { priority: 2, ..ProviderSettings::default() };
/// let registry = Registry::builder(Clock::system())
///     .provider_as("first", provider(broken)?, first)
///     .provider_as("second", provider(replay)?, second)
///     .build()?;
///
/// let quotes = registry.quotes(&["AAPL".parse()?]).await?;
/// let quote = quotes[0].clone().value().unwrap();
/// assert_eq!((quote.price, quote.provider.as_deref()), (164.050003, Some("second")));
/// let failed: Vec<u64> = registry.reports().iter().map(|report| report.usage.failures).collect();
/// assert_eq!(failed, [1, 0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Registry {
    members: Vec<Member>,
    max_wait: Duration,
}

impl Registry {
    /// Returns a builder of a registry, which has no providers yet and goes by `clock`.
    pub fn builder(clock: Clock) -> RegistryBuilder {
        RegistryBuilder::new(clock)
    }

    /// Returns the health and usage of each provider, in the order in which they are asked.
    #[must_use]
    pub fn reports(&self) -> Vec<ProviderReport> {
        self.members.iter().map(Member::report).collect()
    }

    /// Returns what each provider offers of such data, in the order in which they are asked.
    pub fn offers(&self, data: DataType) -> impl Iterator<Item = Offer> {
        self.members.iter().filter_map(move |member| member.offer(data))
    }

    /// Returns the names of the providers that offer such data, and what they offer, in the order in which they
    /// are asked.
    pub fn offers_by_name(&self, data: DataType) -> impl Iterator<Item = (&str, Offer)> {
        self.members.iter().filter_map(move |member| Some((member.name(), member.offer(data)?)))
    }

    /// Returns how many calls for such data are left now by the quotas of a minute and a day: the least that
    /// one of the providers has left that offer it, since a call may fall to each. `None` if none has such a
    /// quota.
    ///
    /// ```
    /// use std::{num::NonZeroU32, sync::Arc, time::Duration};
    /// use cache_core::Clock;
    /// use market_data::{DataType, Provider, ProviderSettings, Quota, Registry, Replay, ReplayProvider};
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    /// # runtime.block_on(async {
    /// let replay = Replay { latency: Duration::ZERO, ..Replay::default() };
    /// let replay = Arc::new(ReplayProvider::new(replay, Clock::system())?);
    /// let quota = Quota { per_day: NonZeroU32::new(25), ..Quota::default() };
    /// let settings = ProviderSettings { quota, ..ProviderSettings::default() };
    /// let registry = Registry::builder(Clock::system()).provider(replay, settings).build()?;
    /// registry.quotes(&["AAPL".parse()?]).await?;
    /// assert_eq!(registry.calls_left(DataType::Price), Some(24));
    /// assert_eq!(registry.calls_left(DataType::News), None, "nobody offers them");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn calls_left(&self, data: DataType) -> Option<usize> {
        self.members.iter().filter(|member| member.offer(data).is_some()).filter_map(Member::calls_left).min()
    }

    async fn ask<Q: RequestKind>(&self, kind: &Q, ids: &[Q::Id]) -> Answers<Q::Value> {
        let data = kind.data();
        let able: Vec<(&Member, Offer)> =
            self.members.iter().filter_map(|member| Some((member, member.offer(data)?))).collect();
        let mut fallback = Fallback::new(ids.len());
        for (at, (member, offer)) in able.iter().enumerate() {
            let wanted: Vec<usize> =
                fallback.open().filter(|key| member.covers(kind, offer, &ids[*key])).collect();
            let another = able[at + 1..]
                .iter()
                .any(|(member, offer)| wanted.iter().any(|key| member.covers(kind, offer, &ids[*key])));
            // Only the last provider that could answer is waited for.
            let max_wait = if another { Duration::ZERO } else { self.max_wait };
            let batches = wanted.chunks(offer.max_batch.max(1)).map(async |places| {
                let batch: Vec<Q::Id> = places.iter().map(|key| ids[*key].clone()).collect();
                (places, member.ask(kind, &batch, max_wait).await)
            });
            for (places, answers) in join_all(batches).await {
                fallback.take(places, answers, member.settings().next_if_unknown);
            }
        }
        fallback.end(data, ids.iter().map(|id| kind.asset(id)))
    }
}

#[async_trait]
impl Provider for Registry {
    fn name(&self) -> &str {
        "registry"
    }

    /// Returns an offer of as many keys a call as the first provider allows that offers such data; the others are
    /// asked in parts.
    fn offer(&self, data: DataType) -> Option<Offer> {
        self.offers(data).next().map(|first| Offer::new(first.max_batch))
    }

    fn covers(&self, data: DataType, asset: &Asset) -> bool {
        let mut members = self.members.iter();
        members.any(|member| member.offer(data).is_some_and(|offer| member.covers_asset(&offer, asset)))
    }

    fn covers_bars(&self, asset: &Asset, interval: Interval) -> bool {
        let covers = |member: &Member, offer: &Offer| {
            member.covers_asset(offer, asset) && offer.covers_interval(interval)
        };
        let offers =
            |member: &Member| member.offer(DataType::Ohlcv).is_some_and(|offer| covers(member, &offer));
        self.members.iter().any(offers)
    }

    fn implausible(&self) -> u64 {
        self.reports().iter().map(|report| report.implausible).sum()
    }

    async fn quotes(&self, assets: &[Asset]) -> Answers<Quote> {
        self.ask(&Quotes, assets).await
    }

    async fn series(&self, ids: &[SeriesId]) -> Answers<Series> {
        self.ask(&Bars, ids).await
    }

    async fn documents(&self, data: DataType, ids: &[DocumentId]) -> Answers<Document> {
        self.ask(&Documents(data), ids).await
    }
}
