//! A cache whose regions live by market time: values end where they can change, and by their tags.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use cache_core::{Clock, Fetched, Loaded, Loader, Request, Result, Timestamp};
use cache_facade::Cache;
use cache_market::{Effect, EventKind, MarketEvent, MarketTime, StandardKey, asset_tag, data_tag, user_tag};
use market_data::DataType;

/// Returns how many loads there were before.
#[derive(Clone, Default)]
struct Counting(Arc<AtomicU64>);

#[async_trait::async_trait]
impl Loader<u64> for Counting {
    fn max_batch(&self) -> usize {
        1
    }

    async fn load(&self, requests: &[Request<u64>]) -> Result<Vec<Loaded<u64>>> {
        let count = self.0.fetch_add(1, Ordering::SeqCst);
        Ok(requests.iter().map(|_| Loaded::from(count)).collect())
    }
}

fn at(text: &str) -> Timestamp {
    let moment: jiff::Timestamp = text.parse().unwrap();
    Timestamp::from_micros(moment.as_microsecond())
}

async fn cache_at(moment: &str) -> (Clock, Cache) {
    let clock = Clock::manual();
    clock.advance(at(moment).since(clock.now()));
    let cache = Cache::builder().clock(clock.clone()).build().await.unwrap();
    (clock, cache)
}

/// Rules by which what is past its life is loaded and never served.
fn never_stale() -> MarketTime {
    let rules = serde_json::from_str(r#"{"stale_for": 0}"#).unwrap();
    MarketTime::new(rules, market_calendar::Calendars::builtin()).unwrap()
}

#[tokio::test]
async fn a_price_cached_a_minute_before_the_open_is_asked_for_anew_at_the_open() {
    let (clock, cache) = cache_at("2024-07-02T09:29:00-04:00").await;
    let loads = Counting::default();
    let prices = cache.region::<u64>("price").ttl(never_stale().ttl(DataType::Price)).loader(loads);
    let prices = prices.open().unwrap();
    assert_eq!(prices.get("AAPL").await.unwrap().as_deref(), Some(&0));
    clock.advance(Duration::from_secs(59));
    assert_eq!(prices.get("AAPL").await.unwrap().as_deref(), Some(&0), "it can't have changed");
    clock.advance(Duration::from_secs(1));
    assert_eq!(prices.get("AAPL").await.unwrap().as_deref(), Some(&1), "the market is open");
}

#[tokio::test]
async fn a_price_cached_at_night_is_asked_for_once_until_the_open() {
    let (clock, cache) = cache_at("2024-07-05T21:00:00-04:00").await;
    let loads = Counting::default();
    let prices = cache.region::<u64>("price").ttl(never_stale().ttl(DataType::Price)).loader(loads.clone());
    let prices = prices.open().unwrap();
    while clock.now() < at("2024-07-08T09:30:00-04:00") {
        prices.get("AAPL").await.unwrap();
        clock.advance(Duration::from_secs(1_800));
    }
    assert_eq!(loads.0.load(Ordering::SeqCst), 1, "a weekend of reads, one load");
}

#[tokio::test]
async fn removing_user_1_leaves_user_10_and_an_asset_leaves_those_that_begin_alike() {
    let (_, cache) = cache_at("2024-07-02T12:00:00-04:00").await;
    let users = cache.region::<u64>("users").ttl(MarketTime::default().ttl(DataType::User)).open().unwrap();
    for id in ["1", "10"] {
        let id_of = |key: StandardKey| key.id().unwrap();
        let session = id_of(StandardKey::Session(id.into()));
        for id_in_region in [id_of(StandardKey::User(id.into())), session] {
            users.put(&id_in_region, Fetched::new(1).tag(user_tag(id).unwrap())).await.unwrap();
        }
    }
    cache.invalidate(user_tag("1").unwrap()).await.unwrap();
    let there = ["1", "session:1", "10", "session:10"].map(|id| users.peek(id).is_some());
    assert_eq!(there, [false, false, true, true]);

    let prices = cache.region::<u64>("price").ttl(MarketTime::default().ttl(DataType::Price)).open().unwrap();
    for text in ["A", "A:yahoo", "AA", "A@XLON"] {
        let asset = text.split(':').next().unwrap().parse().unwrap();
        prices.put(text, Fetched::new(1).tag(asset_tag(&asset).unwrap())).await.unwrap();
    }
    cache.invalidate(asset_tag(&"A".parse().unwrap()).unwrap()).await.unwrap();
    let there = ["A", "A:yahoo", "AA", "A@XLON"].map(|id| prices.peek(id).is_some());
    assert_eq!(there, [false, false, true, true]);
}

#[tokio::test]
async fn the_effects_of_an_event_are_carried_out_on_a_cache() {
    let (clock, cache) = cache_at("2024-07-02T12:00:00-04:00").await;
    let time = MarketTime::default();
    let loads = Counting::default();
    let prices = cache.region::<u64>("price").ttl(time.ttl(DataType::Price)).loader(loads).open().unwrap();
    let news = cache.region::<u64>("news").ttl(time.ttl(DataType::News)).open().unwrap();
    prices.get("AAPL").await.unwrap();
    for text in ["AAPL", "MSFT"] {
        let tag = data_tag(DataType::News, &text.parse().unwrap()).unwrap();
        news.put(text, Fetched::new(7).tag(tag)).await.unwrap();
    }

    let event = MarketEvent::announced("AAPL".parse().unwrap(), EventKind::Earnings);
    for effect in time.announce(&event, clock.now()).unwrap() {
        match effect {
            Effect::Invalidate(tag) => cache.invalidate(&tag).await.unwrap(),
            Effect::MarkStale(tag) => cache.mark_stale(&tag).await.unwrap(),
            Effect::Refresh(key) => {
                assert_eq!(prices.refresh(&[key.id().unwrap()]).await.unwrap().all().unwrap(), 1)
            }
        }
    }
    assert_eq!(prices.peek("AAPL").as_deref(), Some(&1), "loaded anew");
    let [apple, microsoft] = [news.lookup("AAPL").await.unwrap(), news.lookup("MSFT").await.unwrap()];
    assert_eq!([apple.value.as_deref(), microsoft.value.as_deref()], [Some(&7); 2]);
    assert_eq!([apple.stale, microsoft.stale], [true, false]);
}
