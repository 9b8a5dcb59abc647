//! Yahoo's cookie and crumb: obtained once for all who wait, renewed once when refused.

use std::sync::Arc;

use cache_core::Clock;
use market_data::{
    Answer as Said, Asset, DataType, Provider, ProviderErrorKind, ProviderSettings, Registry, YahooConfig,
    YahooProvider,
};
use serde_json::{Value, json};

use crate::{
    upstream::{Answer, Upstream},
    yahoo::{COOKIE, nothing, provider, yahoo},
};

#[tokio::test]
async fn many_at_once_obtain_one_pass_and_renew_it_once() {
    // The crumb at first handed out is refused; the one after it is good.
    let mut crumbs = 0;
    let upstream = Upstream::answering(move |asked| match asked.path() {
        "/" => Answer::new(404, "").header("set-cookie", COOKIE),
        "/v1/test/getcrumb" => {
            crumbs += 1;
            Answer::new(200, format!("crumb{crumbs}"))
        }
        _ if asked.query("crumb").as_deref() == Some("crumb1") => Answer::new(401, "{}"),
        _ => nothing(),
    })
    .await;
    let provider = Arc::new(provider(&upstream));
    let asks = (0..40).map(|_| {
        let provider = Arc::clone(&provider);
        tokio::spawn(async move { provider.quotes(&["AAPL".parse().unwrap()]).await })
    });
    for ask in asks.collect::<Vec<_>>() {
        assert_eq!(ask.await.unwrap().unwrap(), [Said::Unknown]);
    }
    let count = |path: &str| upstream.asked().iter().filter(|asked| asked.path() == path).count();
    assert_eq!((count("/"), count("/v1/test/getcrumb")), (2, 2));
    assert!(
        upstream
            .asked()
            .iter()
            .filter(|asked| asked.path() == "/v7/finance/quote")
            .all(|asked| asked.header("cookie") == Some(COOKIE))
    );
    assert!(!format!("{provider:?}").contains("hunter2"), "{provider:?}");
}

#[tokio::test]
async fn a_pass_that_cannot_be_had_is_one_failure_for_all_who_wait() {
    for (crumb, fault) in [
        (Answer::new(429, "Too Many Requests"), ProviderErrorKind::Throttled { retry_after: None }),
        (Answer::new(200, "<!doctype html>"), ProviderErrorKind::BadAnswer),
        (Answer::new(200, ""), ProviderErrorKind::BadAnswer),
    ] {
        let upstream = Upstream::answering(move |asked| match asked.path() {
            "/" => Answer::new(404, "").header("set-cookie", COOKIE),
            _ => crumb.clone(),
        })
        .await;
        let provider = provider(&upstream);
        let assets = ["AAPL".parse().unwrap()];
        // All begin before any ends: on one thread, each is polled once before the first answer arrives.
        let asks = futures_util::future::join_all((0..20).map(|_| provider.quotes(&assets))).await;
        assert!(asks.iter().all(|ask| ask.as_ref().is_err_and(|error| error.kind() == fault)));
        assert_eq!(upstream.calls(), 2);
        assert!(provider.quotes(&assets).await.is_err());
        assert_eq!(upstream.calls(), 4, "whoever comes later tries again");
    }
}

#[tokio::test]
async fn a_dropped_caller_leaves_the_session_usable() {
    let mut calls = 0;
    let upstream = yahoo(|_| nothing()).await;
    let slow = Upstream::answering(move |_| {
        calls += 1;
        if calls == 1 { Answer::silent() } else { Answer::new(404, "").header("set-cookie", COOKIE) }
    })
    .await;
    let config = YahooConfig { base_url: upstream.url(), cookie_url: slow.url(), ..YahooConfig::default() };
    let provider = Arc::new(YahooProvider::new(config, Clock::system()).unwrap());
    let first = tokio::spawn({
        let provider = Arc::clone(&provider);
        async move { provider.quotes(&["AAPL".parse().unwrap()]).await }
    });
    while slow.calls() == 0 {
        tokio::task::yield_now().await;
    }
    first.abort();
    assert_eq!(provider.quotes(&["AAPL".parse().unwrap()]).await.unwrap(), [Said::Unknown]);
}

#[tokio::test]
async fn three_hundred_quotes_through_a_registry_cost_six_calls_and_two_for_the_pass() {
    let upstream = yahoo(|asked| {
        let symbols = asked.query("symbols").unwrap();
        let item = |symbol| json!({"symbol": symbol, "regularMarketPrice": 1, "regularMarketTime": 0});
        let items: Vec<Value> = symbols.split(',').map(item).collect();
        assert!(items.len() <= YahooConfig::MOST);
        Answer::new(200, json!({"quoteResponse": {"result": items, "error": null}}).to_string())
    })
    .await;
    let provider = Arc::new(provider(&upstream));
    let registry =
        Registry::builder(Clock::system()).provider(provider, ProviderSettings::default()).build().unwrap();
    let assets: Vec<Asset> = (0..300).map(|at| format!("S{at}").parse().unwrap()).collect();
    let batch = registry.offer(DataType::Price).unwrap().max_batch;
    let asks =
        futures_util::future::join_all(assets.chunks(batch).map(|assets| registry.quotes(assets))).await;
    let told = asks.into_iter().flat_map(Result::unwrap).filter_map(Said::value).count();
    assert_eq!((told, upstream.calls()), (300, 300 / 50 + 2));
}
