//! Any JSON API as a user describes it: against recorded bodies that other adapters read too, and as it fails.

use std::fs;

use crate::upstream::{Answer, Upstream};
use cache_core::Clock;
use market_data::{
    Answer as Said, Asset, DataType, DocumentId, JsonConfig, JsonProvider, OandaConfig, OandaProvider,
    Provider, ProviderErrorKind, SecretSource, SeriesId, YahooConfig, YahooProvider,
};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

const KEY: &str = "hunter2/key";

fn recorded(name: &str) -> String {
    fs::read_to_string(format!("{}/tests/data/{name}.json", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn open(config: Value) -> cache_core::Result<JsonProvider> {
    JsonProvider::new(&serde_json::from_value::<JsonConfig>(config).unwrap(), Clock::system())
}

fn quotes(upstream: &Upstream, more: Value) -> Value {
    let mut quotes = json!({
        "url": format!("{}/q?symbols={{symbols}}", upstream.url()), "max_batch": 50, "items": "/data",
        "symbol": "/ticker", "price": "/last",
    });
    quotes.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"name": "acme", "markets": ["US"], "error": "/error", "quotes": quotes})
}

async fn ask(config: Value, assets: &[&str]) -> Result<Vec<Option<f64>>, market_data::ProviderError> {
    let assets: Vec<Asset> = assets.iter().map(|asset| asset.parse().unwrap()).collect();
    let answers = open(config).unwrap().quotes(&assets).await?;
    Ok(answers.into_iter().map(|answer| answer.value().map(|quote| quote.price)).collect())
}

#[tokio::test]
async fn described_to_it_yahoo_s_quotes_are_what_its_own_adapter_makes_of_them() {
    let body = Answer::recorded(&recorded("yahoo/quote-AAPL-BABA"));
    let upstream = Upstream::answering(move |asked| match asked.path() {
        "/" => Answer::new(404, "").header("set-cookie", "A3=x"),
        "/v1/test/getcrumb" => Answer::new(200, "crumb"),
        _ => body.clone(),
    })
    .await;
    let assets: Vec<Asset> = ["BABA", "GONE", "AAPL"].map(|symbol| symbol.parse().unwrap()).into();
    let yahoo =
        YahooConfig { base_url: upstream.url(), cookie_url: upstream.url(), ..YahooConfig::default() };
    let expected = YahooProvider::new(yahoo, Clock::system()).unwrap().quotes(&assets).await.unwrap();
    let config = json!({
        "name": "yahoo", "markets": ["US"], "zone": "America/New_York",
        "quotes": {
            "url": format!("{}/v7/finance/quote?symbols={{symbols}}", upstream.url()), "max_batch": 50,
            "items": "/quoteResponse/result", "symbol": "/symbol", "price": "/regularMarketPrice",
            "previous_close": "/regularMarketPreviousClose", "open": "/regularMarketOpen",
            "high": "/regularMarketDayHigh", "low": "/regularMarketDayLow", "volume": "/regularMarketVolume",
            "time": "/regularMarketTime", "currency": "/currency", "bid": "/bid", "ask": "/ask",
        },
    });
    assert_eq!(open(config).unwrap().quotes(&assets).await.unwrap(), expected);
    assert_eq!(upstream.asked().pop().unwrap().query("symbols").as_deref(), Some("BABA,GONE,AAPL"));
}

#[tokio::test]
async fn described_to_it_oanda_s_candles_are_what_its_own_adapter_makes_of_them() {
    let body = Answer::recorded(&recorded("oanda/instruments_v3_instruments_instrument_candles"));
    let upstream = Upstream::answering(move |_| body.clone()).await;
    let id: SeriesId = "DE30_EUR@FX:5m".parse().unwrap();
    let token = NamedTempFile::new().unwrap();
    fs::write(token.path(), KEY).unwrap();
    let source = SecretSource::File(token.path().into());
    let oanda = OandaConfig { base_url: upstream.url(), ..OandaConfig::new("1", source) };
    let expected =
        OandaProvider::new(oanda, Clock::system()).unwrap().series(std::slice::from_ref(&id)).await.unwrap();
    let config = json!({
        "name": "oanda", "markets": ["FX"], "key": {"from": {"file": token.path()}},
        "series": {
            "url": format!("{}/v3/instruments/{{symbol}}/candles?granularity={{interval}}&from={{from}}", upstream.url()),
            "items": "/candles", "intervals": {"5m": "M5"}, "time": "/time",
            "open": "/mid/o", "high": "/mid/h", "low": "/mid/l", "close": "/mid/c", "volume": "/volume",
        },
    });
    let provider = open(config).unwrap();
    assert_eq!(provider.series(&[id]).await.unwrap(), expected);
    let asked = upstream.asked().pop().unwrap();
    assert_eq!(asked.target, "/v3/instruments/DE30_EUR/candles?granularity=M5&from=1900-01-01");
    assert_eq!(asked.header("authorization"), Some(format!("Bearer {KEY}").as_str()));
    assert!(!format!("{provider:?}").contains("hunter2"));
    let within: SeriesId = "DE30_EUR@FX:5m:2016-10-18..2016-10-19".parse().unwrap();
    let cut = provider.series(&[within]).await.unwrap().remove(0).value().unwrap();
    assert!(cut.bars.is_empty() && upstream.asked().pop().unwrap().target.ends_with("from=2016-10-18"));
}

#[tokio::test]
async fn items_may_be_a_list_an_object_by_symbol_or_one() {
    let upstream = Upstream::saying([
        Answer::new(200, r#"{"data":[{"ticker":"B","last":2},{"ticker":"A","last":"1.5"}]}"#),
        Answer::new(200, r#"{"data":{"B":{"last":2},"A":{"last":1.5}}}"#),
        Answer::new(200, r#"{"data":{"ticker":"A","last":1.5}}"#),
        Answer::new(200, r#"{"data":[]}"#),
        Answer::new(200, r#"{"data":[{"ticker":"A","last":null}]}"#),
    ])
    .await;
    let config = quotes(&upstream, json!({}));
    for expected in
        [[Some(1.5), Some(2.0)], [Some(1.5), Some(2.0)], [Some(1.5), None], [None, None], [None, None]]
    {
        assert_eq!(ask(config.clone(), &["A", "B"]).await.unwrap(), expected);
    }
}

/// Of several, nobody knows which of them is unknown.
#[tokio::test]
async fn a_null_in_place_of_all_makes_one_unknown_and_refuses_several() {
    for body in [r#"{"data":null}"#, "{}"] {
        let upstream = Upstream::saying([Answer::new(200, body)]).await;
        assert_eq!(ask(quotes(&upstream, json!({})), &["A"]).await.unwrap(), [None]);
        let error = ask(quotes(&upstream, json!({})), &["A", "B"]).await.unwrap_err();
        assert_eq!(error.kind(), ProviderErrorKind::BadRequest, "{error}");
    }
}

#[tokio::test]
async fn an_item_without_a_name_is_believed_only_if_one_was_asked_for() {
    let upstream = Upstream::saying([Answer::new(200, r#"{"data":{"last":2}}"#)]).await;
    assert_eq!(ask(quotes(&upstream, json!({})), &["A"]).await.unwrap(), [Some(2.0)]);
    let both = ["A", "B"].map(|asset| asset.parse().unwrap());
    let answers = open(quotes(&upstream, json!({}))).unwrap().quotes(&both).await.unwrap();
    assert!(answers.iter().all(|answer| matches!(answer, Said::Failed(_))), "{answers:?}");
}

#[tokio::test]
async fn failures_are_told_apart_and_never_show_the_key() {
    let throttled = ProviderErrorKind::Throttled { retry_after: None };
    let long = format!("{} {KEY}", "x".repeat(310));
    for (answer, fault) in [
        (
            Answer::new(200, json!({"error": format!("no such key {KEY}")}).to_string()),
            ProviderErrorKind::BadRequest,
        ),
        (Answer::new(200, json!({"error": long}).to_string()), ProviderErrorKind::BadRequest),
        (
            Answer::new(401, json!({"error": format!("bad key {KEY}")}).to_string()),
            ProviderErrorKind::Refused,
        ),
        (Answer::new(200, r#"{"error":{"code":7,"message":"Daily QUOTA used up"}}"#), throttled),
        (Answer::new(200, r#"{"error":"You have exceeded the limit of your plan"}"#), throttled),
        (Answer::new(200, r#"{"error":"invalid api key"}"#), ProviderErrorKind::Refused),
        (Answer::new(429, "Too Many Requests"), throttled),
        (Answer::new(500, format!("<html>{KEY}")), ProviderErrorKind::Broken),
        (Answer::new(200, format!("<html>{KEY}")), ProviderErrorKind::BadAnswer),
        (Answer::new(200, r#"{"error":false,"data":[{"last":1}]}"#), ProviderErrorKind::BadAnswer),
        (Answer::new(200, r#"{"data":[{"ticker":"A","last":1e999}]}"#), ProviderErrorKind::BadAnswer),
        (Answer::new(200, "[".repeat(100_000)), ProviderErrorKind::BadAnswer),
        (Answer::new(200, r#"{"data":[]}"#).cut(3), ProviderErrorKind::Unreachable),
    ] {
        let upstream = Upstream::saying([answer]).await;
        let key = NamedTempFile::new().unwrap();
        fs::write(key.path(), KEY).unwrap();
        for send in [json!({"query": "key"}), json!({"header": "X-Api-Key"}), json!("bearer")] {
            let mut config = quotes(&upstream, json!({}));
            config["key"] = json!({"from": {"file": key.path()}, "send": send});
            let provider = open(config).unwrap();
            let told = provider.quotes(&["A".parse().unwrap(), "B".parse().unwrap()]).await;
            let error = match told.map(|mut answers| answers.remove(0)) {
                Err(error) | Ok(Said::Failed(error)) => error,
                Ok(told) => panic!("{told:?}"),
            };
            assert_eq!(error.kind(), fault, "{error}");
            assert!(!format!("{error} {error:?} {provider:?}").contains("hunter2"), "{error}");
        }
    }
}

#[tokio::test]
async fn one_item_that_cannot_be_believed_fails_alone() {
    let body = r#"{"data":[{"ticker":"A","last":1},{"ticker":"B","last":-1},{"ticker":"C","last":"x"},{"ticker":"D","last":[1]}]}"#;
    let upstream = Upstream::saying([Answer::new(200, body)]).await;
    let assets: Vec<Asset> = ["A", "B", "C", "D"].map(|symbol| symbol.parse().unwrap()).into();
    let answers = open(quotes(&upstream, json!({}))).unwrap().quotes(&assets).await.unwrap();
    assert!(
        matches!(answers[..], [Said::Value(_), Said::Failed(_), Said::Failed(_), Said::Failed(_)]),
        "{answers:?}"
    );
}

#[tokio::test]
async fn of_two_items_that_contradict_each_other_neither_is_believed() {
    let body = r#"{"data":[{"ticker":"AAPL","last":190.5},{"ticker":"B","last":2},{"ticker":"aapl","last":3},{"ticker":"B","last":2},{"ticker":"AAPL","last":190.5},{"ticker":"B","last":null}]}"#;
    let upstream = Upstream::saying([Answer::new(200, body)]).await;
    let provider = open(quotes(&upstream, json!({}))).unwrap();
    let answers = provider.quotes(&["AAPL", "B"].map(|asset| asset.parse().unwrap())).await.unwrap();
    let Said::Failed(error) = &answers[0] else { panic!("{answers:?}") };
    assert!(error.to_string().contains("contradict each other"), "{error}");
    assert_eq!((error.kind(), provider.implausible()), (ProviderErrorKind::BadAnswer, 1));
    assert!(matches!(&answers[1], Said::Value(quote) if quote.price == 2.0), "to say it twice is none");
    let by_symbol = r#"{"data":{"AAPL":{"last":190.5},"AAPL":{"last":3}}}"#;
    let upstream = Upstream::saying([Answer::new(200, by_symbol)]).await;
    let error = ask(quotes(&upstream, json!({})), &["AAPL"]).await.unwrap_err();
    assert!(
        error.kind() == ProviderErrorKind::BadAnswer && error.to_string().contains("stands twice"),
        "{error}"
    );
}

#[tokio::test]
async fn what_no_item_has_is_a_mistake_of_a_pointer_and_makes_nothing_unknown() {
    for (body, pointer) in [
        (
            r#"{"data":[{"ticker":"A","lst":1},{"ticker":"B","lst":2}]}"#,
            "quotes.price is missing: nothing at \"/last\"",
        ),
        (r#"{"data":{"A":{"lst":1},"B":{"lst":2}}}"#, "quotes.price"),
        (r#"{"data":{"ticker":"A","lst":1}}"#, "quotes.price"),
        (r#"{"dta":[{"ticker":"A","last":1}]}"#, "quotes.items is missing: nothing at \"/data\""),
    ] {
        let upstream = Upstream::saying([Answer::new(200, body)]).await;
        let error = ask(quotes(&upstream, json!({})), &["A", "B"]).await.unwrap_err();
        assert_eq!(error.kind(), ProviderErrorKind::BadAnswer, "{body}");
        assert!(error.to_string().contains(pointer), "{error}");
    }
    for (body, prices) in [
        (r#"{"data":[{"ticker":"A"},{"ticker":"B","last":2}]}"#, [None, Some(2.0)]),
        (r#"{"data":{"A":{},"B":null}}"#, [None, None]),
        (r#"{"data":{"ticker":"A","last":null}}"#, [None, None]),
    ] {
        let upstream = Upstream::saying([Answer::new(200, body)]).await;
        assert_eq!(ask(quotes(&upstream, json!({})), &["A", "B"]).await.unwrap(), prices, "{body}");
    }
}

#[tokio::test]
async fn a_stamp_at_the_end_of_time_is_no_time_and_is_implausible() {
    for stamp in ["253402300799", "253402300799000", "253402300799999", "252460800000", "2147483647", "1e300"]
    {
        let body = format!(r#"{{"data":[{{"ticker":"A","last":1,"at":{stamp}}}]}}"#);
        let upstream = Upstream::saying([Answer::new(200, body)]).await;
        let provider = open(quotes(&upstream, json!({"time": "/at"}))).unwrap();
        let answers = provider.quotes(&["A".parse().unwrap()]).await.unwrap();
        assert!(
            matches!(&answers[0], Said::Failed(error) if error.to_string().contains("implausible")),
            "{answers:?}"
        );
        assert_eq!(provider.implausible(), 1, "{stamp}");
    }
}

#[tokio::test]
async fn a_day_s_bar_at_midnight_in_utc_is_of_that_day_in_any_zone() {
    for (stamp, day) in [
        (json!(1_577_923_200), "2020-01-02"),
        (json!("2020-01-02T00:00:00Z"), "2020-01-02"),
        // At the open and at midnight of New York.
        (json!("2020-01-02T14:30:00Z"), "2020-01-02"),
        (json!("2020-01-02T05:00:00Z"), "2020-01-02"),
        (json!("2020-01-02T04:59:59Z"), "2020-01-01"),
    ] {
        let body = json!({"bars": [{"t": stamp, "o": 1, "h": 1, "l": 1, "c": 1}]}).to_string();
        let upstream = Upstream::saying([Answer::new(200, body)]).await;
        let config = json!({"name": "acme", "markets": ["US"], "zone": "America/New_York", "series": {
            "url": format!("{}/{{symbol}}", upstream.url()), "items": "/bars",
            "time": "/t", "open": "/o", "high": "/h", "low": "/l", "close": "/c",
        }});
        let told = open(config).unwrap().series(&["A:1d".parse().unwrap()]).await.unwrap().remove(0);
        assert_eq!(told.value().unwrap().bars[0].date().to_string(), day, "{stamp}");
    }
}

#[tokio::test]
async fn a_bar_that_is_told_twice_is_one_and_two_of_one_day_are_none() {
    let bar = |close: f64| json!({"t": "2020-01-02", "o": 1, "h": 9, "l": 1, "c": close});
    for (bars, expected) in [(json!([bar(2.0), bar(2.0)]), Some(1)), (json!([bar(2.0), bar(3.0)]), None)] {
        let upstream = Upstream::saying([Answer::new(200, json!({"bars": bars}).to_string())]).await;
        let config = json!({"name": "acme", "markets": ["US"], "series": {
            "url": format!("{}/{{symbol}}", upstream.url()), "items": "/bars",
            "time": "/t", "open": "/o", "high": "/h", "low": "/l", "close": "/c",
        }});
        let told = open(config).unwrap().series(&["A:1d".parse().unwrap()]).await.unwrap().remove(0);
        assert_eq!(told.value().map(|series| series.bars.len()), expected);
    }
}

#[tokio::test]
async fn a_document_is_what_its_pointer_finds() {
    let upstream = Upstream::saying([
        Answer::new(200, r#"{"result":{"pe":31.5}}"#),
        Answer::new(200, r#"{"result":null}"#),
        Answer::new(200, r#"{"results":{}}"#),
    ])
    .await;
    let url = format!("{}/{{market}}/{{symbol}}/facts", upstream.url());
    let config = json!({"name": "acme", "headers": {"X-Client": "c"}, "documents": {"fundamentals": {"url": url, "value": "/result"}}});
    let provider = open(config).unwrap();
    let id = DocumentId::new("AAPL@XLON".parse().unwrap());
    let told = provider.documents(DataType::Fundamentals, std::slice::from_ref(&id)).await.unwrap().remove(0);
    assert_eq!(told.value().unwrap().body, json!({"pe": 31.5}));
    let asked = upstream.asked().remove(0);
    assert_eq!((asked.target.as_str(), asked.header("x-client")), ("/XLON/AAPL/facts", Some("c")));
    let again = std::slice::from_ref(&id);
    assert_eq!(provider.documents(DataType::Fundamentals, again).await.unwrap(), [Said::Unknown]);
    let wrong = provider.documents(DataType::Fundamentals, again).await.map(|mut answers| answers.remove(0));
    let (Err(error) | Ok(Said::Failed(error))) = wrong else { panic!("{wrong:?}") };
    assert!(
        error.to_string().contains("documents.fundamentals.value is missing: nothing at \"/result\""),
        "{error}"
    );
    let dots = DocumentId::new("..".parse().unwrap());
    assert_eq!(provider.documents(DataType::Fundamentals, &[dots]).await.unwrap(), [Said::Unknown]);
    assert_eq!(upstream.calls(), 3, "what would lead elsewhere isn't asked for");
    assert!(provider.offer(DataType::Price).is_none() && provider.offer(DataType::Fundamentals).is_some());
}

#[tokio::test]
async fn only_what_was_described_is_offered() {
    let upstream = Upstream::saying([Answer::new(200, "{}")]).await;
    let provider = open(quotes(&upstream, json!({}))).unwrap();
    let offer = provider.offer(DataType::Price).unwrap();
    assert_eq!(offer.max_batch, 50);
    let covers = |asset: &str| offer.covers(&asset.parse().unwrap());
    assert!(covers("A") && !covers("A@XLON") && !covers("A@US.index"), "another market's A is another asset");
}

#[tokio::test]
async fn what_cannot_be_is_refused_by_the_name_of_its_field() {
    let upstream = Upstream::saying([Answer::new(200, "{}")]).await;
    let good = quotes(&upstream, json!({}));
    assert!(open(good.clone()).is_ok());
    let with = |path: &str, value: Value| {
        let mut config = good.clone();
        let (parent, name) = path.rsplit_once('/').unwrap();
        config.pointer_mut(parent).unwrap().as_object_mut().unwrap().insert(name.to_owned(), value);
        config
    };
    for (config, why) in [
        (with("/quotes/price", json!("last")), "quotes.price"),
        (with("/quotes/url", json!("https://x.example/{ticker}")), "quotes.url: {ticker}"),
        (with("/quotes/url", json!("https://x.example/q?s={symbol}")), "no placeholder {symbols}"),
        (with("/quotes/url", json!("https://x.example/q")), "all assets would share one URL"),
        (with("/quotes/url", json!("https://x.example/{symbols}/{market}")), "several markets"),
        (with("/quotes/url", json!("https://x.example/{symbols}/{from}")), "{from} has no meaning"),
        (with("/quotes/max_batch", json!(0)), "quotes.max_batch is 0"),
        (with("/error", json!("error")), "error: \"error\" is no JSON pointer"),
        (with("/zone", json!("Mars/Olympus")), "no time zone \"Mars/Olympus\""),
        (with("/markets", json!(["US", "XLON"])), "markets has 2 names"),
        (
            with("/markets", json!(["USA"])),
            "markets has USA, which is no market that is known: there are ARCX",
        ),
        (with("/headers", json!({"a b": "c"})), "headers: \"a b\""),
        (with("/headers", json!({"a": "b\nc"})), "headers: the value of \"a\""),
        (with("/key", json!({"from": {"env": "NO_SUCH_KEY"}})), "NO_SUCH_KEY is not set"),
        (with("/documents", json!({"price": {"url": "https://x.example/{symbol}"}})), "documents.price"),
        (json!({"name": "acme"}), "nothing to ask for"),
    ] {
        let error = open(config).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    let unknown =
        serde_json::from_value::<JsonConfig>(with("/quotes/prise", json!("/x"))).unwrap_err().to_string();
    assert!(unknown.contains("prise"), "{unknown}");
}
