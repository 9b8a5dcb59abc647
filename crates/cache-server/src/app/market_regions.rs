//! The regions of all market kinds: quotes, series, and documents of every other kind. What one request wants of
//! several kinds is looked up here.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use cache_core::{Codec, Error, ErrorKind, Loader, Result};
use cache_facade::{Cache, Cacheable, Lookup, Policy, Region, RegionBuilder, Storable};
use cache_market::{DocumentLoader, MarketTime, SeriesLoader, StandardKey};
use futures_util::future::join_all;
use market_data::{DataType, Document, Offer, Quote, Registry, SCHEMA, Series};

use super::market_kinds::market_kinds;
use crate::settings::Settings;

/// The largest share by which a TTL is shortened, so that entries loaded together expire apart.
const TTL_JITTER: f64 = 0.05;
/// The share of its life after which a value that is read is refreshed in the background.
const EAGER_REFRESH_SHARE: f64 = 0.8;

/// A region for each market kind.
#[derive(Debug)]
pub(crate) struct MarketRegions {
    quotes: Region<Quote>,
    series: Region<Series>,
    documents: BTreeMap<DataType, Region<Document>>,
    registry: Arc<Registry>,
}

/// What was found under a key.
#[derive(Debug)]
pub(crate) enum MarketLookup {
    Quote(Lookup<Quote>),
    Series(Lookup<Series>),
    Document(Lookup<Document>),
}

impl MarketRegions {
    /// Opens the regions. `quotes` loads quotes; all else is loaded from the registry.
    pub(super) fn open(
        cache: &Cache,
        time: &MarketTime,
        batch_window: Duration,
        registry: &Arc<Registry>,
        quotes: impl Loader<Quote>,
    ) -> Result<Self> {
        let documents = market_kinds().filter(|data| data.is_document()).map(|data| {
            let loader = DocumentLoader::new(Arc::clone(registry), data);
            let region = builder(cache, time, data, batch_window).codec(Codec::Json);
            Ok((data, region.loader(loader).open()?))
        });
        let series = SeriesLoader::new(Arc::clone(registry));
        Ok(Self {
            documents: documents.collect::<Result<_>>()?,
            quotes: builder(cache, time, DataType::Price, batch_window).loader(quotes).open()?,
            series: builder(cache, time, DataType::Ohlcv, batch_window).loader(series).open()?,
            registry: Arc::clone(registry),
        })
    }

    /// Returns the same regions, with the timeouts of these settings.
    pub(super) fn with_timeouts(&self, settings: &Settings) -> Self {
        let documents = self.documents.iter();
        let documents = documents.map(|(data, region)| (*data, timed(region, settings)));
        Self {
            documents: documents.collect(),
            quotes: timed(&self.quotes, settings),
            series: timed(&self.series, settings),
            registry: Arc::clone(&self.registry),
        }
    }

    pub(super) fn quotes(&self) -> &Region<Quote> {
        &self.quotes
    }

    pub(super) fn series(&self) -> &Region<Series> {
        &self.series
    }

    pub(super) fn documents(&self, data: DataType) -> Option<&Region<Document>> {
        self.documents.get(&data)
    }

    /// Returns who offers such data, and what, in the order in which they are asked.
    pub(crate) fn offers(&self, data: DataType) -> Vec<(String, Offer)> {
        let offers = self.registry.offers_by_name(data);
        offers.map(|(name, offer)| (name.to_owned(), offer)).collect()
    }

    /// Looks up keys of any market kinds: answer `i` belongs to `keys[i]`. Each region is asked once.
    pub(crate) async fn look_up(&self, keys: &[StandardKey]) -> Vec<Result<MarketLookup>> {
        let mut by_kind: BTreeMap<DataType, Vec<usize>> = BTreeMap::new();
        for (at, key) in keys.iter().enumerate() {
            by_kind.entry(key.data()).or_default().push(at);
        }
        let mut answers: Vec<Option<Result<MarketLookup>>> = keys.iter().map(|_| None).collect();
        let asked = by_kind.into_iter().map(async |(data, places)| {
            let keys: Vec<&StandardKey> = places.iter().map(|at| &keys[*at]).collect();
            let found = match data {
                DataType::Price => found(&self.quotes, &keys, MarketLookup::Quote).await,
                DataType::Ohlcv => found(&self.series, &keys, MarketLookup::Series).await,
                data => match self.documents(data) {
                    Some(region) => found(region, &keys, MarketLookup::Document).await,
                    None => keys.iter().map(|_| Err(no_region(data))).collect(),
                },
            };
            (places, found)
        });
        for (places, found) in join_all(asked).await {
            for (at, found) in places.into_iter().zip(found) {
                answers[at] = Some(found);
            }
        }
        let answer = |answer: Option<_>| answer.unwrap_or_else(|| unreachable!("each key is of one kind"));
        answers.into_iter().map(answer).collect()
    }

    /// Looks up one key.
    pub(crate) async fn look_up_one(&self, key: &StandardKey) -> Result<MarketLookup> {
        let mut found = self.look_up(std::slice::from_ref(key)).await;
        found.pop().unwrap_or_else(|| unreachable!("one answer a key"))
    }

    /// Loads a key anew. What nobody offers is left alone.
    pub(super) async fn refresh(&self, key: &StandardKey) -> Result<()> {
        let id = key.id()?;
        let refreshed = match key.data() {
            DataType::Price => self.quotes.refresh(&[id]).await?,
            DataType::Ohlcv => self.series.refresh(&[id]).await?,
            data => match self.documents(data).filter(|_| !self.offers(data).is_empty()) {
                Some(region) => region.refresh(&[id]).await?,
                None => return Ok(()),
            },
        };
        refreshed.all().map(drop)
    }

    /// Reads a key, so that it is loaded if it is stale: by one node, even if several do so. What nobody offers is
    /// left alone.
    pub(super) async fn read(&self, key: &StandardKey) -> Result<()> {
        if self.offers(key.data()).is_empty() {
            return Ok(());
        }
        self.look_up_one(key).await.map(drop)
    }
}

async fn found<V: Cacheable>(
    region: &Region<V>,
    keys: &[&StandardKey],
    of: impl Fn(Lookup<V>) -> MarketLookup,
) -> Vec<Result<MarketLookup>> {
    let ids: Vec<Result<String>> = keys.iter().map(|key| key.id()).collect();
    let good: Vec<&str> = ids.iter().flatten().map(String::as_str).collect();
    let mut found = match good.as_slice() {
        // The short way, if it is in memory.
        [id] => vec![region.lookup(*id).await],
        ids => region.lookup_many(ids).await,
    }
    .into_iter();
    let answer = |id: Result<String>| {
        id.and_then(|_| found.next().unwrap_or_else(|| unreachable!("one answer a key"))).map(&of)
    };
    ids.into_iter().map(answer).collect()
}

fn no_region(data: DataType) -> Error {
    Error::new(ErrorKind::Config, "look up", format!("{data} is no market kind: it has no region here"))
}

fn builder<V: Storable>(
    cache: &Cache,
    time: &MarketTime,
    data: DataType,
    batch_window: Duration,
) -> RegionBuilder<V> {
    cache
        .region::<V>(data.as_str())
        .ttl(time.ttl(data))
        .jitter(TTL_JITTER)
        .eager(EAGER_REFRESH_SHARE)
        .schema(SCHEMA)
        .batch_window(batch_window)
}

/// Returns the region with these timeouts in its policy, all of them reloadable.
fn timed<V: Cacheable>(region: &Region<V>, settings: &Settings) -> Region<V> {
    region.with(|policy: Policy<V>| {
        policy
            .negative(Duration::from_secs(settings.ttl.unknown))
            .hard_timeout(Duration::from_millis(settings.limits.load_timeout_ms))
            .throttle(Duration::from_millis(settings.limits.throttle_ms))
    })
}

impl MarketLookup {
    /// Returns what was found under the key of a price.
    pub(crate) fn quote(self) -> Lookup<Quote> {
        match self {
            Self::Quote(found) => found,
            other => unreachable!("a price is a quote: {other:?}"),
        }
    }

    /// Returns what was found under the key of bars.
    pub(crate) fn series(self) -> Lookup<Series> {
        match self {
            Self::Series(found) => found,
            other => unreachable!("bars are a series: {other:?}"),
        }
    }

    /// Returns what was found under the key of a document.
    pub(crate) fn document(self) -> Lookup<Document> {
        match self {
            Self::Document(found) => found,
            other => unreachable!("all else are documents: {other:?}"),
        }
    }
}
