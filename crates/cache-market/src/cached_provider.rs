//! A provider behind a cache, with the provider's own interface.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use cache_core::{Error, ErrorKind, Fetched, Result, Ttl, TtlPolicy};
use cache_facade::{Cache, Cacheable, Lookup, Region, RegionBuilder};
use market_data::{
    AdjustedCloses, Answer, Answers, Asset, DataType, Dividends, Document, DocumentBody, DocumentId,
    Interval, Observations, Offer, Provider, ProviderError, ProviderErrorKind, Quote, Series, SeriesId,
};

use crate::{MarketLookup, MarketRegions, MarketSettings, QuoteLoader, StandardKey, asset_tag, data_tag};

/// How long it is remembered that the provider doesn't know a key.
const UNKNOWN_FOR: Duration = Duration::from_secs(60);
/// How many documents one call may ask for that are computed.
const COMPUTED_AT_ONCE: usize = 1000;

/// A provider behind a cache, itself a [`Provider`].
///
/// Each kind of market data is a region of the cache. Concurrent requests for a key load it once, in batches;
/// while the provider fails, values in grace are served. That the provider doesn't know a key is remembered for
/// a minute. What the provider does not offer and follows from other kinds is computed: see [`MarketRegions`].
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use cache_core::{Clock, Ttl};
/// use cache_facade::Cache;
/// use cache_market::CachedProvider;
/// use market_data::{Asset, Replay, ReplayProvider};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cache_core::Result<()> {
/// let slow = Arc::new(ReplayProvider::new(Replay::default(), Clock::system())?);
/// let cache = Cache::builder().build().await?;
/// let lives = |_| Ttl::new(Duration::from_secs(300));
/// let cached = CachedProvider::open(&cache, slow.clone(), lives)?;
///
/// let assets: Vec<Asset> = vec!["AAPL".parse()?, "MSFT".parse()?];
/// for _ in 0..10 {
///     let prices = cached.get_prices_batch(&assets).await?;
///     assert_eq!(prices[0].as_ref().unwrap().price, 164.050003);
/// }
/// assert_eq!(slow.usage().calls, 1);
///
/// cached.invalidate_asset(&assets[0]).await?;
/// cached.get_prices_batch(&assets).await?;
/// assert_eq!((slow.usage().calls, slow.usage().keys), (2, 3), "AAPL alone was asked for again");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct CachedProvider {
    cache: Cache,
    provider: Arc<dyn Provider>,
    regions: MarketRegions,
}

/// Lives by kind of data, for all that a provider offers.
struct Wrapped<F>(F, Arc<dyn Provider>);

impl<F, L> MarketSettings for Wrapped<F>
where
    F: Fn(DataType) -> L + Send + Sync + 'static,
    L: TtlPolicy<Quote> + TtlPolicy<Series> + TtlPolicy<Document> + 'static,
{
    fn quotes(&self, region: RegionBuilder<Quote>) -> RegionBuilder<Quote> {
        region.negative(UNKNOWN_FOR).ttl((self.0)(DataType::Price))
    }

    fn series(&self, region: RegionBuilder<Series>) -> RegionBuilder<Series> {
        region.negative(UNKNOWN_FOR).ttl((self.0)(DataType::Ohlcv))
    }

    fn documents(&self, data: DataType, region: RegionBuilder<Document>) -> RegionBuilder<Document> {
        region.negative(UNKNOWN_FOR).ttl((self.0)(data))
    }

    fn computes(&self, data: DataType) -> bool {
        self.1.offer(data).is_none()
    }

    fn loads_narratives(&self) -> bool {
        self.1.offer(DataType::Narrative).is_some()
    }
}

impl CachedProvider {
    /// Puts `cache` in front of `provider`. `lives` gives the policy for each kind of data: a fixed [`Ttl`],
    /// or one such as [`MarketTtl`](crate::MarketTtl).
    ///
    /// # Errors
    ///
    /// `Config` if the cache has regions of these names for other types.
    pub fn open<L>(
        cache: &Cache,
        provider: Arc<dyn Provider>,
        lives: impl Fn(DataType) -> L + Send + Sync + 'static,
    ) -> Result<Self>
    where
        L: TtlPolicy<Quote> + TtlPolicy<Series> + TtlPolicy<Document> + 'static,
    {
        let quotes = QuoteLoader::new(Arc::clone(&provider));
        let regions =
            MarketRegions::open(cache, Arc::clone(&provider), quotes, Wrapped(lives, Arc::clone(&provider)))?;
        Ok(Self { cache: cache.clone(), provider, regions })
    }

    /// Returns the quotes of assets, in their order; `None` for an unknown asset.
    ///
    /// # Errors
    ///
    /// The first error of any asset, as [`Region::get_many`].
    pub async fn get_prices_batch(&self, assets: &[Asset]) -> Result<Vec<Option<Arc<Quote>>>> {
        self.regions.quotes().get_many(&texts(assets)).await
    }

    /// Returns a document of a kind, as the provider gives it or computed; `None` for what the provider doesn't
    /// know.
    ///
    /// # Errors
    ///
    /// `Config` if the provider offers no such data; otherwise as [`Region::get`].
    pub async fn document(&self, data: DataType, id: &DocumentId) -> Result<Option<Arc<Document>>> {
        if !self.regions.offers(data) {
            let message = format!("{} offers no documents of {data}", self.provider.name());
            return Err(Error::new(ErrorKind::Config, "document", message));
        }
        let found = self.regions.look_up_one(&StandardKey::Document { data, id: id.clone() }).await?;
        Ok(document(found))
    }

    /// Returns the dividends and splits of an asset; `None` for an unknown asset.
    ///
    /// ```
    /// # use async_trait::async_trait;
    /// # use market_data::{Answer, Answers, DataType, Document, DocumentId, Offer, Provider};
    /// use std::{sync::Arc, time::Duration};
    /// use cache_core::Ttl;
    /// use cache_facade::Cache;
    /// use cache_market::CachedProvider;
    /// # use market_data::{Date, Dividend, Dividends};
    /// #
    /// # #[derive(Debug)]
    /// # struct Generous;
    /// #
    /// # #[async_trait]
    /// # impl Provider for Generous {
    /// #     fn name(&self) -> &str {
    /// #         "generous"
    /// #     }
    /// #     fn offer(&self, data: DataType) -> Option<Offer> {
    /// #         (data == DataType::Dividend).then(|| Offer::new(1))
    /// #     }
    /// #     async fn documents(&self, _: DataType, ids: &[DocumentId]) -> Answers<Document> {
    /// #         let paid = Dividend { date: Date::constant(2020, 2, 7), amount: 0.77 };
    /// #         let body = Dividends { dividends: vec![paid], ..Dividends::default() };
    /// #         Ok(vec![Answer::Value(Document::of(ids[0].asset.clone(), &body).unwrap())])
    /// #     }
    /// # }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_core::Result<()> {
    /// # let provider = Arc::new(Generous);
    /// let cache = Cache::builder().build().await?;
    /// let cached = CachedProvider::open(&cache, provider, |_| Ttl::new(Duration::from_secs(3600)))?;
    ///
    /// let dividends = cached.dividends(&"AAPL".parse()?).await?.unwrap();
    /// assert_eq!(dividends.dividends[0].amount, 0.77);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`CachedProvider::document`], and `Load` if the document is of another shape.
    pub async fn dividends(&self, asset: &Asset) -> Result<Option<Dividends>> {
        self.read(DataType::Dividend, asset).await
    }

    /// Returns the adjusted closes of an asset; `None` for an unknown asset.
    ///
    /// # Errors
    ///
    /// As [`CachedProvider::dividends`].
    pub async fn adjusted_closes(&self, asset: &Asset) -> Result<Option<AdjustedCloses>> {
        self.read(DataType::AdjustedClose, asset).await
    }

    /// Returns a macroeconomic series of a kind, such as [`DataType::CpiIndex`]; `None` for an unknown one.
    ///
    /// # Errors
    ///
    /// As [`CachedProvider::dividends`].
    pub async fn observations(&self, data: DataType, series: &Asset) -> Result<Option<Observations>> {
        self.read(data, series).await
    }

    async fn read<B: DocumentBody>(&self, data: DataType, asset: &Asset) -> Result<Option<B>> {
        let document = self.document(data, &DocumentId::new(asset.clone())).await?;
        let wrong = |invalid| Error::new(ErrorKind::Load, "read", format!("{data} of {asset}: {invalid}"));
        document.map(|document| document.read().map_err(wrong)).transpose()
    }

    /// Stores prices from another source, each with its own [`Ttl`] or else by the region's policy, in one call a
    /// tier.
    ///
    /// # Errors
    ///
    /// As [`Region::put_many`]; then nothing is stored.
    pub async fn set_prices_batch(
        &self,
        prices: impl IntoIterator<Item = (Quote, Option<Ttl>)>,
    ) -> Result<()> {
        let entry = |(quote, ttl): (Quote, Option<Ttl>)| {
            let (asset, version) = (quote.asset.to_string(), quote.version());
            let tags = [asset_tag(&quote.asset)?, data_tag(DataType::Price, &quote.asset)?];
            let fetched = Fetched::new(quote).tags(tags).etag(version);
            Ok((asset, if let Some(ttl) = ttl { fetched.ttl(ttl) } else { fetched }))
        };
        self.regions.quotes().put_many(prices.into_iter().map(entry).collect::<Result<Vec<_>>>()?).await
    }

    /// Removes all entries about an asset: quotes, bars of every interval, documents of every kind. Entries of
    /// other assets stay. (A remembered absence of a range of bars, or of a document with parameters, stays
    /// until it expires.)
    ///
    /// # Errors
    ///
    /// None because of the asset. A tier that fails is reported as an event.
    pub async fn invalidate_asset(&self, asset: &Asset) -> Result<()> {
        self.cache.invalidate(asset_tag(asset)?).await?;
        // A remembered absence has no tag: it is removed by key.
        let text = asset.to_string();
        self.regions.quotes().remove(text.as_str()).await?;
        let whole = |interval: &Interval| SeriesId::new(asset.clone(), *interval).to_string();
        self.regions.series().remove_many(&Interval::ALL.iter().map(whole).collect::<Vec<_>>()).await?;
        for documents in MarketRegions::kinds().filter_map(|data| self.regions.documents(data)) {
            documents.remove(text.as_str()).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Provider for CachedProvider {
    fn name(&self) -> &str {
        self.provider.name()
    }

    /// Returns the provider's offer, or that of what is computed.
    fn offer(&self, data: DataType) -> Option<Offer> {
        let computed = self.regions.offers_computed(data).then(|| Offer::new(COMPUTED_AT_ONCE));
        self.provider.offer(data).or(computed)
    }

    fn covers(&self, data: DataType, asset: &Asset) -> bool {
        self.regions.covers(data, asset)
    }

    fn covers_bars(&self, asset: &Asset, interval: Interval) -> bool {
        self.provider.covers_bars(asset, interval)
    }

    fn implausible(&self) -> u64 {
        self.provider.implausible()
    }

    async fn quotes(&self, assets: &[Asset]) -> Answers<Quote> {
        Ok(answers(self.regions.quotes(), assets).await)
    }

    async fn series(&self, ids: &[SeriesId]) -> Answers<Series> {
        let keys: Vec<_> = ids.iter().map(|id| StandardKey::Ohlcv(id.clone())).collect();
        let found = self.regions.look_up(&keys).await.into_iter().map(|found| found.map(bars));
        let mut told: Vec<Answer<Series>> = found.map(answer).collect();
        // What is before all that the whole series has may be had if it is asked for by itself.
        let before: Vec<usize> = (0..ids.len()).filter(|at| begins_before(&ids[*at], &told[*at])).collect();
        let of_their_own: Vec<&SeriesId> = before.iter().map(|at| &ids[*at]).collect();
        for (at, answer) in before.into_iter().zip(answers(self.regions.series(), &of_their_own).await) {
            told[at] = answer;
        }
        // What the cache knows of them is no part of what the provider gave.
        told.iter_mut().for_each(|answer| {
            if let Answer::Value(series) = answer {
                series.extent = None;
            }
        });
        Ok(told)
    }

    async fn documents(&self, data: DataType, ids: &[DocumentId]) -> Answers<Document> {
        if !self.regions.offers(data) {
            // The provider's own error says so.
            return self.provider.documents(data, ids).await;
        }
        let keys: Vec<_> = ids.iter().map(|id| StandardKey::Document { data, id: id.clone() }).collect();
        let found = self.regions.look_up(&keys).await.into_iter();
        Ok(found.map(|found| answer(found.map(document))).collect())
    }
}

fn texts<I: ToString>(ids: &[I]) -> Vec<String> {
    ids.iter().map(I::to_string).collect()
}

async fn answers<V: Cacheable + Clone, I: ToString>(region: &Region<V>, ids: &[I]) -> Vec<Answer<V>> {
    let found = region.lookup_many(&texts(ids)).await.into_iter();
    found.map(|found| answer(found.map(|found: Lookup<V>| found.value))).collect()
}

/// Whether a range begins before all that an answer has.
fn begins_before(id: &SeriesId, answer: &Answer<Series>) -> bool {
    let Answer::Value(series) = answer else { return false };
    id.range.zip(series.complete_from).is_some_and(|(range, first)| range.from < first)
}

fn bars(found: MarketLookup) -> Option<Arc<Series>> {
    found.series().and_then(|found| found.value)
}

fn document(found: MarketLookup) -> Option<Arc<Document>> {
    found.document().and_then(|found| found.value)
}

fn answer<V: Clone>(found: Result<Option<Arc<V>>>) -> Answer<V> {
    match found {
        Ok(value) => value.map(|value| V::clone(&value)).into(),
        Err(error) => Answer::Failed(failure(&error)),
    }
}

/// Converts an error of the cache, most often its provider's, to a provider's.
fn failure(error: &Error) -> ProviderError {
    let fault = match error.kind() {
        ErrorKind::Timeout => ProviderErrorKind::TimedOut,
        ErrorKind::Unavailable | ErrorKind::Closed => ProviderErrorKind::Unreachable,
        ErrorKind::Config | ErrorKind::Limit => ProviderErrorKind::BadRequest,
        _ => ProviderErrorKind::Broken,
    };
    ProviderError::new(fault, error.to_string())
}
