//! An upstream that replays recorded daily bars, as slowly and as unreliably as it is told to.

mod faults;
mod recording;
mod upstream;

use std::{num::NonZeroU32, time::Duration};

use async_trait::async_trait;
use cache_core::{Clock, Error, ErrorKind, Result};

pub use self::faults::Faults;
use self::{recording::Recording, upstream::Upstream};
use crate::{DataType, Interval, Provider, Quote, Series, SeriesId, Symbol, Usage};

/// How a [`ReplayProvider`] behaves.
#[derive(Clone, Debug, PartialEq)]
pub struct Replay {
    /// How long each call takes.
    pub latency: Duration,
    /// How many quotes one call may ask for. Series come one a call.
    pub max_batch: usize,
    /// How many calls a second are let through, in the mean and in one burst.
    pub calls_per_second: u32,
    /// How long a call waits for its turn under that limit before it is refused.
    pub patience: Duration,
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
            patience: Duration::from_secs(5),
            failure_rate: 0.0,
            seed: 0,
        }
    }
}

/// An upstream that replays five years of daily bars of thirteen symbols, to 2017-09-01, recorded in
/// the stocknet-dataset (Xu and Cohen, ACL 2018). A quote is the close of the last day.
#[derive(Debug)]
pub struct ReplayProvider {
    recording: &'static Recording,
    upstream: Upstream,
    max_batch: usize,
}

impl ReplayProvider {
    /// An upstream that behaves as `replay` says, in `clock`'s time.
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
        let faults = Faults::new(replay.seed);
        faults.fail_rate(replay.failure_rate)?;
        let upstream = Upstream::new(clock, replay.latency, rate, replay.patience, faults);
        Ok(Self { recording: Recording::stocknet(), upstream, max_batch: replay.max_batch })
    }

    /// What can be made to go wrong, now and while calls are under way.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        self.upstream.faults()
    }

    /// The symbols that were recorded, in alphabetical order.
    pub fn symbols(&self) -> impl Iterator<Item = &'static str> {
        self.recording.symbols()
    }

    fn check_batch(&self, data: DataType, keys: usize) -> Result<()> {
        let limit = self.max_batch(data);
        if keys <= limit {
            return Ok(());
        }
        let message =
            format!("replay was asked for {keys} {} keys in one call, the limit is {limit}", data.as_str());
        Err(Error::new(ErrorKind::Limit, "load", message))
    }
}

#[async_trait]
impl Provider for ReplayProvider {
    fn name(&self) -> &str {
        "replay"
    }

    fn max_batch(&self, data: DataType) -> usize {
        match data {
            DataType::Price => self.max_batch,
            _ => 1,
        }
    }

    async fn quotes(&self, symbols: &[Symbol]) -> Result<Vec<Option<Quote>>> {
        self.check_batch(DataType::Price, symbols.len())?;
        self.upstream.call(DataType::Price, symbols.len()).await?;
        let quote = |symbol: &Symbol| {
            let series = self.recording.series(symbol)?;
            Ok(series.and_then(|series| Quote::at_last(symbol.clone(), &series.bars)))
        };
        symbols.iter().map(quote).collect()
    }

    async fn series(&self, ids: &[SeriesId]) -> Result<Vec<Option<Series>>> {
        self.check_batch(DataType::Ohlcv, ids.len())?;
        self.upstream.call(DataType::Ohlcv, ids.len()).await?;
        let series = |id: &SeriesId| match id.interval {
            Interval::Day => Ok(self.recording.series(&id.symbol)?.cloned()),
        };
        ids.iter().map(series).collect()
    }

    fn usage(&self) -> Usage {
        self.upstream.usage()
    }
}
