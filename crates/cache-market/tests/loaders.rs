//! Loaders of a provider: what they tag, which version they name, what is absent, invalid or not modified.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use cache_core::{Clock, Key, Loaded, Loader, Request};
use cache_market::{DocumentLoader, QuoteLoader, SeriesLoader};
use market_data::{
    Answer, Answers, Asset, DataType, Date, Offer, Provider, ProviderError, ProviderErrorKind,
    ProviderSettings, Quote, Registry, Replay, ReplayProvider,
};

fn provider() -> ReplayProvider {
    ReplayProvider::new(Replay { latency: Duration::ZERO, ..Replay::default() }, Clock::manual()).unwrap()
}

fn request<V>(kind: &str, id: &str, etag: Option<&str>) -> Request<V> {
    Request { etag: etag.map(Into::into), ..Request::new(Key::new(kind, id).unwrap()) }
}

#[tokio::test]
async fn what_a_provider_does_not_offer_fails_the_load_and_says_so() {
    let loader = DocumentLoader::new(Arc::new(provider()), DataType::News);
    let error = loader.load(&[request("news", "T", None)]).await.unwrap_err();
    assert!(error.to_string().contains("replay offers no news"), "{error}");
}

#[tokio::test]
async fn a_loader_tags_names_the_version_and_says_what_is_absent_or_invalid() {
    let loader = QuoteLoader::new(Arc::new(provider()));
    let requests = ["AAPL", "A B", "NOPE"].map(|id| request("price", id, None));
    let loaded = loader.load(&requests).await.unwrap();
    let [Loaded::Value(fetched), Loaded::Failed(invalid), Loaded::Absent] = loaded.as_slice() else {
        panic!("{loaded:?}")
    };
    assert_eq!((fetched.tags[0].as_str(), fetched.value.provider.as_deref()), ("AAPL", Some("replay")));
    assert!(invalid.to_string().contains("\"A B\""), "{invalid}");

    let again = loader.load(&[request("price", "AAPL", fetched.etag.as_deref())]).await.unwrap();
    assert!(matches!(again.as_slice(), [Loaded::NotModified { ttl: None }]), "{again:?}");
    let other = loader.load(&[request("price", "AAPL", Some("older"))]).await.unwrap();
    assert!(matches!(other.as_slice(), [Loaded::Value(_)]), "{other:?}");
}

#[tokio::test]
async fn a_loader_of_series_reads_ids_with_their_interval() {
    let provider = Arc::new(provider());
    let loader = SeriesLoader::new(provider.clone() as Arc<dyn Provider>);
    assert_eq!(loader.max_batch(), 1);
    let loaded = loader.load(&[request("ohlcv", "T:1d", None)]).await.unwrap();
    let [Loaded::Value(fetched)] = loaded.as_slice() else { panic!("{loaded:?}") };
    let etag = fetched.etag.as_deref();
    let again = loader.load(&[request("ohlcv", "T:1d", etag)]).await.unwrap();
    assert!(matches!(again.as_slice(), [Loaded::NotModified { ttl: None }]), "{again:?}");
    let invalid = loader.load(&[request("ohlcv", "T", None)]).await.unwrap();
    assert!(matches!(invalid.as_slice(), [Loaded::Failed(_)]), "{invalid:?}");
    assert_eq!(provider.usage().calls, 2, "an id that is none never goes out");
}

#[tokio::test]
async fn a_failed_call_fails_the_whole_load() {
    let provider = Arc::new(provider());
    provider.faults().fail_next(1);
    let error = QuoteLoader::new(provider).load(&[request("price", "AAPL", None)]).await.unwrap_err();
    assert!(error.is_retryable(), "{error}");
}

/// A provider that quotes the first asset, fails the second, and leaves out all others if it `forgets`.
#[derive(Debug)]
struct OnlyTheFirst {
    forgets: bool,
}

#[async_trait]
impl Provider for OnlyTheFirst {
    fn name(&self) -> &str {
        "forgetful"
    }

    fn offer(&self, data: DataType) -> Option<Offer> {
        (data == DataType::Price).then(|| Offer::new(50))
    }

    async fn quotes(&self, assets: &[Asset]) -> Answers<Quote> {
        let answer = |(at, asset): (usize, &Asset)| match at {
            0 => Answer::Value(Quote::new(asset.clone(), 1.0, Date::constant(2020, 1, 2))),
            1 => Answer::Failed(ProviderError::new(ProviderErrorKind::BadAnswer, "bad is no price")),
            _ => Answer::Unknown,
        };
        let told = if self.forgets { 1 } else { assets.len() };
        Ok(assets.iter().enumerate().take(told).map(answer).collect())
    }
}

#[tokio::test]
async fn a_loader_of_a_registry_names_who_answered_each_key() {
    let provider = |forgets| Arc::new(OnlyTheFirst { forgets });
    let settings = |priority| ProviderSettings { priority, retries: 0, ..ProviderSettings::default() };
    let registry = Registry::builder(Clock::manual())
        .provider_as("second", provider(false), settings(2))
        .provider_as("first", provider(false), settings(1))
        .build()
        .unwrap();
    let loader = QuoteLoader::new(Arc::new(registry));
    assert_eq!(loader.max_batch(), 50);
    let loaded = loader.load(&["A", "B", "C"].map(|id| request("price", id, None))).await.unwrap();
    let [Loaded::Value(a), Loaded::Value(b), Loaded::Absent] = &loaded[..] else { panic!("{loaded:?}") };
    assert_eq!((a.value.provider.as_deref(), b.value.provider.as_deref()), (Some("first"), Some("second")));
}

#[tokio::test]
async fn a_provider_that_answers_for_fewer_keys_than_asked_fails_the_load() {
    let loader = QuoteLoader::new(Arc::new(OnlyTheFirst { forgets: true }));
    let error = loader.load(&["A", "B"].map(|id| request("price", id, None))).await.unwrap_err();
    assert!(error.to_string().contains("forgetful was asked for 2 keys and answered 1"), "{error}");
}

#[tokio::test]
async fn a_series_without_bars_is_soon_asked_for_again() {
    let loader = SeriesLoader::new(Arc::new(provider()));
    let weekend = "T:1d:2017-08-26..2017-08-27";
    let loaded = loader.load(&[request("ohlcv", weekend, None)]).await.unwrap();
    let [Loaded::Value(fetched)] = loaded.as_slice() else { panic!("{loaded:?}") };
    assert!(fetched.value.bars.is_empty());
    assert_eq!(fetched.ttl, Some(Duration::from_secs(60).into()), "not the life of bars");
    let again = loader.load(&[request("ohlcv", weekend, fetched.etag.as_deref())]).await.unwrap();
    let [Loaded::Value(fetched)] = again.as_slice() else { panic!("{again:?}") };
    assert_eq!(
        fetched.ttl,
        Some(Duration::from_secs(60).into()),
        "\"not modified\" would renew that of bars"
    );
}
