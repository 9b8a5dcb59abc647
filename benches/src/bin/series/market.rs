//! A market of a hundred symbols with twenty years of daily bars, and what was asked of it.

use std::{
    collections::HashSet,
    sync::{Arc, atomic::AtomicU64, atomic::Ordering},
    time::Duration,
};

use anyhow::Result;
use async_trait::async_trait;
use cache_core::{Clock, sync::Mutex};
use cache_facade::{Cache, RegionBuilder};
use cache_market::{MarketRegions, MarketSettings, MarketTime, QuoteLoader};
use jiff::{
    ToSpan,
    civil::{Date, Weekday},
};
use market_data::{
    Answer, Answers, Asset, Bar, BarTime, DataType, Document, Offer, Provider, Quote, Series, SeriesId,
};

pub(crate) const SYMBOLS: usize = 100;
/// The first day of all series.
pub(crate) const FIRST: Date = Date::constant(1999, 12, 20);
/// The last one, before a day passes.
pub(crate) const LAST: Date = Date::constant(2020, 6, 15);

/// What was asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asked {
    pub(crate) calls: u64,
    pub(crate) bars: u64,
    /// As JSON.
    pub(crate) bytes: u64,
}

/// The upstream: bars by a formula.
#[derive(Debug, Default)]
pub(crate) struct Upstream {
    asked: Mutex<Asked>,
    distinct: Mutex<HashSet<(Asset, Date)>>,
    /// How many days have passed.
    passed: AtomicU64,
}

impl Upstream {
    pub(crate) fn asked(&self) -> Asked {
        *self.asked.lock()
    }

    pub(crate) fn distinct(&self) -> u64 {
        self.distinct.lock().len() as u64
    }

    pub(crate) fn pass(&self, days: u64) {
        self.passed.fetch_add(days, Ordering::SeqCst);
    }

    fn bars(&self, id: &SeriesId) -> Vec<Bar> {
        let passed = i64::try_from(self.passed.load(Ordering::SeqCst)).unwrap_or(0);
        let (mut day, mut last) = (FIRST, LAST.saturating_add(passed.days()));
        if let Some(range) = id.range {
            (day, last) = (day.max(range.from), last.min(range.to));
        }
        let mut bars = Vec::new();
        while day <= last {
            if !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) {
                bars.push(bar(day));
            }
            day = day.saturating_add(1.day());
        }
        bars
    }
}

fn bar(day: Date) -> Bar {
    let price = 100.0 + f64::from((day - FIRST).get_days() % 977) / 7.0;
    Bar {
        time: BarTime::Day(day),
        open: price,
        high: price * 1.02,
        low: price * 0.98,
        close: price * 1.01,
        adjusted_close: Some(price),
        volume: Some(1_000_000),
    }
}

#[async_trait]
impl Provider for Upstream {
    fn name(&self) -> &str {
        "formula"
    }

    fn offer(&self, data: DataType) -> Option<Offer> {
        matches!(data, DataType::Price | DataType::Ohlcv).then(|| Offer::new(1))
    }

    async fn quotes(&self, assets: &[Asset]) -> Answers<Quote> {
        Ok(assets.iter().map(|asset| Answer::Value(Quote::new(asset.clone(), 190.5, LAST))).collect())
    }

    async fn series(&self, ids: &[SeriesId]) -> Answers<Series> {
        let answer = |id: &SeriesId| {
            let bars = self.bars(id);
            let bytes = serde_json::to_vec(&bars).map_or(0, |text| text.len() as u64);
            let mut asked = self.asked.lock();
            asked.calls += 1;
            asked.bars += bars.len() as u64;
            asked.bytes += bytes;
            self.distinct.lock().extend(bars.iter().map(|bar| (id.asset.clone(), bar.date())));
            Answer::Value(Series::new(id.asset.clone(), id.interval, bars))
        };
        Ok(ids.iter().map(answer).collect())
    }
}

struct ByMarketTime(MarketTime);

impl MarketSettings for ByMarketTime {
    fn quotes(&self, region: RegionBuilder<Quote>) -> RegionBuilder<Quote> {
        region.ttl(self.0.ttl(DataType::Price))
    }

    fn series(&self, region: RegionBuilder<Series>) -> RegionBuilder<Series> {
        region.ttl(self.0.ttl(DataType::Ohlcv)).soft_timeout("10s")
    }

    fn documents(&self, data: DataType, region: RegionBuilder<Document>) -> RegionBuilder<Document> {
        region.ttl(self.0.ttl(data))
    }
}

/// Opens the regions of a cache in front of an upstream.
pub(crate) fn open(cache: &Cache, upstream: &Arc<Upstream>) -> Result<MarketRegions> {
    let quotes = QuoteLoader::new(upstream.clone());
    let settings = ByMarketTime(MarketTime::default());
    Ok(MarketRegions::open(cache, upstream.clone(), quotes, settings)?)
}

/// A clock on the afternoon of the last day.
pub(crate) fn afternoon() -> Clock {
    let clock = Clock::manual();
    let days = (LAST - Date::constant(2020, 1, 1)).get_days();
    clock.advance(
        Duration::from_secs(86_400) * u32::try_from(days).unwrap_or(0) + Duration::from_secs(20 * 3600),
    );
    clock
}

pub(crate) fn symbol(at: usize) -> String {
    format!("S{at}")
}

pub(crate) fn whole(at: usize) -> Result<SeriesId> {
    Ok(format!("{}:1d", symbol(at)).parse()?)
}
