//! Market kinds over tiers and nodes: many of them read together, and what is computed equal to a computation from
//! its inputs at all times.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use cache_core::{Clock, Fetched, Key, Operation, Ttl};
use cache_facade::{Cache, CacheBuilder, Memory, RegionBuilder};
use cache_market::{
    MarketLookup, MarketRegions, MarketSettings, MarketTime, QuoteLoader, StandardKey, asset_tag,
};
use jiff::{ToSpan, civil::Date};
use market_data::{
    AdjustedClose, AdjustedCloses, Answer, Answers, Asset, Bar, BarTime, DataType, Dividends, Document,
    DocumentId, Interval, Observation, Observations, Offer, Provider, Quote, Series, SeriesId,
    formulas::{DocumentDays, Indicator, inflation_rate, total_return},
};
use proptest::prelude::*;
use serde_json::json;
use tests::{FaultyTier, GRACE, LIFE, LocalBus, ModelTier, settle, soon};
use tokio::runtime::Builder;

/// How many keys a call of the provider may have.
const BATCH: usize = 10;

/// A provider whose data differ from load to load, and which counts its calls.
#[derive(Debug, Default)]
struct Changing(cache_core::sync::Mutex<BTreeMap<DataType, Vec<usize>>>);

impl Changing {
    /// Counts a call. Returns its number.
    fn call(&self, data: DataType, keys: usize) -> u32 {
        let mut calls = self.0.lock();
        calls.entry(data).or_default().push(keys);
        u32::try_from(calls.values().map(Vec::len).sum::<usize>()).unwrap()
    }

    fn calls(&self, data: DataType) -> Vec<usize> {
        self.0.lock().get(&data).cloned().unwrap_or_default()
    }
}

fn day(at: usize) -> Date {
    Date::constant(2020, 1, 1).saturating_add(i64::try_from(at).unwrap().days())
}

fn price(number: u32, at: usize) -> f64 {
    10.0 + f64::from(number) + ((at * 7919 + number as usize * 31) % 13) as f64
}

fn bars(id: &SeriesId, number: u32) -> Series {
    let bar = |at: usize| {
        let price = price(number, at);
        let (time, volume) = (BarTime::Day(day(at)), Some(1));
        Bar { time, open: price, high: price, low: price, close: price, adjusted_close: Some(price), volume }
    };
    Series::new(id.asset.clone(), id.interval, (0..30).map(bar).collect())
}

fn document(data: DataType, id: &DocumentId, number: u32) -> Document {
    let asset = id.asset.clone();
    match data {
        DataType::AdjustedClose => {
            let close = |at| AdjustedClose { date: day(at), close: None, adjusted_close: price(number, at) };
            let closes = (0..30).map(close).collect();
            Document::of(asset, &AdjustedCloses { currency: None, closes }).unwrap()
        }
        DataType::Dividend => {
            let paid = market_data::Dividend { date: day(number as usize % 30), amount: f64::from(number) };
            Document::of(asset, &Dividends { dividends: vec![paid], ..Dividends::default() }).unwrap()
        }
        DataType::CpiIndex => {
            let month = |at: i64| Date::constant(2020, 1, 1).saturating_add(at.months());
            let value = |at: i64| price(number, usize::try_from(at).unwrap());
            let observations = (0..24).map(|at| Observation { date: month(at), value: value(at) }).collect();
            Document::of(asset, &Observations { observations, ..Observations::default() }).unwrap()
        }
        _ => Document::new(asset, json!({ "number": number })),
    }
}

#[async_trait]
impl Provider for Changing {
    fn name(&self) -> &str {
        "changing"
    }

    fn offer(&self, data: DataType) -> Option<Offer> {
        let computed = matches!(data, DataType::Technical | DataType::TotalReturn | DataType::InflationRate);
        (!computed && MarketRegions::has(data)).then(|| Offer::new(BATCH))
    }

    async fn quotes(&self, assets: &[Asset]) -> Answers<Quote> {
        let number = self.call(DataType::Price, assets.len());
        let quote = |asset: &Asset| Quote::new(asset.clone(), price(number, 0), day(0));
        Ok(assets.iter().map(|asset| Answer::Value(quote(asset))).collect())
    }

    async fn series(&self, ids: &[SeriesId]) -> Answers<Series> {
        let number = self.call(DataType::Ohlcv, ids.len());
        Ok(ids.iter().map(|id| Answer::Value(bars(id, number))).collect())
    }

    async fn documents(&self, data: DataType, ids: &[DocumentId]) -> Answers<Document> {
        let number = self.call(data, ids.len());
        Ok(ids.iter().map(|id| Answer::Value(document(data, id, number))).collect())
    }
}

struct Fixed;

impl MarketSettings for Fixed {
    fn quotes(&self, region: RegionBuilder<Quote>) -> RegionBuilder<Quote> {
        region.ttl(Ttl::new(LIFE).grace(GRACE))
    }

    fn series(&self, region: RegionBuilder<Series>) -> RegionBuilder<Series> {
        region.ttl(Ttl::new(LIFE).grace(GRACE))
    }

    fn documents(&self, _: DataType, region: RegionBuilder<Document>) -> RegionBuilder<Document> {
        region.ttl(Ttl::new(2 * LIFE).grace(GRACE))
    }
}

/// A cache over a tier, with market regions in front of a provider.
struct Node {
    cache: Cache,
    regions: MarketRegions,
}

async fn node(
    clock: &Clock,
    tier: &FaultyTier,
    provider: &Arc<Changing>,
    with: impl FnOnce(CacheBuilder) -> CacheBuilder,
) -> Node {
    let builder = Cache::builder().memory(Memory::mib(64)).tier(tier.clone()).clock(clock.clone());
    let cache = with(builder).build().await.unwrap();
    let quotes = QuoteLoader::new(Arc::clone(provider));
    let regions = MarketRegions::open(&cache, provider.clone(), quotes, Fixed).unwrap();
    Node { cache, regions }
}

fn keys(text: impl Fn(usize) -> String, count: usize) -> Vec<StandardKey> {
    (0..count).map(|at| text(at).parse().unwrap()).collect()
}

/// Twenty-five keys of each of eight kinds, one computed from another that is asked for, and one from two that
/// are not.
fn mixed() -> Vec<StandardKey> {
    let kinds = [
        "price:S{}",
        "ohlcv:S{}:1d",
        "technical:S{}:function=SMA&period=5",
        "total_return:S{}",
        "news:S{}",
        "fundamentals:S{}",
        "cpi_index:S{}@US.index",
        "inflation_rate:S{}@US.index",
    ];
    // One of each kind after the other, as a page would ask for them.
    keys(|at| kinds[at % 8].replace("{}", &(at / 8).to_string()), 200)
}

/// The keys of each read of entries, not of the cache's own keys.
fn reads(tier: &FaultyTier) -> Vec<usize> {
    let kind = |key: &Key| key.prefix().trim_end_matches(':').parse::<DataType>().is_ok();
    tier.calls(Operation::Get).iter().filter(|keys| keys.iter().all(kind)).map(Vec::len).collect()
}

#[tokio::test]
async fn two_hundred_keys_of_eight_kinds_cost_a_call_a_batch_and_one_a_tier() {
    let (clock, provider) = (Clock::manual(), Arc::new(Changing::default()));
    let tier = FaultyTier::over(ModelTier::new("far"));
    let first = node(&clock, &tier, &provider, |cache| cache).await;
    let found = soon(first.regions.look_up(&mixed())).await;
    assert!(found.iter().all(|found| found.as_ref().unwrap().is_known()));
    // The inputs of what is computed join: closes and dividends of 25 returns beside the 200 keys.
    assert_eq!(reads(&tier), [250]);
    for data in DataType::ALL.iter().copied() {
        let wanted: &[usize] = match data {
            DataType::Price | DataType::Ohlcv | DataType::News | DataType::Fundamentals => &[10, 10, 5],
            DataType::CpiIndex | DataType::AdjustedClose | DataType::Dividend => &[10, 10, 5],
            _ => &[],
        };
        assert_eq!(provider.calls(data), wanted, "{data}");
    }
    settle().await;

    tier.forget_calls();
    let again = soon(first.regions.look_up(&mixed())).await;
    assert!(again.into_iter().all(|found| source(found.unwrap()) == "memory"));
    assert!(tier.calls(Operation::Get).is_empty(), "warm, nobody is asked");

    let other = node(&clock, &tier, &provider, |cache| cache).await;
    tier.forget_calls();
    let elsewhere = soon(other.regions.look_up(&mixed())).await;
    assert!(elsewhere.into_iter().all(|found| source(found.unwrap()) == "far"));
    assert_eq!(reads(&tier), [250]);
    assert_eq!(provider.0.lock().values().map(Vec::len).sum::<usize>(), 21, "and the provider not once more");
}

fn source(found: MarketLookup) -> &'static str {
    match found {
        MarketLookup::Quote(found) => found.source.as_str(),
        MarketLookup::Series(found) => found.source.as_str(),
        MarketLookup::Document(found) => found.source.as_str(),
    }
}

#[tokio::test]
async fn what_has_no_region_or_a_bad_parameter_fails_alone() {
    let (clock, provider) = (Clock::manual(), Arc::new(Changing::default()));
    let tier = FaultyTier::over(ModelTier::new("far"));
    let node = node(&clock, &tier, &provider, |cache| cache).await;
    let texts = [
        "users:17",
        "narrative:AAPL",
        "technical:AAPL:function=SMA&period=x",
        "price:AAPL",
        "market:EUR_USD:M5",
    ];
    let keys: Vec<StandardKey> = texts.iter().map(|text| text.parse().unwrap()).collect();
    let found = soon(node.regions.look_up(&keys)).await;
    let known: Vec<bool> = found.iter().map(Result::is_ok).collect();
    assert_eq!(known, [false, false, false, true, false]);
    let told = found[2].as_ref().unwrap_err().to_string();
    assert!(told.contains('x') && told.contains("period"), "{told}");
    for (key, found) in keys.iter().zip(found) {
        assert_eq!(soon(node.regions.look_up_one(key)).await.is_ok(), found.is_ok(), "{key}");
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// An input is corrected.
    Put {
        node: usize,
        input: usize,
        number: u32,
    },
    Remove {
        node: usize,
        input: usize,
    },
    Clear {
        node: usize,
        input: usize,
    },
    InvalidateAsset {
        node: usize,
    },
    Refresh {
        node: usize,
        input: usize,
    },
    Pass(u64),
    Check {
        node: usize,
    },
}

const INPUTS: [DataType; 4] =
    [DataType::Ohlcv, DataType::AdjustedClose, DataType::Dividend, DataType::CpiIndex];
const ASSET: &str = "AAPL@US.index";

fn step() -> impl Strategy<Value = Step> {
    let at = || (0..2_usize, 0..INPUTS.len());
    prop_oneof![
        2 => (at(), 1..50_u32).prop_map(|((node, input), number)| Step::Put { node, input, number }),
        1 => at().prop_map(|(node, input)| Step::Remove { node, input }),
        1 => at().prop_map(|(node, input)| Step::Clear { node, input }),
        1 => (0..2_usize).prop_map(|node| Step::InvalidateAsset { node }),
        1 => at().prop_map(|(node, input)| Step::Refresh { node, input }),
        1 => (0..90_u64).prop_map(Step::Pass),
        4 => (0..2_usize).prop_map(|node| Step::Check { node }),
    ]
}

impl Node {
    async fn document(&self, data: DataType, text: &str) -> Document {
        let id: DocumentId = text.parse().unwrap();
        let found = soon(self.regions.look_up_one(&StandardKey::Document { data, id })).await.unwrap();
        Document::clone(&found.document().unwrap().value.unwrap())
    }

    async fn input(&self, data: DataType) -> Document {
        self.document(data, ASSET).await
    }

    async fn put(&self, data: DataType, number: u32) {
        let id: DocumentId = ASSET.parse().unwrap();
        let tag = asset_tag(&id.asset).unwrap();
        match data {
            DataType::Ohlcv => {
                let id = SeriesId::new(id.asset, Interval::Day);
                let value = Fetched::new(bars(&id, number)).tag(tag);
                self.regions.series().put(&id.to_string(), value).await.unwrap();
            }
            _ => {
                let value = Fetched::new(document(data, &id, number)).tag(tag);
                self.regions.documents(data).unwrap().put(ASSET, value).await.unwrap();
            }
        }
    }

    async fn end(&self, data: DataType, how: &str) {
        let bars = format!("{ASSET}:1d");
        let (series, documents) = (self.regions.series(), self.regions.documents(data));
        match (documents, how) {
            (None, "remove") => drop(series.remove(&bars).await.unwrap()),
            (None, "clear") => series.clear().await.unwrap(),
            (None, _) => drop(series.refresh(&[bars]).await.unwrap()),
            (Some(region), "remove") => drop(region.remove(ASSET).await.unwrap()),
            (Some(region), "clear") => region.clear().await.unwrap(),
            (Some(region), _) => drop(region.refresh(&[ASSET]).await.unwrap()),
        }
    }

    /// Compares all that is computed with a computation from the inputs, read right after.
    async fn check(&self) {
        let average = format!("{ASSET}:function=EMA&period=4");
        let technical = self.document(DataType::Technical, &average).await;
        let found = soon(self.regions.series().get(&format!("{ASSET}:1d"))).await.unwrap().unwrap();
        let indicator = Indicator::of(&average.parse().unwrap()).unwrap();
        assert_eq!(technical.body, serde_json::to_value(indicator.values(&found).unwrap()).unwrap());

        let returns = self.document(DataType::TotalReturn, &format!("{ASSET}:from=2020-01-03")).await;
        let closes: AdjustedCloses = self.input(DataType::AdjustedClose).await.read().unwrap();
        let paid: Dividends = self.input(DataType::Dividend).await.read().unwrap();
        let days = DocumentDays { from: Some(day(2)), to: None };
        let wanted = total_return(&closes, Some(&paid), days).unwrap().unwrap();
        assert_eq!(returns.body, serde_json::to_value(wanted).unwrap());

        let rate = self.document(DataType::InflationRate, ASSET).await;
        let prices = self.input(DataType::CpiIndex).await;
        let wanted = inflation_rate(&prices.read::<Observations>().unwrap()).unwrap();
        assert_eq!(rate.body, serde_json::to_value(wanted).unwrap());
        assert_eq!(rate.provider, prices.provider, "of whom the input is");
    }
}

async fn run(steps: Vec<Step>) {
    let (clock, provider, bus) = (Clock::manual(), Arc::new(Changing::default()), LocalBus::default());
    let tier = FaultyTier::over(ModelTier::new("far"));
    let mut nodes = Vec::new();
    for _ in 0..2 {
        nodes.push(node(&clock, &tier, &provider, |cache| cache.bus(bus.clone())).await);
    }
    settle().await;
    for step in steps {
        match step {
            Step::Put { node, input, number } => nodes[node].put(INPUTS[input], number).await,
            Step::Remove { node, input } => nodes[node].end(INPUTS[input], "remove").await,
            Step::Clear { node, input } => nodes[node].end(INPUTS[input], "clear").await,
            Step::Refresh { node, input } => nodes[node].end(INPUTS[input], "refresh").await,
            Step::InvalidateAsset { node } => nodes[node].cache.invalidate(ASSET).await.unwrap(),
            Step::Pass(seconds) => {
                clock.advance(std::time::Duration::from_secs(seconds));
                // A stale input is served while it is loaded anew behind: let all of that happen first.
                for node in &nodes {
                    for data in INPUTS.into_iter().skip(1) {
                        node.input(data).await;
                    }
                    soon(node.regions.series().get(&format!("{ASSET}:1d"))).await.unwrap();
                    settle().await;
                }
            }
            Step::Check { node } => nodes[node].check().await,
        }
        // Messages reach the other node, and loads behind stale values end.
        settle().await;
    }
    for node in &nodes {
        node.check().await;
        settle().await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_computed_equals_a_computation_from_its_inputs(steps in prop::collection::vec(step(), 1..30)) {
        Builder::new_current_thread().enable_time().build().unwrap().block_on(run(steps));
    }
}

#[test]
fn market_time_gives_lives_to_every_market_kind() {
    let time = MarketTime::default();
    for data in MarketRegions::kinds() {
        let text = if data == DataType::Ohlcv { format!("{data}:AAPL:1d") } else { format!("{data}:AAPL") };
        let key = text.parse::<StandardKey>().unwrap().key().unwrap();
        let ttl = time.ttl(data).of(&key, false, Clock::manual().now());
        assert!(!ttl.life.is_zero() && ttl.grace > ttl.life, "{data}: {ttl:?}");
    }
}
