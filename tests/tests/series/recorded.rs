//! Recorded bars with their recorded dividends: what was cached before each and corrected by it equals what is
//! loaded anew. No split was recorded of daily bars, so the same bars are split besides.

use std::{path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use cache_core::{Clock, sync::Mutex};
use cache_facade::{Cache, RegionBuilder};
use cache_market::{MarketRegions, MarketSettings, MarketTime, QuoteLoader};
use jiff::{civil::Date, tz::TimeZone};
use market_data::{
    Answer, Answers, Bar, BarTime, DataType, Document, Offer, Provider, Quote, Series, SeriesId,
    moment::from_jiff,
};

/// A recorded day, as it was traded, and what happened on it.
#[derive(Clone, Debug)]
struct Recorded {
    bar: Bar,
    dividend: f64,
    split: f64,
}

/// A provider that tells the recorded bars as it would have told them on a day.
#[derive(Debug)]
struct Told {
    days: Vec<Recorded>,
    today: Mutex<Date>,
    /// How many bars were asked for, and in how many calls.
    asked: Mutex<(usize, usize)>,
}

struct ByMarketTime(MarketTime);

impl MarketSettings for ByMarketTime {
    fn quotes(&self, region: RegionBuilder<Quote>) -> RegionBuilder<Quote> {
        region
    }

    fn series(&self, region: RegionBuilder<Series>) -> RegionBuilder<Series> {
        region.ttl(self.0.ttl(DataType::Ohlcv)).soft_timeout("10s")
    }

    fn documents(&self, _: DataType, region: RegionBuilder<Document>) -> RegionBuilder<Document> {
        region
    }
}

fn recorded(file: &str) -> Vec<Recorded> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../crates/market-data/data/yfinance");
    let text = std::fs::read_to_string(root.join(file)).unwrap();
    let row = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        let number = |at: usize| fields[at].parse::<f64>().ok();
        let day: Date = fields[0][..10].parse().unwrap();
        let bar = Bar {
            time: BarTime::Day(day),
            open: number(1)?,
            high: number(2)?,
            low: number(3)?,
            close: number(4)?,
            adjusted_close: None,
            volume: Some(number(6)? as u64),
        };
        Some(Recorded { bar, dividend: number(7)?, split: number(8)? })
    };
    text.lines().skip(1).filter_map(row).collect()
}

impl Told {
    /// The bars as they are told today: adjusted for what was paid and split since.
    fn bars(&self) -> Vec<Bar> {
        let today = *self.today.lock();
        let known = self.days.iter().take_while(|day| day.bar.date() <= today).collect::<Vec<_>>();
        let (mut paid, mut split) = (1.0, 1.0);
        let mut bars = Vec::with_capacity(known.len());
        for (at, day) in known.iter().enumerate().rev() {
            let price = |price: f64| price / split;
            let bar = Bar {
                open: price(day.bar.open),
                high: price(day.bar.high),
                low: price(day.bar.low),
                close: price(day.bar.close),
                adjusted_close: Some(price(day.bar.close) * paid),
                ..day.bar
            };
            bars.push(bar);
            if let Some(before) = at.checked_sub(1).map(|before| known[before]) {
                paid *= 1.0 - day.dividend / before.bar.close;
            }
            split *= if day.split > 0.0 { day.split } else { 1.0 };
        }
        bars.reverse();
        bars
    }
}

#[async_trait]
impl Provider for Told {
    fn name(&self) -> &str {
        "told"
    }

    fn offer(&self, data: DataType) -> Option<Offer> {
        (data == DataType::Ohlcv).then(|| Offer::new(1))
    }

    async fn series(&self, ids: &[SeriesId]) -> Answers<Series> {
        let answer = |id: &SeriesId| {
            let all = Series::new(id.asset.clone(), id.interval, self.bars());
            let range = id.range;
            let bars = all.between(range.map(|range| range.from), range.map(|range| range.to)).to_vec();
            let mut asked = self.asked.lock();
            *asked = (asked.0 + bars.len(), asked.1 + 1);
            Answer::Value(Series { bars, ..all })
        };
        Ok(ids.iter().map(answer).collect())
    }
}

async fn open(provider: &Arc<Told>, clock: &Clock) -> MarketRegions {
    let cache = Cache::builder().clock(clock.clone()).build().await.unwrap();
    let quotes = QuoteLoader::new(provider.clone());
    MarketRegions::open(&cache, provider.clone(), quotes, ByMarketTime(MarketTime::default())).unwrap()
}

async fn whole(regions: &MarketRegions, id: &SeriesId) -> Vec<Bar> {
    regions.bars(id).await.unwrap().0.value.unwrap().bars.clone()
}

async fn cached_then_corrected_equals_loaded_anew(id: &str, file: &str, splits: &[usize]) {
    let id: SeriesId = id.parse().unwrap();
    let mut days = recorded(file);
    splits.iter().for_each(|at| days[*at].split = 2.0);
    let events: Vec<usize> =
        (0..days.len()).filter(|at| days[*at].dividend > 0.0 || days[*at].split > 0.0).collect();
    assert!(events.len() >= 3 + splits.len(), "{events:?}");
    let dates: Vec<Date> = days.iter().map(|day| day.bar.date()).collect();
    let clock = Clock::manual();
    let turn_to = |day: Date| {
        let evening = day.to_zoned(TimeZone::UTC).unwrap().timestamp().as_microsecond() + 23 * 3_600_000_000;
        let ahead = evening - clock.now().as_micros();
        clock.advance(Duration::from_micros(u64::try_from(ahead).unwrap()));
    };
    let provider = Arc::new(Told { days, today: Mutex::new(dates[0]), asked: Mutex::default() });
    let regions = open(&provider, &clock).await;
    for event in events {
        for at in [event - 1, event, event + 1] {
            let day = dates[at];
            if from_jiff(day.to_zoned(TimeZone::UTC).unwrap().timestamp()) > clock.now() {
                turn_to(day);
            }
            *provider.today.lock() = day;
            let corrected = whole(&regions, &id).await;
            let anew = whole(&open(&provider, &clock).await, &id).await;
            assert_eq!(corrected.len(), at + 1, "{id} on {day}");
            assert!(corrected == anew, "{id} on {day}");
        }
    }
}

#[tokio::test]
async fn rule_79_what_was_cached_before_each_recorded_dividend_equals_what_is_loaded_anew() {
    cached_then_corrected_equals_loaded_anew("EWG:1d", "EWG.csv", &[]).await;
    cached_then_corrected_equals_loaded_anew("1398@XHKG:1d", "1398@XHKG.csv", &[]).await;
}

#[tokio::test]
async fn rule_79_what_was_cached_before_a_split_of_recorded_bars_equals_what_is_loaded_anew() {
    cached_then_corrected_equals_loaded_anew("EWG:1d", "EWG.csv", &[100, 400]).await;
    cached_then_corrected_equals_loaded_anew("1398@XHKG:1d", "1398@XHKG.csv", &[100, 400]).await;
}
