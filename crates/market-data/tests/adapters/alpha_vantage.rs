//! Alpha Vantage as it was recorded, and as it fails with status 200, over real HTTP.

use std::{fs, time::Duration};

use crate::upstream::{Answer, Upstream};
use cache_core::Clock;
use market_data::{
    AlphaVantageConfig, AlphaVantageProvider, Answer as Said, BarTime, DataType, HttpSettings, Provider,
    ProviderErrorKind, SecretSource,
};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

pub(crate) const KEY: &str = "HUNTER2KEY";

fn recorded(name: &str) -> (String, Value) {
    let path = format!("{}/tests/data/alpha_vantage/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    let body = fs::read_to_string(path).unwrap();
    let json = serde_json::from_str(&body).unwrap();
    (body, json)
}

pub(crate) fn provider(upstream: &Upstream) -> AlphaVantageProvider {
    provider_with(upstream, |_| {})
}

pub(crate) fn provider_with(
    upstream: &Upstream,
    change: impl FnOnce(&mut AlphaVantageConfig),
) -> AlphaVantageProvider {
    let key = NamedTempFile::new().unwrap();
    fs::write(key.path(), KEY).unwrap();
    let config = AlphaVantageConfig::new(SecretSource::File(key.path().into()));
    let http = HttpSettings { max_body_mib: 1, ..HttpSettings::default() };
    let mut config = AlphaVantageConfig { base_url: upstream.url(), http, ..config };
    change(&mut config);
    AlphaVantageProvider::new(config, Clock::system()).unwrap()
}

fn number(value: &Value) -> Option<f64> {
    value.as_str().unwrap().parse().ok()
}

#[tokio::test]
async fn a_recorded_quote_is_told_as_its_json_has_it() {
    let (body, json) = recorded("global_quote");
    let upstream = Upstream::saying([Answer::new(200, body)]).await;
    let quote =
        provider(&upstream).quotes(&["MSFT".parse().unwrap()]).await.unwrap().remove(0).value().unwrap();
    let asked = upstream.asked().remove(0);
    assert_eq!((asked.path(), asked.query("function").as_deref()), ("/query", Some("GLOBAL_QUOTE")));
    assert_eq!(
        (asked.query("symbol").as_deref(), asked.query("apikey").as_deref()),
        (Some("MSFT"), Some(KEY))
    );
    let told = &json["Global Quote"];
    assert_eq!(Some(quote.price), number(&told["05. price"]));
    assert_eq!(
        (quote.open, quote.high, quote.low),
        (number(&told["02. open"]), number(&told["03. high"]), number(&told["04. low"]))
    );
    assert_eq!(
        (quote.previous_close, quote.change),
        (number(&told["08. previous close"]), number(&told["09. change"]))
    );
    assert_eq!(quote.volume, told["06. volume"].as_str().unwrap().parse().ok());
    assert_eq!(quote.as_of.to_string(), told["07. latest trading day"]);
    let percent: f64 = told["10. change percent"].as_str().unwrap().trim_end_matches('%').parse().unwrap();
    assert!((quote.change_percent.unwrap() - percent).abs() < 1e-4);
}

#[tokio::test]
async fn a_recorded_rate_is_told_as_its_json_has_it() {
    let (body, json) = recorded("mock_foreign_exchange");
    let upstream = Upstream::saying([Answer::new(200, body)]).await;
    let provider = provider(&upstream);
    let quote =
        provider.quotes(&["BTC_CNY@CRYPTO".parse().unwrap()]).await.unwrap().remove(0).value().unwrap();
    let told = &json["Realtime Currency Exchange Rate"];
    assert_eq!(
        (Some(quote.price), quote.currency.as_deref()),
        (number(&told["5. Exchange Rate"]), Some("CNY"))
    );
    assert_eq!(
        (quote.as_of.to_string().as_str(), quote.time.unwrap().as_micros()),
        ("2017-12-20", 1_513_797_801_000_000)
    );
    let other = provider.quotes(&["ETH_CNY@CRYPTO".parse().unwrap()]).await.unwrap().remove(0);
    assert!(
        matches!(&other, Said::Failed(error) if error.to_string().contains("\"BTC/CNY\" was not asked for")),
        "{other:?}"
    );
}

#[tokio::test]
async fn a_recorded_series_is_told_as_its_json_has_it() {
    let (body, json) = recorded("mock_time_series");
    let upstream = Upstream::saying([Answer::new(200, body)]).await;
    let id = "MSFT:1m".parse().unwrap();
    let series = provider(&upstream).series(&[id]).await.unwrap().remove(0).value().unwrap();
    assert_eq!(upstream.asked()[0].query("interval").as_deref(), Some("1min"));
    let told = json["Time Series (1min)"].as_object().unwrap();
    assert_eq!(series.bars.len(), told.len());
    for bar in &series.bars {
        let BarTime::Moment(at) = bar.time else { panic!("{bar:?}") };
        // Eastern time is five hours behind in December.
        let local = jiff::Timestamp::from_microsecond(at.as_micros() - 5 * 3_600_000_000).unwrap();
        let wire = &told[&local.strftime("%Y-%m-%d %H:%M:%S").to_string()];
        let names = ["1. open", "2. high", "3. low", "4. close"];
        assert_eq!([bar.open, bar.high, bar.low, bar.close].map(Some), names.map(|name| number(&wire[name])));
        assert_eq!(bar.volume.unwrap().to_string(), wire["5. volume"]);
    }
}

#[tokio::test]
async fn a_recorded_indicator_is_a_document_of_its_values() {
    let (body, json) = recorded("mock_technical_indicator");
    let upstream = Upstream::saying([Answer::new(200, body)]).await;
    let id = "MSFT:interval=15m&time_period=10&series_type=close".parse().unwrap();
    let answers = provider(&upstream).documents(DataType::Technical, &[id]).await.unwrap();
    let Said::Value(document) = &answers[0] else { panic!("{answers:?}") };
    let asked = upstream.asked().remove(0);
    assert_eq!(
        (asked.query("function").as_deref(), asked.query("time_period").as_deref()),
        (Some("SMA"), Some("10"))
    );
    let told = json["Technical Analysis: SMA"].as_object().unwrap();
    let values = document.body["values"].as_object().unwrap();
    assert_eq!((values.len(), document.body["zone"].as_str()), (told.len(), Some("US/Eastern")));
    for (at, value) in told {
        let at = format!("{}:00", at.replace(' ', "T"));
        assert_eq!(values[&at]["SMA"].as_f64(), number(&value["SMA"]), "{at}");
    }
}

#[tokio::test]
async fn what_it_refuses_with_status_200_is_told_apart_and_never_shows_the_key() {
    let throttled =
        |seconds| Err(ProviderErrorKind::Throttled { retry_after: Some(Duration::from_secs(seconds)) });
    let day = format!(
        "We have detected your API key as {KEY} and our standard API rate limit is 25 requests per day."
    );
    let minute = "Our standard API call frequency is 5 calls per minute and 500 calls per day.";
    for (key, text, expected) in [
        ("Information", day.as_str(), throttled(3600)),
        ("Note", minute, throttled(60)),
        ("Error Message", "the parameter apikey is invalid or missing.", Err(ProviderErrorKind::Refused)),
        ("Information", "Thank you! This is a premium endpoint.", Err(ProviderErrorKind::Refused)),
        ("Error Message", "Invalid API call. Please retry.", Ok(ProviderErrorKind::BadRequest)),
    ] {
        let upstream = Upstream::saying([Answer::new(200, json!({key: text}).to_string())]).await;
        let provider = provider(&upstream);
        for told in [
            provider.quotes(&["MSFT".parse().unwrap()]).await.map(|mut answers| failed(answers.remove(0))),
            provider.series(&["MSFT:1d".parse().unwrap()]).await.map(|mut answers| failed(answers.remove(0))),
        ] {
            let shown = format!("{told:?}");
            assert!(!shown.contains("HUNTER2") && !format!("{provider:?}").contains("HUNTER2"), "{shown}");
            assert_eq!(told.map(|error| error.kind()).map_err(|error| error.kind()), expected, "{text}");
        }
    }
}

fn failed<V: std::fmt::Debug>(answer: Said<V>) -> market_data::ProviderError {
    match answer {
        Said::Failed(error) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_unknown_symbol_has_an_empty_quote_and_what_has_no_name_there_is_not_asked_for() {
    let upstream = Upstream::saying([Answer::new(200, r#"{"Global Quote": {}}"#)]).await;
    let provider = provider(&upstream);
    assert_eq!(provider.quotes(&["GONE".parse().unwrap()]).await.unwrap(), [Said::Unknown]);
    assert_eq!(provider.quotes(&["7203@XTKS".parse().unwrap()]).await.unwrap(), [Said::Unknown]);
    assert_eq!(upstream.calls(), 1);
}

#[tokio::test]
async fn bodies_that_cannot_be_believed_are_bad_answers() {
    let quote = |price: &str| {
        format!(
            r#"{{"Global Quote":{{"01. symbol":"MSFT","02. open":"1","03. high":"1","04. low":"1","05. price":"{price}","06. volume":"1","07. latest trading day":"2018-10-05","08. previous close":"1"}}}}"#
        )
    };
    for body in [
        quote("NaN"),
        quote("1e999"),
        quote("-1"),
        quote(""),
        quote("1").replace("MSFT", "AAPL"),
        "[]".into(),
        "".into(),
        "{}".into(),
    ] {
        let upstream = Upstream::saying([Answer::new(200, body.clone())]).await;
        let error = failed(provider(&upstream).quotes(&["MSFT".parse().unwrap()]).await.unwrap().remove(0));
        assert_eq!(error.kind(), ProviderErrorKind::BadAnswer, "{body}");
    }
    for (answer, fault) in [
        (Answer::new(200, quote("1")).cut(20), ProviderErrorKind::Unreachable),
        (Answer::new(200, vec![b' '; 100_000_000]), ProviderErrorKind::BadAnswer),
        (Answer::new(429, "Too Many Requests"), ProviderErrorKind::Throttled { retry_after: None }),
        (Answer::new(500, format!("no {KEY}")), ProviderErrorKind::Broken),
    ] {
        let upstream = Upstream::saying([answer]).await;
        let error = provider(&upstream).quotes(&["MSFT".parse().unwrap()]).await.unwrap_err();
        assert!(error.kind() == fault && !error.to_string().contains("HUNTER2"), "{error}");
    }
}

#[tokio::test]
async fn the_latest_bars_are_not_taken_for_a_range_that_begins_before_them() {
    let day = |at: i16| {
        let date = jiff::civil::date(2020, 1, 1).saturating_add(jiff::ToSpan::days(at));
        (
            date.to_string(),
            json!({"1. open": "1", "2. high": "1", "3. low": "1", "4. close": "1", "5. volume": "1"}),
        )
    };
    let bars: serde_json::Map<String, Value> = (0..100).map(day).collect();
    let meta = json!({"2. Symbol": "MSFT", "5. Time Zone": "US/Eastern"});
    let body = json!({"Meta Data": meta, "Time Series (Daily)": bars}).to_string();
    let upstream = Upstream::saying([Answer::new(200, body)]).await;
    let provider = provider(&upstream);
    let within =
        provider.series(&["MSFT:1d:2020-01-05..2020-01-09".parse().unwrap()]).await.unwrap().remove(0);
    assert_eq!(within.value().unwrap().bars.len(), 5);
    let before =
        provider.series(&["MSFT:1d:2019-12-31..2020-01-09".parse().unwrap()]).await.unwrap().remove(0);
    assert!(failed(before).to_string().contains("`full`"));
}
