//! Kinds of data that are computed from others in the cache: indicators, total returns, inflation rates.

use std::sync::Arc;

use cache_core::{Error, ErrorKind, Fetched, Result};
use cache_facade::{Inputs, Region, RegionBuilder};
use market_data::{
    AdjustedCloses, Asset, DataType, Dividends, Document, DocumentBody, DocumentId, Invalid, Observations,
    Series, SeriesId,
    formulas::{DocumentDays, Indicator, inflation_rate, total_return},
};

use crate::{asset_tag, data_tag};

/// How a region of documents computes them from other regions: see
/// [`RegionBuilder::computed`](cache_facade::RegionBuilder::computed) for what holds of such values.
///
/// A document that is computed names the provider of its inputs.
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use cache_core::{Clock, Codec};
/// use cache_facade::Cache;
/// use cache_market::{ComputedDocuments, SeriesLoader};
/// use market_data::{Document, Replay, ReplayProvider, Series};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cache_core::Result<()> {
/// let replay = Replay { latency: Duration::ZERO, ..Replay::default() };
/// let provider = Arc::new(ReplayProvider::new(replay, Clock::system())?);
/// let cache = Cache::builder().build().await?;
/// let bars = cache.region::<Series>("ohlcv").loader(SeriesLoader::new(provider)).open()?;
/// let technical = cache.region::<Document>("technical").codec(Codec::Json).indicators(&bars).open()?;
///
/// let average = technical.get("AAPL:function=SMA&period=3").await?.unwrap();
/// assert_eq!(average.body["values"][0]["date"], "2012-09-06");
/// # Ok(())
/// # }
/// ```
pub trait ComputedDocuments: Sized {
    /// Computes indicators from bars.
    #[must_use]
    fn indicators(self, bars: &Region<Series>) -> Self;

    /// Computes total returns from adjusted closes; and from dividends, of those assets that `have_dividends`, so
    /// that what was paid is told.
    #[must_use]
    fn total_returns(
        self,
        closes: &Region<Document>,
        dividends: &Region<Document>,
        have_dividends: impl Fn(&Asset) -> bool + Send + Sync + 'static,
    ) -> Self;

    /// Computes rates of inflation from consumer prices.
    #[must_use]
    fn inflation_rates(self, prices: &Region<Document>) -> Self;
}

impl ComputedDocuments for RegionBuilder<Document> {
    fn indicators(self, bars: &Region<Series>) -> Self {
        indicators_of(self, bars.clone())
    }

    fn total_returns(
        self,
        closes: &Region<Document>,
        dividends: &Region<Document>,
        have_dividends: impl Fn(&Asset) -> bool + Send + Sync + 'static,
    ) -> Self {
        let ids = move |id: &str| {
            let (id, _) = days(id)?;
            let whole = id.asset.to_string();
            Ok((whole.clone(), have_dividends(&id.asset).then_some(whole)))
        };
        let inputs = (closes.clone(), Some(dividends.clone()));
        self.computed(
            inputs,
            ids,
            |id, (closes, dividends): (Option<Arc<Document>>, Option<Option<Arc<Document>>>)| {
                let (id, days) = days(id)?;
                let Some(closes) = closes else { return Ok(None) };
                let dividends =
                    dividends.flatten().map(|dividends| dividends.read::<Dividends>()).transpose();
                let told = dividends.and_then(|dividends| {
                    total_return(&closes.read::<AdjustedCloses>()?, dividends.as_ref(), days)
                });
                document(DataType::TotalReturn, id.asset, told, closes.provider.clone())
            },
        )
    }

    fn inflation_rates(self, prices: &Region<Document>) -> Self {
        let ids = |id: &str| {
            let id: DocumentId = id.parse()?;
            Ok(DocumentId { asset: prices_of(&id.asset)?, ..id }.to_string())
        };
        self.computed(prices.clone(), ids, |id, prices: Option<Arc<Document>>| {
            let id: DocumentId = id.parse()?;
            let Some(prices) = prices else { return Ok(None) };
            let rate = prices.read::<Observations>().and_then(|prices| inflation_rate(&prices));
            document(DataType::InflationRate, id.asset, rate.map(Some), prices.provider.clone())
        })
    }
}

/// Computes indicators from whole series.
pub(super) fn indicators_of(
    region: RegionBuilder<Document>,
    bars: impl Inputs<Ids = String, Values = Option<Arc<Series>>>,
) -> RegionBuilder<Document> {
    let ids = |id: &str| {
        let (id, indicator) = indicator(id)?;
        Ok(SeriesId::new(id.asset, indicator.interval).to_string())
    };
    region.computed(bars, ids, |id, bars: Option<Arc<Series>>| {
        let (id, indicator) = indicator(id)?;
        let Some(bars) = bars else { return Ok(None) };
        document(DataType::Technical, id.asset, indicator.values(&bars).map(Some), bars.provider.clone())
    })
}

/// Returns the consumer prices from which an inflation rate is computed: `CPI@US.index` of the rate of that
/// name, or of one that is called `INFLATION`.
pub(super) fn prices_of(rate: &Asset) -> Result<Asset, Invalid> {
    match rate.symbol.as_str() {
        "INFLATION" => DataType::CpiIndex.read_asset(&format!("CPI@{}.index", rate.market)),
        _ => Ok(rate.clone()),
    }
}

fn indicator(id: &str) -> Result<(DocumentId, Indicator), Invalid> {
    let id: DocumentId = id.parse()?;
    let indicator = Indicator::of(&id)?;
    Ok((id, indicator))
}

fn days(id: &str) -> Result<(DocumentId, DocumentDays), Invalid> {
    let id: DocumentId = id.parse()?;
    let days = DocumentDays::of(&id)?;
    Ok((id, days))
}

/// Makes a document about an asset of what was computed, if anything was, with the tags of its own kind. What
/// can't be computed is the fault of its inputs, not of who asked.
fn document<B: DocumentBody>(
    data: DataType,
    asset: Asset,
    body: Result<Option<B>, Invalid>,
    provider: Option<Arc<str>>,
) -> Result<Option<Fetched<Document>>> {
    let bad = |why: Invalid| {
        Error::new(ErrorKind::Load, "compute", format!("{data} of {asset} can't be computed: {why}"))
    };
    let Some(body) = body.map_err(bad)? else { return Ok(None) };
    let tags = [asset_tag(&asset)?, data_tag(data, &asset)?];
    let document = Document { provider, ..Document::of(asset.clone(), &body).map_err(bad)? };
    Ok(Some(Fetched::new(document).tags(tags)))
}
