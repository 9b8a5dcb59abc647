//! Bars looked up in the region of series, and that region opened.

use std::{sync::Arc, time::Duration};

use cache_core::Result;
use cache_facade::{Cache, Lookup};
use market_data::{DataType, Provider, Series, SeriesId};

use super::{MarketRegions, MarketSettings, region};
use crate::{
    SeriesPart,
    series::{ChunkLoader, SeriesReader, SeriesSource, TailLoader, put_together, tail_id, wanted_chunks},
};

/// For how long a tail is kept for its loader, which then asks for what is missing alone.
const TAIL_KEPT_FOR: Duration = Duration::from_secs(180 * 86_400);

impl MarketRegions {
    /// Looks up bars: the whole series, or those from one day to another, and says where each part of it was. Of
    /// the bars that are final none is loaded that is cached; the answer's age is that of its tail, and its
    /// source that of its farthest part. What the provider has none of any more is before
    /// [`complete_from`](Series::complete_from).
    ///
    /// ```
    /// # use std::{sync::Arc, time::Duration};
    /// # use cache_core::Clock;
    /// # use cache_facade::{Cache, RegionBuilder};
    /// # use cache_market::{MarketRegions, MarketSettings, QuoteLoader};
    /// # use market_data::{DataType, Document, Quote, Replay, ReplayProvider, Series};
    /// # struct Fixed;
    /// # impl MarketSettings for Fixed {
    /// #     fn quotes(&self, region: RegionBuilder<Quote>) -> RegionBuilder<Quote> { region }
    /// #     fn series(&self, region: RegionBuilder<Series>) -> RegionBuilder<Series> { region }
    /// #     fn documents(&self, _: DataType, region: RegionBuilder<Document>) -> RegionBuilder<Document> {
    /// #         region
    /// #     }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_core::Result<()> {
    /// # let replay = Replay { latency: Duration::ZERO, ..Replay::default() };
    /// # let provider = Arc::new(ReplayProvider::new(replay, Clock::system())?);
    /// # let cache = Cache::builder().build().await?;
    /// let quotes = QuoteLoader::new(provider.clone());
    /// let regions = MarketRegions::open(&cache, provider, quotes, Fixed)?;
    /// let (bars, parts) = regions.bars(&"AAPL:1d:2012-12-27..2013-01-04".parse()?).await?;
    /// let bars = bars.value.unwrap();
    /// assert_eq!((bars.bars.len(), bars.final_bars()), (6, 6));
    /// assert_eq!(parts.len(), 2, "a chunk is a year of daily bars");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Region::lookup`](cache_facade::Region::lookup), of any part.
    pub async fn bars(&self, id: &SeriesId) -> Result<(Lookup<Series>, Vec<SeriesPart>)> {
        let found = self.series.tails.lookup(&tail_id(id)).await?;
        match &found.value {
            Some(tail) if wanted_chunks(tail, id.range).is_some() => {
                Box::pin(self.series.complete(vec![(id, Ok(found))])).await.remove(0)
            }
            _ => Ok(put_together(id, found, &[])),
        }
    }
}

/// Opens the region of series, which is read from its tails and chunks.
pub(super) fn open_series(
    cache: &Cache,
    provider: &Arc<dyn Provider>,
    settings: &dyn MarketSettings,
) -> Result<SeriesReader> {
    let (provider, clock) = (Arc::clone(provider), cache.clock().clone());
    let source = SeriesSource { provider, clock, rules: settings.series_rules() };
    let tails = settings.series(region(cache, DataType::Ohlcv)).kept_for(TAIL_KEPT_FOR);
    let tails = tails.loader(TailLoader(source.clone())).open()?;
    let chunks = tails.with(|policy| policy.any_age()).loaded_by(ChunkLoader(source));
    Ok(SeriesReader { tails, chunks })
}
