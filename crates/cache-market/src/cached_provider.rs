//! A provider behind a cache, with the provider's own interface.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use cache_core::{Codec, Error, ErrorKind, Fetched, Result, Ttl, TtlPolicy};
use cache_facade::{Cache, Cacheable, Lookup, Region, RegionBuilder, Storable};
use market_data::{
    AdjustedCloses, Answer, Answers, Asset, DataType, Dividends, Document, DocumentBody, DocumentId,
    Interval, Observations, Offer, Provider, ProviderError, ProviderErrorKind, Quote, SCHEMA, Series,
    SeriesId,
};

use crate::{DocumentLoader, QuoteLoader, SeriesLoader, asset_tag, data_tag};

/// How long it is remembered that the provider doesn't know a key.
const UNKNOWN_FOR: Duration = Duration::from_secs(60);

/// A provider behind a cache, itself a [`Provider`].
///
/// Each kind of data that the provider offers is a region of the cache. Concurrent requests for a key load it
/// once, in batches; while the provider fails, values in grace are served. That the provider doesn't know a key
/// is remembered for a minute.
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
    quotes: Region<Quote>,
    series: Region<Series>,
    documents: BTreeMap<DataType, Region<Document>>,
}

impl CachedProvider {
    /// Puts `cache` in front of `provider`. `lives` gives the policy for each kind of data: a fixed [`Ttl`],
    /// or one such as [`MarketTtl`](crate::MarketTtl).
    ///
    /// # Errors
    ///
    /// `Config` if the cache has regions of these names for other types.
    pub fn open<L>(cache: &Cache, provider: Arc<dyn Provider>, lives: impl Fn(DataType) -> L) -> Result<Self>
    where
        L: TtlPolicy<Quote> + TtlPolicy<Series> + TtlPolicy<Document> + 'static,
    {
        let (price, ohlcv) = (DataType::Price, DataType::Ohlcv);
        let quotes = QuoteLoader::new(Arc::clone(&provider));
        let series = SeriesLoader::new(Arc::clone(&provider));
        let others = DataType::ALL.iter().copied().filter(|data| *data != price && *data != ohlcv);
        let documents = others.filter(|data| provider.offer(*data).is_some()).map(|data| {
            let loader = DocumentLoader::new(Arc::clone(&provider), data);
            Ok((data, region(cache, data, lives(data)).codec(Codec::Json).loader(loader).open()?))
        });
        Ok(Self {
            quotes: region(cache, price, lives(price)).loader(quotes).open()?,
            series: region(cache, ohlcv, lives(ohlcv)).loader(series).open()?,
            documents: documents.collect::<Result<_>>()?,
            cache: cache.clone(),
            provider: Arc::clone(&provider),
        })
    }

    /// Returns the quotes of assets, in their order; `None` for an unknown asset.
    ///
    /// # Errors
    ///
    /// The first error of any asset, as [`Region::get_many`].
    pub async fn get_prices_batch(&self, assets: &[Asset]) -> Result<Vec<Option<Arc<Quote>>>> {
        self.quotes.get_many(&texts(assets)).await
    }

    /// Returns a document of a kind; `None` for what the provider doesn't know.
    ///
    /// # Errors
    ///
    /// `Config` if the provider offers no such data; otherwise as [`Region::get`].
    pub async fn document(&self, data: DataType, id: &DocumentId) -> Result<Option<Arc<Document>>> {
        match self.documents.get(&data) {
            Some(region) => region.get(&id.to_string()).await,
            None => {
                let message = format!("{} offers no documents of {data}", self.provider.name());
                Err(Error::new(ErrorKind::Config, "document", message))
            }
        }
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
        self.quotes.put_many(prices.into_iter().map(entry).collect::<Result<Vec<_>>>()?).await
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
        self.quotes.remove(text.as_str()).await?;
        let whole = |interval: &Interval| SeriesId::new(asset.clone(), *interval).to_string();
        self.series.remove_many(&Interval::ALL.iter().map(whole).collect::<Vec<_>>()).await?;
        for documents in self.documents.values() {
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

    fn offer(&self, data: DataType) -> Option<Offer> {
        self.provider.offer(data)
    }

    fn implausible(&self) -> u64 {
        self.provider.implausible()
    }

    async fn quotes(&self, assets: &[Asset]) -> Answers<Quote> {
        Ok(answers(&self.quotes, assets).await)
    }

    async fn series(&self, ids: &[SeriesId]) -> Answers<Series> {
        Ok(answers(&self.series, ids).await)
    }

    async fn documents(&self, data: DataType, ids: &[DocumentId]) -> Answers<Document> {
        match self.documents.get(&data) {
            Some(region) => Ok(answers(region, ids).await),
            // Not offered: the provider's own error says so.
            None => self.provider.documents(data, ids).await,
        }
    }
}

fn region<V: Storable>(cache: &Cache, data: DataType, ttl: impl TtlPolicy<V> + 'static) -> RegionBuilder<V> {
    cache.region(data.as_str()).schema(SCHEMA).negative(UNKNOWN_FOR).ttl(ttl)
}

fn texts<I: ToString>(ids: &[I]) -> Vec<String> {
    ids.iter().map(I::to_string).collect()
}

async fn answers<V: Cacheable + Clone, I: ToString>(region: &Region<V>, ids: &[I]) -> Vec<Answer<V>> {
    let answer = |lookup: Result<Lookup<V>>| match lookup {
        Ok(found) => found.value.map(|value| V::clone(&value)).into(),
        Err(error) => Answer::Failed(failure(&error)),
    };
    region.lookup_many(&texts(ids)).await.into_iter().map(answer).collect()
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
