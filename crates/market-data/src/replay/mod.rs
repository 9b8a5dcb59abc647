//! A provider that replays recorded daily bars, with configurable latency, rate limit and failures.

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
    Answer, Answers, Asset, DataType, Interval, Offer, Provider, ProviderError, ProviderErrorKind, Quote,
    Series, SeriesId,
};

/// The behaviour of a [`ReplayProvider`].
#[derive(Clone, Debug, PartialEq)]
pub struct Replay {
    /// How long each call takes.
    pub latency: Duration,
    /// How many quotes one call may ask for. Series come one a call.
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

/// A provider that replays five years of daily bars of thirteen symbols, to 2017-09-01, from the
/// stocknet-dataset (Xu and Cohen, ACL 2018). A quote is the close of the last day.
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
        Ok(Self { recording: Recording::stocknet(), upstream, max_batch: replay.max_batch })
    }

    /// Returns the switches that make calls fail or hang, those under way included.
    #[must_use]
    pub fn faults(&self) -> &FaultInjector {
        self.upstream.faults()
    }

    /// Returns the symbols that were recorded, in alphabetical order.
    pub fn symbols(&self) -> impl Iterator<Item = &'static str> {
        self.recording.symbols()
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

    /// Returns the recorded series of an asset; only equities of the United States have one.
    fn recorded(&self, asset: &Asset) -> Result<Option<&'static Series>, ProviderError> {
        if *asset != Asset::from(asset.symbol.clone()) {
            return Ok(None);
        }
        let bad = |error: Error| ProviderError::new(ProviderErrorKind::BadAnswer, error.to_string());
        self.recording.series(&asset.symbol).map_err(bad)
    }

    fn bars(&self, id: &SeriesId) -> Answer<Series> {
        match (id.interval, self.recorded(&id.asset)) {
            (Interval::Day, Ok(series)) => series.map(|series| cut(series, id)).into(),
            (Interval::Day, Err(error)) => Answer::Failed(error),
            (other, _) => {
                let message = format!("replay has no bars of {other}: they are daily, say 1d");
                Answer::Failed(ProviderError::new(ProviderErrorKind::NotOffered, message))
            }
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
            _ => None,
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
}
