//! What a JSON API doesn't know, by its status, and what it is never asked for.

use std::sync::Arc;

use cache_core::Clock;
use market_data::{
    Answer as Said, Asset, DataType, DocumentId, JsonConfig, JsonProvider, Observations, Provider,
    ProviderErrorKind, ProviderSettings, Registry, SeriesId,
};
use serde_json::{Value, json};

use crate::upstream::{Answer, Upstream};

fn open(config: Value) -> JsonProvider {
    JsonProvider::new(&serde_json::from_value::<JsonConfig>(config).unwrap(), Clock::system()).unwrap()
}

/// An API of all kinds of data, which says by these statuses that it doesn't know a symbol.
fn acme(upstream: &Upstream, unknown: &[u16]) -> JsonProvider {
    let url = upstream.url();
    open(json!({
        "name": "acme", "markets": ["US"], "unknown_status": unknown, "error": "/error",
        "quotes": {"url": format!("{url}/q?s={{symbols}}"), "max_batch": 9, "symbol": "/s", "price": "/p"},
        "series": {
            "url": format!("{url}/s/{{symbol}}"),
            "time": "/t", "open": "/o", "high": "/h", "low": "/l", "close": "/c",
        },
        "documents": {"fundamentals": {"url": format!("{url}/d?s={{symbols}}"), "max_batch": 9, "symbol": "/s"}},
    }))
}

/// What is said of two keys of each kind of data: whether they are unknown, or the error.
async fn said(provider: &JsonProvider) -> Vec<Result<(), market_data::ProviderError>> {
    fn each<V>(answers: market_data::Answers<V>) -> Vec<Result<(), market_data::ProviderError>> {
        let one = |answer| match answer {
            Said::Unknown => Ok(()),
            Said::Failed(error) => Err(error),
            Said::Value(_) => panic!("there is nothing to tell"),
        };
        match answers {
            Ok(answers) => answers.into_iter().map(one).collect(),
            Err(error) => vec![Err(error)],
        }
    }
    let assets: Vec<Asset> = ["A", "B"].map(|symbol| symbol.parse().unwrap()).into();
    let series: Vec<SeriesId> = ["A:1d", "B:1d"].map(|id| id.parse().unwrap()).into();
    let documents: Vec<DocumentId> = assets.iter().cloned().map(DocumentId::new).collect();
    let mut said = each(provider.quotes(&assets).await);
    said.extend(each(provider.series(&series).await));
    said.extend(each(provider.documents(DataType::Fundamentals, &documents).await));
    said
}

#[tokio::test]
async fn a_status_that_means_unknown_makes_one_unknown_and_refuses_several() {
    for status in [404, 422] {
        for body in ["", "<html>", r#"{"error":"no such symbol"}"#] {
            let upstream = Upstream::saying([Answer::new(status, body)]).await;
            let told = said(&acme(&upstream, &[404, 422])).await;
            assert_eq!(told[1..3], [Ok(()), Ok(())], "each series is a call: {status} {body}");
            for refused in [&told[0], &told[3]] {
                let error = refused.as_ref().expect_err("nobody knows which of them is unknown");
                assert_eq!(error.kind(), ProviderErrorKind::BadRequest);
                assert!(error.message().contains("acme doesn't know one of 2 symbols"), "{error}");
            }
            assert_eq!((told.len(), upstream.calls()), (4, 4), "a batch is one call");
        }
    }
}

#[tokio::test]
async fn any_other_status_is_an_error_and_that_of_a_404_names_the_setting() {
    for (status, unknown, kind) in [
        (404, &[][..], ProviderErrorKind::BadRequest),
        (404, &[410], ProviderErrorKind::BadRequest),
        (400, &[404], ProviderErrorKind::BadRequest),
        (500, &[404], ProviderErrorKind::Broken),
        (401, &[404], ProviderErrorKind::Refused),
    ] {
        let long = format!(r#"{{"error":"{}"}}"#, "no such symbol ".repeat(60));
        for body in ["", r#"{"error":"no such symbol"}"#, &long] {
            let upstream = Upstream::saying([Answer::new(status, body)]).await;
            for told in said(&acme(&upstream, unknown)).await {
                let error = told.expect_err("it failed");
                assert_eq!(error.kind(), kind, "{error}");
                let named = error.to_string().contains("set unknown_status: [404]");
                assert_eq!(named, status == 404, "{error}");
            }
        }
    }
}

/// Of two providers with a series each, neither hides the other's: what a URL isn't about, its provider doesn't
/// offer.
#[tokio::test]
async fn providers_of_one_series_each_stand_beside_each_other() {
    let upstream = Upstream::answering(|asked| {
        let value = if asked.target.contains("gdp") { 1 } else { 2 };
        Answer::new(200, json!({"observations": [{"date": "2020-01-01", "value": value}]}).to_string())
    })
    .await;
    // Whatever markets an API has: the series is where its name says.
    let provider = |asset: &str, path: &str, markets: Value| {
        let documents = json!({"macro": {"url": format!("{}/{path}", upstream.url()), "asset": asset}});
        Arc::new(open(json!({"name": path, "markets": markets, "documents": documents})))
    };
    let gdp = provider("REAL_GDP", "gdp", json!(["XLON"]));
    let asset = |text| DataType::Macro.read_asset(text).unwrap();
    let offer = gdp.offer(DataType::Macro).unwrap();
    assert!(offer.covers(&asset("REAL_GDP")) && !offer.covers(&asset("UNEMPLOYMENT")));
    let registry = Registry::builder(Clock::system())
        .provider(gdp, ProviderSettings::default())
        .provider(provider("UNEMPLOYMENT", "jobs", json!(null)), ProviderSettings::default())
        .build()
        .unwrap();
    let ids = ["REAL_GDP", "UNEMPLOYMENT", "RETAIL_SALES"].map(|name| DocumentId::new(asset(name)));
    let told = registry.documents(DataType::Macro, &ids).await.unwrap();
    for (told, value) in told.iter().zip([1.0, 2.0]) {
        let Said::Value(document) = told else { panic!("{told:?}") };
        assert_eq!(document.read::<Observations>().unwrap().observations[0].value, value);
    }
    assert!(
        told[2].failure().is_some_and(|error| error.kind() == ProviderErrorKind::NotOffered),
        "{:?}",
        told[2]
    );
    assert_eq!(upstream.calls(), 2);
}
