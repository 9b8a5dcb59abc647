//! Fixture: a market whose bars an upstream serves over HTTP, day by day, and what was asked of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use cache_core::{Clock, sync::Mutex};
use cache_facade::{Cache, CacheBuilder, Memory, RegionBuilder};
use cache_market::{
    MarketRegions, MarketSettings, MarketTime, QuoteLoader, SeriesPart, SeriesRules, StandardKey,
};
use jiff::{ToSpan, civil::Date};
use market_data::{
    Bar, DataType, DateRange, Document, JsonConfig, JsonProvider, Quote, Series, SeriesId, moment::to_jiff,
};
use serde_json::json;

use crate::upstream::{Answer, Asked, Upstream};

/// How many final bars are asked for again.
pub(crate) const WINDOW: usize = 3;

/// What the upstream knows.
#[derive(Default)]
struct Book {
    /// The last day that it has a bar of.
    today: Date,
    /// From when on it has bars.
    first: Date,
    /// From when on it keeps them, if it has let go of older ones.
    kept_from: Option<Date>,
    /// On which days prices were divided by how much.
    splits: Vec<(Date, f64)>,
    /// On which days which share of the price was paid out.
    dividends: Vec<(Date, f64)>,
    /// Bars that were corrected: by how much their volume was.
    corrected: BTreeMap<Date, u64>,
    fails: bool,
    /// How often each day was sent.
    sent: BTreeMap<Date, usize>,
}

/// An upstream of daily bars, a provider that asks it over HTTP, and the clock of both.
pub(crate) struct Market {
    pub(crate) upstream: Upstream,
    pub(crate) provider: Arc<JsonProvider>,
    book: Arc<Mutex<Book>>,
    pub(crate) clock: Clock,
}

/// A node: a cache in front of the provider.
pub(crate) struct Node {
    pub(crate) cache: Cache,
    pub(crate) regions: MarketRegions,
}

struct ByMarketTime(MarketTime);

impl MarketSettings for ByMarketTime {
    fn quotes(&self, region: RegionBuilder<Quote>) -> RegionBuilder<Quote> {
        region.ttl(self.0.ttl(DataType::Price))
    }

    fn series(&self, region: RegionBuilder<Series>) -> RegionBuilder<Series> {
        region.ttl(self.0.ttl(DataType::Ohlcv)).throttle(Duration::ZERO).soft_timeout("10s")
    }

    fn series_rules(&self) -> SeriesRules {
        SeriesRules::new(self.0.clone()).window(WINDOW)
    }

    fn documents(&self, data: DataType, region: RegionBuilder<Document>) -> RegionBuilder<Document> {
        region.ttl(self.0.ttl(data))
    }
}

impl Book {
    /// The bars of a range as they are told today.
    fn bars(&self, range: DateRange) -> Vec<(Date, serde_json::Value)> {
        let from = range.from.max(self.first).max(self.kept_from.unwrap_or(Date::MIN));
        let to = range.to.min(self.today);
        let mut bars = Vec::new();
        let mut day = from;
        while day <= to {
            bars.extend(self.bar(day).map(|bar| (day, bar)));
            day = day.tomorrow().unwrap();
        }
        bars
    }

    fn bar(&self, day: Date) -> Option<serde_json::Value> {
        if day.weekday().to_monday_zero_offset() > 4 {
            return None;
        }
        let number = i64::from((day - Date::constant(1990, 1, 1)).get_days());
        let price = 500.0 + ((number * 7919) % 1000) as f64 / 4.0;
        let later = |events: &[(Date, f64)], factor: fn(f64) -> f64| -> f64 {
            let after = events.iter().filter(|(on, _)| day < *on && *on <= self.today);
            after.map(|(_, by)| factor(*by)).product()
        };
        let price = price / later(&self.splits, |by| by);
        let adjusted = price * later(&self.dividends, |share| 1.0 - share);
        let volume = 1000 + number as u64 + self.corrected.get(&day).copied().unwrap_or(0);
        Some(json!({
            "day": day.to_string(), "o": price, "h": price * 1.02, "l": price * 0.98, "c": price * 1.01,
            "a": adjusted * 1.01, "v": volume,
        }))
    }
}

fn answer(book: &Mutex<Book>, asked: &Asked) -> Answer {
    let mut book = book.lock();
    if book.fails {
        return Answer::new(503, "");
    }
    let day = |name: &str| asked.query(name).unwrap().parse().unwrap();
    let bars = book.bars(DateRange { from: day("from"), to: day("to") });
    for (day, _) in &bars {
        *book.sent.entry(*day).or_default() += 1;
    }
    let bars: Vec<_> = bars.into_iter().map(|(_, bar)| bar).collect();
    Answer::new(200, json!({ "bars": bars }).to_string())
}

impl Market {
    /// A market with bars from `first` on, on the day of the clock.
    pub(crate) async fn new(clock: Clock, first: &str) -> Self {
        let today = to_jiff(clock.now()).to_zoned(jiff::tz::TimeZone::UTC).date();
        Self::on(clock, first.parse().unwrap(), today).await
    }

    /// One whose last bar is of this day.
    pub(crate) async fn on(clock: Clock, first: Date, today: Date) -> Self {
        let book = Arc::new(Mutex::new(Book { today, first, ..Book::default() }));
        let asked_of = Arc::clone(&book);
        let upstream = Upstream::answering(move |asked| answer(&asked_of, asked)).await;
        let url = format!("{}/bars?of={{symbol}}&from={{from}}&to={{to}}", upstream.url());
        let config = json!({
            "name": "acme", "markets": ["US"],
            "series": {
                "url": url, "items": "/bars", "time": "/day", "open": "/o", "high": "/h", "low": "/l",
                "close": "/c", "adjusted_close": "/a", "volume": "/v",
            },
        });
        let config: JsonConfig = serde_json::from_value(config).unwrap();
        let provider = Arc::new(JsonProvider::new(&config, clock.clone()).unwrap());
        Self { upstream, provider, book, clock }
    }

    /// Returns a node with an empty memory.
    pub(crate) async fn node(&self, with: impl FnOnce(CacheBuilder) -> CacheBuilder) -> Node {
        let cache = Cache::builder().clock(self.clock.clone()).memory(Memory::builder().mib(64));
        let cache = with(cache).build().await.unwrap();
        self.node_of(cache)
    }

    /// Returns a node of this cache.
    pub(crate) fn node_of(&self, cache: Cache) -> Node {
        let quotes = QuoteLoader::new(self.provider.clone());
        let settings = ByMarketTime(MarketTime::default());
        let regions = MarketRegions::open(&cache, self.provider.clone(), quotes, settings).unwrap();
        Node { cache, regions }
    }

    /// Lets so many days pass, at the upstream and by the clock.
    pub(crate) fn pass(&self, days: i32) {
        self.reveal(days);
        self.clock.advance(Duration::from_secs(86_400) * u32::try_from(days).unwrap());
    }

    /// Lets the upstream have bars of so many days more.
    pub(crate) fn reveal(&self, days: i32) {
        let mut book = self.book.lock();
        book.today = book.today.saturating_add(days.days());
    }

    pub(crate) fn today(&self) -> Date {
        self.book.lock().today
    }

    /// From today on prices are divided by this, those of earlier days too.
    pub(crate) fn split(&self, by: f64) {
        let mut book = self.book.lock();
        let today = book.today;
        book.splits.push((today, by));
    }

    /// This share of the price is paid today.
    pub(crate) fn pay(&self, share: f64) {
        let mut book = self.book.lock();
        let today = book.today;
        book.dividends.push((today, share));
    }

    /// Corrects the volume of a day.
    pub(crate) fn correct(&self, day: Date, by: u64) {
        self.book.lock().corrected.insert(day, by);
    }

    /// Lets go of what is before a day.
    pub(crate) fn keep_from(&self, day: Date) {
        self.book.lock().kept_from = Some(day);
    }

    pub(crate) fn fail(&self, fails: bool) {
        self.book.lock().fails = fails;
    }

    /// Returns the bars as they are told today, of a range or all.
    pub(crate) fn told(&self, range: Option<DateRange>) -> Vec<serde_json::Value> {
        let book = self.book.lock();
        let range = range.unwrap_or(DateRange { from: Date::MIN, to: book.today });
        book.bars(range).into_iter().map(|(_, bar)| bar).collect()
    }

    /// Returns the days that were sent more often than this, but for the latest `but`.
    pub(crate) fn sent_more_than(&self, times: usize, but: usize) -> Vec<Date> {
        let book = self.book.lock();
        let all: BTreeSet<Date> = book.sent.keys().copied().collect();
        let counted = all.iter().rev().skip(but).filter(|day| book.sent[day] > times);
        counted.copied().collect()
    }

    /// Returns how many bars were sent.
    pub(crate) fn sent(&self) -> usize {
        self.book.lock().sent.values().sum()
    }

    /// Returns the ranges that the upstream was asked for since the first so many.
    pub(crate) fn asked_since(&self, calls: usize) -> Vec<String> {
        let range =
            |asked: &Asked| format!("{}..{}", asked.query("from").unwrap(), asked.query("to").unwrap());
        self.upstream.asked()[calls..].iter().map(range).collect()
    }
}

impl Node {
    /// Reads bars, and checks that they are what the market tells today.
    pub(crate) async fn reads(&self, market: &Market, id: &str) -> Vec<SeriesPart> {
        let id: SeriesId = id.parse().unwrap();
        let (found, parts) = self.regions.bars(&id).await.unwrap();
        let series = found.value.unwrap();
        let told: Vec<Bar> = market
            .told(id.range)
            .into_iter()
            .map(|bar| {
                let number = |name: &str| bar[name].as_f64().unwrap();
                Bar {
                    time: market_data::BarTime::Day(bar["day"].as_str().unwrap().parse().unwrap()),
                    open: number("o"),
                    high: number("h"),
                    low: number("l"),
                    close: number("c"),
                    adjusted_close: Some(number("a")),
                    volume: bar["v"].as_u64(),
                }
            })
            .collect();
        assert_eq!(series.bars.len(), told.len(), "{id}: {:?} {:?}", market.today(), series.bars.last());
        for (bar, told) in series.bars.iter().zip(&told) {
            assert_eq!(bar, told, "{id} on {}", market.today());
        }
        parts
    }

    #[allow(dead_code, reason = "one of the two programs that include this needs it")]
    pub(crate) async fn refresh(&self, key: &str) {
        self.regions.refresh(&key.parse::<StandardKey>().unwrap()).await.unwrap();
    }
}
