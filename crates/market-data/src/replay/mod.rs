//! A provider that replays recorded days, with configurable latency, rate limit and failures.

mod documents;
mod fault_injector;
mod recording;
mod simulated_upstream;
mod usage;

use std::{num::NonZeroU32, time::Duration};

use async_trait::async_trait;
use cache_core::{Clock, Error, ErrorKind, Result};

pub use self::{fault_injector::FaultInjector, usage::ReplayUsage};
use self::{recording::Recording, simulated_upstream::SimulatedUpstream};
use crate::{
    Answer, Answers, Asset, DataType, Document, DocumentId, Interval, Offer, Provider, ProviderError,
    ProviderErrorKind, Quote, Series, SeriesId,
};

/// The behaviour of a [`ReplayProvider`].
#[derive(Clone, Debug, PartialEq)]
pub struct Replay {
    /// How long each call takes.
    pub latency: Duration,
    /// How many quotes or documents one call may ask for. Series come one a call.
    pub max_batch: usize,
    /// How many calls are let through in any second.
    pub calls_per_second: u32,
    /// How long a call waits under that limit before it is refused.
    pub max_wait: Duration,
    /// The share of calls that fail, `0.0..=1.0`.
    pub failure_rate: f64,
    /// Which of the calls those are: the same seed fails the same ones.
    pub seed: u64,
}

impl Default for Replay {
    /// A web API on a good day: 300 ms, 50 quotes a call, 100 calls a second.
    fn default() -> Self {
        Self {
            latency: Duration::from_millis(300),
            max_batch: 50,
            calls_per_second: 100,
            max_wait: Duration::from_secs(5),
            failure_rate: 0.0,
            seed: 0,
        }
    }
}

/// A provider that replays recorded days: five years of daily bars of thirteen symbols, to 2017-09-01, from the
/// stocknet-dataset (Xu and Cohen, ACL 2018), and daily bars and dividends of the fund `EWG` and of `1398@XHKG`,
/// 2022-01-03 to 2024-08-22, from the tests of yfinance. A quote is the close of the last day.
///
/// It has the documents that follow from them: [`AdjustedCloses`](crate::AdjustedCloses),
/// [`Dividends`](crate::Dividends) of the two that have them, [indicators](crate::formulas::Indicator) of daily
/// bars, and the [total return](crate::formulas::TotalReturn).
///
/// ```
/// use std::time::Duration;
/// use cache_core::Clock;
/// use market_data::{DataType, Provider, Replay, ReplayProvider, formulas::TotalReturn};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
/// # runtime.block_on(async {
/// let replay = ReplayProvider::new(Replay { latency: Duration::ZERO, ..Replay::default() }, Clock::system())?;
/// let id = "EWG:from=2022-06-01&to=2022-06-30".parse()?;
/// let told = replay.documents(DataType::TotalReturn, &[id]).await?.remove(0).value().unwrap();
/// let told: TotalReturn = told.read()?;
/// assert_eq!(told.dividends, Some(0.792));
/// assert!(told.total_return > told.price_return.unwrap());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ReplayProvider {
    recording: &'static Recording,
    upstream: SimulatedUpstream,
    max_batch: usize,
}

impl ReplayProvider {
    /// A provider that behaves as `replay` says and goes by `clock`.
    ///
    /// # Errors
    ///
    /// `Config` for a batch limit or a rate of 0, and for a failure rate outside `0.0..=1.0`.
    pub fn new(replay: Replay, clock: Clock) -> Result<Self> {
        let config = |message: String| Err(Error::new(ErrorKind::Config, "replay", message));
        if replay.max_batch == 0 {
            return config("max_batch is 0: a call must be able to ask for at least 1 quote".into());
        }
        let Some(rate) = NonZeroU32::new(replay.calls_per_second) else {
            return config("calls_per_second is 0: no call would ever be let through".into());
        };
        let faults = FaultInjector::new(replay.seed);
        faults.fail_rate(replay.failure_rate)?;
        let upstream = SimulatedUpstream::new(clock, replay.latency, rate, replay.max_wait, faults);
        Ok(Self { recording: Recording::embedded(), upstream, max_batch: replay.max_batch })
    }

    /// Returns the switches that make calls fail or hang, those under way included.
    #[must_use]
    pub fn faults(&self) -> &FaultInjector {
        self.upstream.faults()
    }

    /// Returns the assets that were recorded, as they are written: `AAPL`, and `1398@XHKG`.
    pub fn symbols(&self) -> impl Iterator<Item = &'static str> {
        self.recording.names()
    }

    /// Returns the usage so far.
    #[must_use]
    pub fn usage(&self) -> ReplayUsage {
        self.upstream.usage()
    }

    fn check_batch(&self, data: DataType, keys: usize) -> Result<(), ProviderError> {
        let limit = self.offer(data).map_or(0, |offer| offer.max_batch);
        if keys <= limit {
            return Ok(());
        }
        let message = format!("replay was asked for {keys} {data} keys in one call, the limit is {limit}");
        Err(ProviderError::new(ProviderErrorKind::BadRequest, message))
    }

    fn recorded(&self, asset: &Asset) -> Result<Option<&'static Series>, ProviderError> {
        let recorded = self.recording.of(asset).map_err(|error| documents::unreadable(&error))?;
        Ok(recorded.map(|recorded| &recorded.series))
    }

    fn bars(&self, id: &SeriesId) -> Answer<Series> {
        match (id.interval, self.recorded(&id.asset)) {
            (Interval::Day, Ok(series)) => series.map(|series| cut(series, id)).into(),
            (Interval::Day, Err(error)) => Answer::Failed(error),
            (other, _) => Answer::Failed(documents::lacks_interval(other)),
        }
    }
}

fn cut(series: &Series, id: &SeriesId) -> Series {
    let bars = series.between(id.range.map(|range| range.from), id.range.map(|range| range.to));
    Series::new(id.asset.clone(), id.interval, bars.to_vec())
}

#[async_trait]
impl Provider for ReplayProvider {
    fn name(&self) -> &str {
        "replay"
    }

    fn offer(&self, data: DataType) -> Option<Offer> {
        match data {
            DataType::Price => Some(Offer::new(self.max_batch)),
            DataType::Ohlcv => Some(Offer::new(1).intervals([Interval::Day])),
            DataType::Dividend => {
                let assets = self.recording.names_with_dividends().filter_map(|name| name.parse().ok());
                Some(Offer::new(self.max_batch).assets(assets))
            }
            _ => documents::KINDS.contains(&data).then(|| Offer::new(self.max_batch)),
        }
    }

    async fn quotes(&self, assets: &[Asset]) -> Answers<Quote> {
        self.check_batch(DataType::Price, assets.len())?;
        self.upstream.call(DataType::Price, assets.len()).await?;
        let quote = |asset: &Asset| match self.recorded(asset) {
            Ok(series) => series.and_then(|series| Quote::at_last(asset.clone(), &series.bars)).into(),
            Err(error) => Answer::Failed(error),
        };
        Ok(assets.iter().map(quote).collect())
    }

    async fn series(&self, ids: &[SeriesId]) -> Answers<Series> {
        self.check_batch(DataType::Ohlcv, ids.len())?;
        self.upstream.call(DataType::Ohlcv, ids.len()).await?;
        Ok(ids.iter().map(|id| self.bars(id)).collect())
    }

    async fn documents(&self, data: DataType, ids: &[DocumentId]) -> Answers<Document> {
        if !documents::KINDS.contains(&data) {
            return Err(documents::lacks(data));
        }
        self.check_batch(data, ids.len())?;
        self.upstream.call(data, ids.len()).await?;
        Ok(ids.iter().map(|id| self.recording.document(data, id)).collect())
    }
}
