//! OANDA as its documentation has it, and as it fails, over real HTTP.

use std::fs;

use crate::upstream::{Answer, Asked, Upstream};
use cache_core::{Clock, Timestamp};
use market_data::{
    Answer as Said, Asset, BarTime, CandlePrice, HttpSettings, OandaConfig, OandaProvider, Provider,
    ProviderError, ProviderErrorKind, Quote, SecretSource, SeriesId,
};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

const TOKEN: &str = "hunter2-token";
const ACCOUNT: &str = "101-004-1234567-001";
const PRICING: &str = "/v3/accounts/101-004-1234567-001/pricing";
pub(crate) const INSTRUMENTS: &str = "/v3/accounts/101-004-1234567-001/instruments";

pub(crate) fn recorded(name: &str) -> Value {
    let path = format!("{}/tests/data/oanda/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn config(upstream: &Upstream, token: &NamedTempFile) -> OandaConfig {
    fs::write(token.path(), TOKEN).unwrap();
    let http = HttpSettings { max_body_mib: 1, ..HttpSettings::default() };
    let config = OandaConfig::new(ACCOUNT, SecretSource::File(token.path().into()));
    OandaConfig { base_url: upstream.url(), http, ..config }
}

pub(crate) fn provider(upstream: &Upstream, change: impl FnOnce(&mut OandaConfig)) -> OandaProvider {
    let token = NamedTempFile::new().unwrap();
    let mut config = config(upstream, &token);
    change(&mut config);
    OandaProvider::new(config, Clock::system()).unwrap()
}

/// OANDA, which is told nothing without its token.
pub(crate) async fn oanda(mut answer: impl FnMut(&Asked) -> Answer + Send + 'static) -> Upstream {
    Upstream::answering(move |asked| match asked.header("authorization") {
        Some("Bearer hunter2-token") => answer(asked),
        _ => Answer::new(401, r#"{"errorMessage":"Insufficient authorization to perform request."}"#),
    })
    .await
}

fn assets(symbols: &[&str]) -> Vec<Asset> {
    symbols.iter().map(|symbol| format!("{symbol}@FX").parse().unwrap()).collect()
}

fn prices(answers: Vec<Said<Quote>>) -> Vec<Option<f64>> {
    answers.into_iter().map(|answer| answer.value().map(|quote| quote.price)).collect()
}

#[tokio::test]
async fn recorded_prices_are_told_as_their_json_has_them() {
    let exchange = recorded("pricing_v3_accounts_accountID_pricing");
    let answer = Answer::recorded(&exchange.to_string());
    let upstream = oanda(move |_| answer.clone()).await;
    let answers =
        provider(&upstream, |_| {}).quotes(&assets(&["EUR_JPY", "GBP_USD", "EURUSD"])).await.unwrap();
    let asked = upstream.asked().remove(0);
    assert_eq!(
        (asked.path(), asked.query("instruments").as_deref()),
        (PRICING, Some("EUR_JPY,EUR_USD,GBP_USD"))
    );
    assert_eq!(answers[1], Said::Unknown);
    for (at, name, middle) in [(0, "EUR_JPY", 115.3375), (2, "EUR_USD", 1.121635)] {
        let Said::Value(quote) = &answers[at] else { panic!("{:?}", answers[at]) };
        let told =
            exchange["body"]["prices"].as_array().unwrap().iter().find(|price| price["instrument"] == name);
        let told = told.unwrap();
        let best = |side: &str| told[side][0]["price"].as_str().unwrap().parse::<f64>().ok();
        assert_eq!((quote.bid, quote.ask, quote.price), (best("bids"), best("asks"), middle));
        let time: jiff::Timestamp = told["time"].as_str().unwrap().parse().unwrap();
        assert_eq!(quote.time.unwrap().as_micros(), time.as_microsecond());
        assert_eq!(
            (quote.as_of.to_string().as_str(), quote.currency.as_deref()),
            ("2016-10-05", Some(&name[4..]))
        );
    }
}

#[tokio::test]
async fn recorded_candles_are_told_as_their_json_has_them() {
    let exchange = recorded("instruments_v3_instruments_instrument_candles");
    let answer = Answer::recorded(&exchange.to_string());
    let upstream = oanda(move |_| answer.clone()).await;
    let id: SeriesId = "DE30_EUR@FX.index:5m".parse().unwrap();
    let series = provider(&upstream, |_| {}).series(&[id]).await.unwrap().remove(0).value().unwrap();
    let asked = upstream.asked().remove(0);
    assert_eq!(asked.path(), "/v3/instruments/DE30_EUR/candles");
    assert_eq!(
        (asked.query("granularity").as_deref(), asked.query("count").as_deref()),
        (Some("M5"), Some("5000"))
    );
    let candles = exchange["body"]["candles"].as_array().unwrap();
    assert_eq!(series.bars.len(), candles.len());
    for (bar, candle) in series.bars.iter().zip(candles) {
        let price = |name: &str| candle["mid"][name].as_str().unwrap().parse::<f64>().unwrap();
        assert_eq!([bar.open, bar.high, bar.low, bar.close], ["o", "h", "l", "c"].map(price));
        let time: jiff::Timestamp = candle["time"].as_str().unwrap().parse().unwrap();
        assert_eq!(bar.time, BarTime::Moment(Timestamp::from_micros(time.as_microsecond())));
        assert_eq!((bar.volume, bar.adjusted_close), (candle["volume"].as_u64(), None));
    }
}

/// An account that can trade these, and refuses a batch in which there is another.
async fn account(known: &'static [&'static str]) -> Upstream {
    oanda(move |asked| match asked.path() {
        INSTRUMENTS => {
            let named: Vec<Value> =
                known.iter().map(|name| json!({"name": name, "type": "CURRENCY"})).collect();
            Answer::new(200, json!({"instruments": named, "lastTransactionID": "1"}).to_string())
        }
        PRICING => {
            let instruments = asked.query("instruments").unwrap();
            let names: Vec<&str> = instruments.split(',').collect();
            if !names.iter().all(|name| known.contains(name)) {
                return Answer::new(400, r#"{"errorMessage":"Invalid value specified for 'instruments'"}"#);
            }
            let price = |name: &&str| {
                let side = json!([{"price": "1.5", "liquidity": 1}]);
                json!({"instrument": name, "time": "2016-10-05T05:28:16.7Z", "bids": side, "asks": side})
            };
            Answer::new(200, json!({"prices": names.iter().map(price).collect::<Vec<_>>()}).to_string())
        }
        _ => Answer::new(404, ""),
    })
    .await
}

#[tokio::test]
async fn an_unknown_instrument_costs_a_batch_two_calls_once_and_the_others_nothing() {
    let upstream = account(&["EUR_USD", "EUR_JPY"]).await;
    let provider = provider(&upstream, |_| {});
    let asked = assets(&["EUR_USD", "XXX_YYY", "EUR_JPY"]);
    for calls in [3, 4] {
        assert_eq!(prices(provider.quotes(&asked).await.unwrap()), [Some(1.5), None, Some(1.5)]);
        assert_eq!(upstream.calls(), calls);
    }
    assert_eq!(prices(provider.quotes(&assets(&["XXX_YYY", "AAPL"])).await.unwrap()), [None, None]);
    assert_eq!(upstream.calls(), 4, "what is known not to exist isn't asked for");
}

#[tokio::test]
async fn a_batch_without_unknown_instruments_costs_one_call() {
    let upstream = account(&["EUR_USD"]).await;
    assert_eq!(prices(provider(&upstream, |_| {}).quotes(&assets(&["EUR_USD"])).await.unwrap()), [Some(1.5)]);
    assert_eq!(upstream.calls(), 1);
}

#[tokio::test]
async fn failures_are_told_apart_and_never_show_the_token() {
    let said = |status, message: &str| {
        Answer::new(status, json!({"errorCode": "X1", "errorMessage": message}).to_string())
    };
    let throttled = ProviderErrorKind::Throttled { retry_after: None };
    for (answer, fault) in [
        (
            said(401, "Insufficient authorization to perform request: hunter2-token"),
            ProviderErrorKind::Refused,
        ),
        (said(403, "no"), ProviderErrorKind::Refused),
        (said(429, "Too many requests"), throttled),
        (Answer::new(429, "Too Many Requests"), throttled),
        (said(400, "Invalid value specified for 'accountID'"), ProviderErrorKind::BadRequest),
        (said(503, "maintenance"), ProviderErrorKind::Broken),
        (Answer::new(200, "<html>hunter2-token"), ProviderErrorKind::BadAnswer),
        (Answer::new(200, r#"{"prices":[{}]}"#), ProviderErrorKind::BadAnswer),
        (Answer::new(200, r#"{"prices":{}}"#), ProviderErrorKind::BadAnswer),
        (Answer::new(200, r#"{"prices":[]}"#).cut(5), ProviderErrorKind::Unreachable),
        (Answer::new(200, vec![b' '; 100_000_000]), ProviderErrorKind::BadAnswer),
    ] {
        let upstream = oanda(move |_| answer.clone()).await;
        let provider = provider(&upstream, |_| {});
        let error: ProviderError = provider.quotes(&assets(&["EUR_USD"])).await.unwrap_err();
        assert_eq!(error.kind(), fault, "{error}");
        assert!(!format!("{error} {error:?} {provider:?}").contains("hunter2"), "{error}");
    }
}

#[tokio::test]
async fn a_candle_is_of_the_side_and_instrument_asked_for_and_finished_unless_wanted_otherwise() {
    let candle = |time: &str, complete: bool| json!({"time": time, "complete": complete, "volume": 3, "bid": {"o": "1", "h": "2", "l": "1", "c": "2"}});
    let candles = [candle("2016-10-16T21:00:00Z", true), candle("2016-10-17T21:00:00Z", false)];
    let body = json!({"instrument": "EUR_USD", "granularity": "D", "candles": candles}).to_string();
    let upstream = oanda(move |_| Answer::new(200, body.clone())).await;
    let id: SeriesId = "EUR_USD@FX:1d".parse().unwrap();
    for (unfinished, days) in [(false, vec!["2016-10-17"]), (true, vec!["2016-10-17", "2016-10-18"])] {
        let provider = provider(&upstream, |config| {
            config.candles = CandlePrice::Bid;
            config.unfinished = unfinished;
        });
        let series = provider.series(std::slice::from_ref(&id)).await.unwrap().remove(0).value().unwrap();
        assert_eq!(series.bars.iter().map(|bar| bar.date().to_string()).collect::<Vec<_>>(), days);
        assert_eq!(upstream.asked().last().unwrap().query("price").as_deref(), Some("B"));
        let other = provider.series(&["EUR_CHF@FX:1d".parse().unwrap()]).await.unwrap_err();
        assert!(other.to_string().contains("\"EUR_USD\" in place of EUR_CHF"), "{other}");
    }
}

#[tokio::test]
async fn a_long_range_is_asked_for_in_steps_and_one_too_long_not_at_all() {
    let upstream = oanda(|asked| {
        let from = asked.query("from").unwrap();
        let candle = json!({"time": from, "complete": true, "volume": 1, "mid": {"o": "1", "h": "1", "l": "1", "c": "1"}});
        Answer::new(200, json!({"instrument": "EUR_USD", "granularity": "M1", "candles": [candle]}).to_string())
    })
    .await;
    let provider = provider(&upstream, |_| {});
    let id: SeriesId = "EUR_USD@FX:1m:2016-10-03..2016-10-12".parse().unwrap();
    let series = provider.series(&[id]).await.unwrap().remove(0).value().unwrap();
    // 13 days of 1,440 minutes in steps of 4,999; the first begins before the range.
    assert_eq!((upstream.calls(), series.bars.len()), (4, 3));
    let error =
        provider.series(&["EUR_USD@FX:1m:2010-01-01..2020-01-01".parse().unwrap()]).await.unwrap_err();
    assert!(
        error.kind() == ProviderErrorKind::BadRequest && error.to_string().contains("fewer days"),
        "{error}"
    );
    assert_eq!(upstream.calls(), 4);
    let unknown =
        oanda(|_| Answer::new(400, r#"{"errorMessage":"Invalid value specified for 'instrument'"}"#)).await;
    let id = "XXX_YYY@FX:1d".parse().unwrap();
    let answers = self::provider(&unknown, |_| {}).series(&[id]).await.unwrap();
    assert_eq!(answers, [Said::Unknown]);
}

#[tokio::test]
async fn what_cannot_be_is_refused_when_it_is_built() {
    let upstream = account(&[]).await;
    let token = NamedTempFile::new().unwrap();
    let good = config(&upstream, &token);
    for (config, why) in [
        (OandaConfig { account: "1/../2".into(), ..good.clone() }, "1/../2"),
        (OandaConfig { max_batch: 0, ..good.clone() }, "max_batch of oanda is 0"),
        (
            OandaConfig { token: SecretSource::Env("NO_SUCH_TOKEN".into()), ..good.clone() },
            "NO_SUCH_TOKEN is not set",
        ),
    ] {
        let error = OandaProvider::new(config, Clock::system()).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
}
