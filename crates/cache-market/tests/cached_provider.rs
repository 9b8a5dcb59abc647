//! A provider wrapped whole: asked like the provider, answered from the cache.

use std::{sync::Arc, time::Duration};

use cache_core::{Clock, Ttl};
use cache_facade::Cache;
use cache_market::CachedProvider;
use market_data::{
    Answer, Asset, DataType, DocumentId, Provider, ProviderErrorKind, ProviderSettings, Quote, Registry,
    Replay, ReplayProvider,
};

struct Scene {
    clock: Clock,
    slow: Arc<ReplayProvider>,
    cached: CachedProvider,
}

fn replay(clock: &Clock) -> Arc<ReplayProvider> {
    let replay = Replay { latency: Duration::ZERO, ..Replay::default() };
    Arc::new(ReplayProvider::new(replay, clock.clone()).unwrap())
}

async fn scene() -> Scene {
    let clock = Clock::manual();
    let slow = replay(&clock);
    let cache = Cache::builder().clock(clock.clone()).build().await.unwrap();
    let lives = |_| Ttl::new(Duration::from_secs(300)).grace(Duration::from_secs(3600));
    let cached = CachedProvider::open(&cache, slow.clone(), lives).unwrap();
    Scene { clock, slow, cached }
}

fn assets(texts: &[&str]) -> Vec<Asset> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[tokio::test]
async fn it_answers_what_its_provider_does_and_asks_it_once() {
    let Scene { slow, cached, .. } = scene().await;
    let asked = assets(&["MSFT", "NOPE", "AAPL", "T@XLON"]);
    let id = ["AAPL:1d:2017-08-01..2017-08-31".parse().unwrap()];
    let [direct, first, again] = [&*slow as &dyn Provider, &cached, &cached].map(|provider| async {
        (provider.quotes(&asked).await.unwrap(), provider.series(&id).await.unwrap())
    });
    let (mut quotes, mut series) = direct.await;
    // What has passed through a loader bears its provider's name.
    quotes.iter_mut().for_each(|answer| {
        if let Answer::Value(quote) = answer {
            quote.provider = Some("replay".into())
        }
    });
    series.iter_mut().for_each(|answer| {
        if let Answer::Value(series) = answer {
            series.provider = Some("replay".into())
        }
    });
    for answers in [first.await, again.await] {
        assert_eq!(answers, (quotes.clone(), series.clone()));
    }
    assert_eq!(slow.usage().calls, 4, "two of its own, and two of the cache");
    assert_eq!((cached.name(), cached.offer(DataType::Price)), ("replay", slow.offer(DataType::Price)));
}

#[tokio::test]
async fn what_is_not_offered_is_said_to_be_so_by_the_provider() {
    let Scene { cached, .. } = scene().await;
    let asked = cached.documents(DataType::News, &[DocumentId::new(assets(&["T"]).remove(0))]).await;
    assert_eq!(asked.unwrap_err().kind(), ProviderErrorKind::NotOffered);
}

#[tokio::test]
async fn while_its_provider_is_away_it_answers_what_is_in_grace_and_fails_the_rest() {
    let Scene { clock, slow, cached } = scene().await;
    cached.quotes(&assets(&["AAPL"])).await.unwrap();
    slow.faults().fail_all();
    clock.advance(Duration::from_secs(301));
    let answers = cached.quotes(&assets(&["AAPL", "MSFT"])).await.unwrap();
    let [Answer::Value(aapl), Answer::Failed(error)] = answers.as_slice() else { panic!("{answers:?}") };
    assert_eq!(aapl.price, 164.050003);
    assert!(error.is_transient() && error.message().contains("replay failed"), "{error}");
}

#[tokio::test]
async fn prices_are_set_and_got_in_batches_each_for_as_long_as_it_says() {
    let Scene { clock, slow, cached } = scene().await;
    let quote = |text: &str, price| Quote::new(text.parse().unwrap(), price, "2020-01-01".parse().unwrap());
    let short = Some(Ttl::new(Duration::from_secs(10)));
    let prices = [(quote("AAPL", 1.0), None), (quote("MSFT", 2.0), short), (quote("BTC@CRYPTO", 3.0), None)];
    cached.set_prices_batch(prices).await.unwrap();

    let asked = assets(&["BTC@CRYPTO", "MSFT", "AAPL", "BTC"]);
    let price = async || {
        let quotes = cached.get_prices_batch(&asked).await.unwrap();
        quotes.into_iter().map(|quote| quote.map(|quote| quote.price)).collect::<Vec<_>>()
    };
    assert_eq!(price().await, [Some(3.0), Some(2.0), Some(1.0), None], "an equity BTC is not the coin");
    assert_eq!(slow.usage().keys, 1);
    clock.advance(Duration::from_secs(11));
    assert_eq!(price().await[1], Some(73.940002), "as it was recorded");
}

#[tokio::test]
async fn an_asset_that_is_invalidated_is_asked_for_again_and_no_other_is() {
    let Scene { slow, cached, .. } = scene().await;
    let asked = assets(&["T", "T@XLON", "AAPL", "NOPE"]);
    let bars = |text: &str| [format!("{text}:1d").parse().unwrap()];
    let ask_all = async || {
        cached.quotes(&asked).await.unwrap();
        for text in ["T", "T@XLON", "AAPL"] {
            cached.series(&bars(text)).await.unwrap();
        }
        slow.usage().keys
    };
    assert_eq!(ask_all().await, 7);
    assert_eq!(ask_all().await, 7);
    cached.invalidate_asset(&asked[0]).await.unwrap();
    assert_eq!(ask_all().await, 9, "a price and a series");
    // What is known not to exist is forgotten as well.
    cached.invalidate_asset(&asked[1]).await.unwrap();
    assert_eq!(ask_all().await, 11);
    cached.invalidate_asset(&asked[3]).await.unwrap();
    assert_eq!(ask_all().await, 12);
}

#[tokio::test]
async fn a_registry_is_wrapped_like_any_provider_and_names_who_answered() {
    let clock = Clock::manual();
    let (first, second) = (replay(&clock), replay(&clock));
    first.faults().fail_all();
    let settings = |priority| ProviderSettings { priority, retries: 0, ..ProviderSettings::default() };
    let registry = Registry::builder(clock.clone())
        .provider_as("second", second, settings(2))
        .provider_as("first", first, settings(1))
        .build()
        .unwrap();
    let cache = Cache::builder().clock(clock).build().await.unwrap();
    let lives = |_| Ttl::new(Duration::from_secs(300));
    let cached = CachedProvider::open(&cache, Arc::new(registry), lives).unwrap();
    let quotes = cached.get_prices_batch(&assets(&["AAPL", "MSFT"])).await.unwrap();
    assert!(quotes.iter().all(|quote| quote.as_ref().unwrap().provider.as_deref() == Some("second")));
}

#[test]
fn the_front_page_shows_an_example_that_runs() {
    // The facade tests the page's other examples; this one is built with these tests.
    let page = include_str!("../../../README.md");
    let example = include_str!("../examples/wrap_a_provider.rs");
    assert!(page.contains(&format!("```rust,ignore\n{example}```")), "copy the example to README.md");
}

#[tokio::test]
async fn what_the_provider_does_not_offer_and_follows_from_other_kinds_is_computed() {
    let (clock, slow) = (Clock::manual(), replay(&Clock::manual()));
    // What was recorded last is of 2024.
    clock.advance(Duration::from_secs(6 * 366 * 86_400));
    let data = [DataType::Ohlcv, DataType::AdjustedClose, DataType::Dividend].into();
    let settings = ProviderSettings { data: Some(data), ..ProviderSettings::default() };
    let registry = Registry::builder(clock.clone()).provider(slow.clone(), settings).build().unwrap();
    let cache = Cache::builder().clock(clock).build().await.unwrap();
    let lives = |_| Ttl::new(Duration::from_secs(300));
    let cached = CachedProvider::open(&cache, Arc::new(registry), lives).unwrap();

    let ids = [
        "AAPL:function=sma&period=3",
        "AAPL:period=3&function=SMA",
        "AAPL:function=RSI",
        "NOPE:function=SMA",
    ];
    let ids: Vec<DocumentId> = ids.iter().map(|text| text.parse().unwrap()).collect();
    assert!(
        cached.offer(DataType::Technical).is_some() && cached.covers(DataType::TotalReturn, &ids[0].asset)
    );
    assert!(cached.covers(DataType::Technical, &ids[0].asset), "some indicator of it can be had");
    let mut answers = cached.documents(DataType::Technical, &ids).await.unwrap().into_iter();
    let mut next = || answers.next().unwrap().value();
    let (first, second, third) = (next().unwrap(), next().unwrap(), next().unwrap());
    assert_eq!(first, second, "one document, however it is asked for");
    assert_eq!((third.body["function"].as_str(), third.body["period"].as_u64()), (Some("RSI"), Some(14)));
    assert_eq!((first.provider.as_deref(), next()), (Some("replay"), None));
    let direct = slow.documents(DataType::Technical, &ids[..1]).await.unwrap().remove(0).value().unwrap();
    assert_eq!(first.body, direct.body, "as the replay computes it itself");
    let calls = slow.usage().calls;
    cached.series(&["AAPL:1d".parse().unwrap()]).await.unwrap();
    assert_eq!(slow.usage().calls, calls, "the bars are in the cache");
    let id = "EWG:from=2024-01-02".parse().unwrap();
    let returns = cached.document(DataType::TotalReturn, &id).await.unwrap().unwrap();
    assert!(returns.body["dividends"].as_f64().unwrap() > 0.5);
    assert!(cached.document(DataType::News, &id).await.is_err(), "nobody has any");
}
