//! The regions of all market kinds: quotes, series, documents of every other kind, and what is computed from them.

mod bars;
mod computed;
mod look_up;

use std::{collections::BTreeMap, fmt, sync::Arc};

use cache_core::{Codec, Error, ErrorKind, Loader, Result, Warm};
use cache_facade::{Cache, Cacheable, Completed, Policy, Region, RegionBuilder, Storable};
use market_data::{
    Asset, DataType, Document, DocumentId, Provider, Quote, SCHEMA, Series, formulas::Indicator,
};

use self::{bars::open_series, computed::prices_of};
pub use self::{computed::ComputedDocuments, look_up::MarketLookup};
use crate::{DocumentLoader, SeriesRules, StandardKey, series::SeriesReader};

/// The kinds that can be computed from others.
const COMPUTED: [DataType; 3] = [DataType::Technical, DataType::TotalReturn, DataType::InflationRate];

/// Returns the kind that such data are computed from, if they can be; dividends are added where there are some.
fn input_of(data: DataType) -> Option<DataType> {
    match data {
        DataType::Technical => Some(DataType::Ohlcv),
        DataType::TotalReturn => Some(DataType::AdjustedClose),
        DataType::InflationRate => Some(DataType::CpiIndex),
        _ => None,
    }
}

/// How the regions of market kinds are opened: lives, batch windows and whatever else a region has.
pub trait MarketSettings: Send + Sync + 'static {
    /// Sets up the region of quotes.
    fn quotes(&self, region: RegionBuilder<Quote>) -> RegionBuilder<Quote>;

    /// Sets up the region of series.
    fn series(&self, region: RegionBuilder<Series>) -> RegionBuilder<Series>;

    /// Says when bars are final, and how many final ones are asked for again.
    fn series_rules(&self) -> SeriesRules {
        SeriesRules::default()
    }

    /// Sets up a region of documents of one kind of data.
    fn documents(&self, data: DataType, region: RegionBuilder<Document>) -> RegionBuilder<Document>;

    /// Returns whether such data are computed from others where they can be, and not asked of a provider:
    /// indicators from bars, total returns from adjusted closes and dividends, inflation rates from consumer
    /// prices.
    fn computes(&self, data: DataType) -> bool {
        let _ = data;
        true
    }

    /// Returns whether narratives are loaded from the provider too. If not, they are an application's own.
    fn loads_narratives(&self) -> bool {
        false
    }
}

/// A region for each market kind, in front of one provider.
///
/// What is computed is served only while it is what its inputs make:
/// [`RegionBuilder::computed`](cache_facade::RegionBuilder::computed).
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use cache_core::{Clock, Error};
/// use cache_facade::{Cache, RegionBuilder};
/// use cache_market::{MarketRegions, MarketSettings, MarketTime, QuoteLoader, StandardKey};
/// use market_data::{DataType, Document, Quote, Replay, ReplayProvider, Series};
///
/// struct ByMarketTime(MarketTime);
///
/// impl MarketSettings for ByMarketTime {
///     fn quotes(&self, region: RegionBuilder<Quote>) -> RegionBuilder<Quote> {
///         region.ttl(self.0.ttl(DataType::Price))
///     }
///
///     fn series(&self, region: RegionBuilder<Series>) -> RegionBuilder<Series> {
///         region.ttl(self.0.ttl(DataType::Ohlcv))
///     }
///
///     fn documents(&self, data: DataType, region: RegionBuilder<Document>) -> RegionBuilder<Document> {
///         region.ttl(self.0.ttl(data))
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let replay = Replay { latency: Duration::ZERO, ..Replay::default() };
/// let provider = Arc::new(ReplayProvider::new(replay, Clock::system())?);
/// let cache = Cache::builder().build().await?;
/// let quotes = QuoteLoader::new(provider.clone());
/// let regions = MarketRegions::open(&cache, provider.clone(), quotes, ByMarketTime(MarketTime::default()))?;
///
/// let wanted = ["price:AAPL", "price:MSFT", "ohlcv:AAPL:1d", "technical:AAPL:function=SMA&period=20"];
/// let keys = wanted.map(|key| key.parse::<StandardKey>().unwrap());
/// for found in regions.look_up(&keys).await {
///     assert!(found?.is_known());
/// }
/// assert_eq!(provider.usage().calls, 2, "one for the quotes, one for the bars and what is computed from them");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MarketRegions {
    cache: Cache,
    provider: Arc<dyn Provider>,
    quotes: Region<Quote>,
    series: SeriesReader,
    documents: BTreeMap<DataType, Region<Document>>,
    computed: BTreeMap<DataType, Region<Document>>,
    settings: Arc<dyn MarketSettings>,
}

impl MarketRegions {
    /// Opens the regions. `quotes` loads quotes; all else is loaded from `provider`, or computed.
    ///
    /// # Errors
    ///
    /// `Config` if the cache has regions of these names for other types.
    pub fn open(
        cache: &Cache,
        provider: Arc<dyn Provider>,
        quotes: impl Loader<Quote>,
        settings: impl MarketSettings,
    ) -> Result<Self> {
        let settings: Arc<dyn MarketSettings> = Arc::new(settings);
        let mut documents = BTreeMap::new();
        let narratives = settings.loads_narratives().then_some(DataType::Narrative);
        for data in Self::kinds().filter(|data| data.is_document()).chain(narratives) {
            let loader = DocumentLoader::new(Arc::clone(&provider), data);
            documents.insert(data, document(cache, &*settings, data).loader(loader).open()?);
        }
        let quotes = settings.quotes(region(cache, DataType::Price)).loader(quotes).open()?;
        let series = open_series(cache, &provider, &*settings)?;
        let regions = Self {
            cache: cache.clone(),
            provider,
            quotes,
            series,
            documents,
            computed: BTreeMap::new(),
            settings,
        };
        let computed = regions.open_computed()?;
        Ok(Self { computed, ..regions })
    }

    /// Opens the regions of what is computed from the others as they are.
    fn open_computed(&self) -> Result<BTreeMap<DataType, Region<Document>>> {
        let mut computed = BTreeMap::new();
        for data in COMPUTED.into_iter().filter(|data| self.settings.computes(*data)) {
            let region = document(&self.cache, &*self.settings, data);
            let region = match data {
                DataType::Technical => {
                    let reader = self.series.clone();
                    let whole = move |tail| {
                        let reader = reader.clone();
                        async move { reader.whole(tail).await }
                    };
                    computed::indicators_of(region, Completed::new(self.series.tails.clone(), whole))
                }
                DataType::TotalReturn => {
                    let provider = Arc::clone(&self.provider);
                    let have_dividends = move |asset: &Asset| provider.covers(DataType::Dividend, asset);
                    let (closes, paid) =
                        (&self.documents[&DataType::AdjustedClose], &self.documents[&DataType::Dividend]);
                    region.total_returns(closes, paid, have_dividends)
                }
                _ => region.inflation_rates(&self.documents[&DataType::CpiIndex]),
            };
            computed.insert(data, region.open()?);
        }
        Ok(computed)
    }

    /// Returns the market kinds, whose values come from providers or are computed from such; not narratives, which
    /// an application writes.
    pub fn kinds() -> impl Iterator<Item = DataType> {
        DataType::ALL.iter().copied().filter(|data| Self::has(*data))
    }

    /// Returns whether such data are of a market kind.
    #[must_use]
    pub fn has(data: DataType) -> bool {
        let is_priced = matches!(data, DataType::Price | DataType::Ohlcv);
        is_priced || (data.is_document() && data != DataType::Narrative)
    }

    /// Returns the same regions with other settings: those that every kind has in common. What is computed reads
    /// its inputs by them too.
    ///
    /// # Errors
    ///
    /// As [`MarketRegions::open`], which a region that is open never does.
    pub fn with(&self, change: &impl MarketPolicies) -> Result<Self> {
        let all = |regions: &BTreeMap<DataType, Region<Document>>| -> BTreeMap<DataType, Region<Document>> {
            regions.iter().map(|(data, region)| (*data, region.with(|policy| change.of(policy)))).collect()
        };
        let regions = Self {
            quotes: self.quotes.with(|policy| change.of(policy)),
            series: SeriesReader {
                tails: self.series.tails.with(|policy| change.of(policy)),
                // What is final is not loaded anew for who asks for what is younger.
                chunks: self.series.chunks.with(|policy| change.of(policy).any_age()),
            },
            documents: all(&self.documents),
            ..self.clone()
        };
        let computed = all(&regions.open_computed()?);
        Ok(Self { computed, ..regions })
    }

    /// Returns the region of quotes.
    #[must_use]
    pub fn quotes(&self) -> &Region<Quote> {
        &self.quotes
    }

    /// Returns the region of series. Under the key of a whole series it has the tail: the bars under way and the
    /// latest final ones, with their [`Extent`](market_data::Extent); what is before it lies in chunks under the
    /// keys of their days. [`MarketRegions::look_up`] puts them together.
    #[must_use]
    pub fn series(&self) -> &Region<Series> {
        &self.series.tails
    }

    /// Returns the region of documents of a kind as the provider gives them; `None` for a kind that has none.
    #[must_use]
    pub fn documents(&self, data: DataType) -> Option<&Region<Document>> {
        self.documents.get(&data)
    }

    /// Returns the region of each kind that the provider offers, as whoever warms it sees it. Kinds that are
    /// computed are left out: their inputs are among these.
    pub fn loaded(&self) -> impl Iterator<Item = (DataType, Arc<dyn Warm>)> {
        let warm = |region: &Region<Document>| Arc::new(region.clone()) as Arc<dyn Warm>;
        let documents = self.documents.iter().map(move |(data, region)| (*data, warm(region)));
        let quotes = (DataType::Price, Arc::new(self.quotes.clone()) as Arc<dyn Warm>);
        let series = (DataType::Ohlcv, Arc::new(self.series.tails.clone()) as Arc<dyn Warm>);
        let is_loaded = |data: DataType| self.provider.offer(data).is_some() && !self.offers_computed(data);
        [quotes, series].into_iter().chain(documents).filter(move |(data, _)| is_loaded(*data))
    }

    /// Returns the region of a document, and whether it is computed there.
    fn region_of(&self, data: DataType, id: &DocumentId) -> Result<(&Region<Document>, bool)> {
        if self.computes(data, id) {
            return Ok((&self.computed[&data], true));
        }
        if data == DataType::Technical && self.computed.contains_key(&data) {
            self.check_indicator(id)?;
        }
        let region = self.documents.get(&data).ok_or_else(|| {
            let message = format!("{data} is no market kind: it has no region here");
            Error::new(ErrorKind::Config, "look up", message)
        })?;
        Ok((region, false))
    }

    /// Returns whether a document is computed from what the provider offers.
    #[must_use]
    pub fn computes(&self, data: DataType, id: &DocumentId) -> bool {
        let has_bars = || {
            Indicator::of(id).is_ok_and(|indicator| self.provider.covers_bars(&id.asset, indicator.interval))
        };
        self.has_input(data, &id.asset) && (data != DataType::Technical || has_bars())
    }

    /// Whether there are data about an asset from which such are computed.
    fn has_input(&self, data: DataType, asset: &Asset) -> bool {
        let input = input_of(data).filter(|_| self.computed.contains_key(&data));
        input.is_some_and(|input| match data {
            DataType::InflationRate => {
                prices_of(asset).is_ok_and(|prices| self.provider.covers(input, &prices))
            }
            _ => self.provider.covers(input, asset),
        })
    }

    /// Checks an indicator that could only be computed, and is not.
    fn check_indicator(&self, id: &DocumentId) -> Result<()> {
        if self.provider.covers(DataType::Technical, &id.asset) {
            return Ok(());
        }
        let Indicator { interval, .. } = Indicator::of(id)?;
        let message = format!("nobody offers bars of {interval} of {}, from which it is computed", id.asset);
        Err(Error::new(ErrorKind::Config, "look up", message))
    }

    /// Returns whether some of such data about an asset can be had: of the provider, or computed.
    #[must_use]
    pub fn covers(&self, data: DataType, asset: &Asset) -> bool {
        self.provider.covers(data, asset) || self.has_input(data, asset)
    }

    /// Returns whether some of such data can be had: of the provider, or computed.
    #[must_use]
    pub fn offers(&self, data: DataType) -> bool {
        let is_held = matches!(data, DataType::Price | DataType::Ohlcv) || self.documents.contains_key(&data);
        is_held && self.provider.offer(data).is_some() || self.offers_computed(data)
    }

    /// Returns whether some of such data are computed from what the provider offers.
    #[must_use]
    pub fn offers_computed(&self, data: DataType) -> bool {
        let input = input_of(data).filter(|_| self.computed.contains_key(&data));
        input.is_some_and(|input| self.provider.offer(input).is_some())
    }

    /// Loads a key anew. What nobody offers is left alone.
    ///
    /// # Errors
    ///
    /// What its load failed with.
    pub async fn refresh(&self, key: &StandardKey) -> Result<()> {
        if !self.offers(key.data()) {
            return Ok(());
        }
        let id = key.id()?;
        let refreshed = match key {
            StandardKey::Document { data, id: document } => {
                self.region_of(*data, document)?.0.refresh(&[id]).await?
            }
            _ if key.data() == DataType::Price => self.quotes.refresh(&[id]).await?,
            _ => self.series.tails.refresh(&[id]).await?,
        };
        refreshed.all().map(drop)
    }
}

/// A change of the settings that every region of market data has.
pub trait MarketPolicies {
    /// Returns the changed policy of one of them.
    fn of<V: Cacheable>(&self, policy: Policy<V>) -> Policy<V>;
}

impl fmt::Debug for MarketRegions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MarketRegions").field("provider", &self.provider).finish_non_exhaustive()
    }
}

fn document(cache: &Cache, settings: &dyn MarketSettings, data: DataType) -> RegionBuilder<Document> {
    let cost = |document: &Document| u32::try_from(document.weight()).unwrap_or(u32::MAX);
    settings.documents(data, region(cache, data).codec(Codec::Json).cost(cost))
}

fn region<V: Storable>(cache: &Cache, data: DataType) -> RegionBuilder<V> {
    cache.region(data.as_str()).schema(SCHEMA)
}
