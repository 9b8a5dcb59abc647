//! Yahoo as it was recorded, and as it fails, over real HTTP.

use std::{
    fs,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use crate::upstream::{Answer, Asked, Upstream};
use cache_core::Clock;
use jiff::{Timestamp, tz::TimeZone};
use market_data::{
    Answer as Said, Asset, BarTime, DataType, DocumentId, HttpSettings, Provider, ProviderErrorKind, Quote,
    SeriesId, YahooConfig, YahooProvider,
};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};
use serde_json::{Value, json};

const CRUMB: &str = "hunter2/crumb";
pub(crate) const COOKIE: &str = "A3=hunter2cookie";

pub(crate) fn recorded(start: &str) -> Vec<(PathBuf, Value)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/yahoo");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.retain(|path| path.file_name().unwrap().to_str().unwrap().starts_with(start));
    files.sort();
    let read = |path: PathBuf| {
        let exchange = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        (path, exchange)
    };
    files.into_iter().map(read).collect()
}

/// Yahoo with its cookie and crumb; `answer` is for all else.
pub(crate) async fn yahoo(mut answer: impl FnMut(&Asked) -> Answer + Send + 'static) -> Upstream {
    Upstream::answering(move |asked| match asked.path() {
        "/" => Answer::new(404, "").header("set-cookie", format!("{COOKIE}; Expires=Thu; Path=/; Secure")),
        "/v1/test/getcrumb" => match asked.header("cookie") {
            Some(COOKIE) => Answer::new(200, CRUMB),
            _ => Answer::new(401, "no cookie"),
        },
        _ => answer(asked),
    })
    .await
}

pub(crate) fn provider(upstream: &Upstream) -> YahooProvider {
    let http = HttpSettings { max_body_mib: 1, ..HttpSettings::default() };
    let config =
        YahooConfig { base_url: upstream.url(), cookie_url: upstream.url(), http, ..YahooConfig::default() };
    YahooProvider::new(config, Clock::system()).unwrap()
}

/// A provider, and what Yahoo answers it next. Making one costs more than many calls.
pub(crate) async fn stage() -> (YahooProvider, Arc<Mutex<Answer>>, Upstream) {
    let next = Arc::new(Mutex::new(nothing()));
    let answer = Arc::clone(&next);
    let upstream = yahoo(move |_| answer.lock().unwrap().clone()).await;
    (provider(&upstream), next, upstream)
}

pub(crate) async fn ask(
    answer: Answer,
    assets: &[&str],
) -> Result<Vec<Said<Quote>>, market_data::ProviderError> {
    let upstream = yahoo(move |_| answer.clone()).await;
    let assets: Vec<Asset> = assets.iter().map(|asset| asset.parse().unwrap()).collect();
    provider(&upstream).quotes(&assets).await
}

fn number(item: &Value, name: &str) -> Option<f64> {
    item[name].as_f64().filter(|number| *number != 0.0)
}

#[tokio::test]
async fn recorded_quotes_are_told_as_their_json_has_them() {
    let (mut told, mut untold) = (0, 0);
    let (provider, next, _upstream) = stage().await;
    for (path, exchange) in recorded("quote-").into_iter().chain(recorded("quoteCombine")) {
        let asked = exchange["url"].as_str().unwrap().split_once("symbols=").unwrap().1;
        let asked =
            asked.split('&').next().unwrap().replace("%2C", ",").replace("%5E", "^").replace("%3D", "=");
        let symbols: Vec<&str> = asked.split(',').collect();
        *next.lock().unwrap() = Answer::recorded(&exchange.to_string());
        let assets: Vec<Asset> = symbols.iter().map(|symbol| symbol.parse().unwrap()).collect();
        let answers = provider.quotes(&assets).await.unwrap();
        let items = exchange["body"]["quoteResponse"]["result"].as_array().unwrap();
        for (symbol, answer) in symbols.iter().zip(answers) {
            let item =
                items.iter().find(|item| item["symbol"] == *symbol && item["regularMarketPrice"].is_number());
            let Some(item) = item else {
                assert_eq!(answer, Said::Unknown, "{}", path.display());
                untold += 1;
                continue;
            };
            let quote = answer.value().unwrap_or_else(|| panic!("{}", path.display()));
            assert_eq!(
                YahooProvider::symbol(&quote.asset).as_deref(),
                Some(*symbol),
                "named as it was asked for"
            );
            assert_eq!(Some(quote.price), number(item, "regularMarketPrice"));
            assert_eq!(quote.previous_close, number(item, "regularMarketPreviousClose"));
            assert_eq!(
                (quote.open, quote.high),
                (number(item, "regularMarketOpen"), number(item, "regularMarketDayHigh"))
            );
            let crossed = number(item, "bid") > number(item, "ask") && number(item, "ask").is_some();
            let side = |name| number(item, name).filter(|_| !crossed);
            assert_eq!(
                (quote.low, quote.bid, quote.ask),
                (number(item, "regularMarketDayLow"), side("bid"), side("ask"))
            );
            assert_eq!(quote.volume, item["regularMarketVolume"].as_u64());
            assert_eq!(quote.currency.as_deref(), item["currency"].as_str());
            let seconds = item["regularMarketTime"].as_i64().unwrap();
            assert_eq!(quote.time.unwrap().as_micros(), seconds * 1_000_000);
            // The offset told beside a quote is that of its own time.
            let local = seconds + item["gmtOffSetMilliseconds"].as_i64().unwrap() / 1000;
            let date = Timestamp::from_second(local).unwrap().to_zoned(TimeZone::UTC).date();
            assert_eq!(quote.as_of, date, "{}", path.display());
            told += 1;
        }
    }
    println!("{told} recorded quotes told, {untold} names unknown");
    assert!(told >= 25 && untold >= 8, "{told} told, {untold} unknown");
}

#[tokio::test]
async fn recorded_charts_are_told_as_their_json_has_them() {
    let (mut files, mut count) = (0, 0);
    let (provider, next, upstream) = stage().await;
    for (path, exchange) in recorded("chart").into_iter().chain(recorded("historical")) {
        let url = exchange["url"].as_str().unwrap().to_owned();
        let symbol = url.split_once("/chart/").unwrap().1.split('?').next().unwrap().to_owned();
        let interval = if url.contains("interval=1m") { "1m" } else { "1d" };
        *next.lock().unwrap() = Answer::recorded(&exchange.to_string());
        let id: SeriesId = format!("{symbol}:{interval}").parse().unwrap();
        let answers = provider.series(&[id]).await.unwrap();
        let asked = upstream.asked().pop().unwrap();
        assert_eq!((asked.query("interval").as_deref(), asked.header("cookie")), (Some(interval), None));
        let series =
            answers.into_iter().next().unwrap().value().unwrap_or_else(|| panic!("{}", path.display()));
        let chart = &exchange["body"]["chart"]["result"][0];
        let zone = TimeZone::get(chart["meta"]["exchangeTimezoneName"].as_str().unwrap()).unwrap();
        let times = chart["timestamp"].as_array().cloned().unwrap_or_default();
        assert_eq!(series.bars.len(), times.len(), "{}", path.display());
        let column = |name: &str, at: usize| chart["indicators"]["quote"][0][name][at].clone();
        for (at, bar) in series.bars.iter().enumerate() {
            let date =
                Timestamp::from_second(times[at].as_i64().unwrap()).unwrap().to_zoned(zone.clone()).date();
            assert_eq!(bar.time, BarTime::Day(date));
            let told = ["open", "high", "low", "close"].map(|name| column(name, at).as_f64().unwrap());
            assert_eq!([bar.open, bar.high, bar.low, bar.close], told);
            assert_eq!(bar.volume, column("volume", at).as_u64());
            assert_eq!(bar.adjusted_close, chart["indicators"]["adjclose"][0]["adjclose"][at].as_f64());
        }
        files += 1;
        count += series.bars.len();
    }
    println!("{files} recorded charts, {count} bars");
    assert!(files >= 20 && count >= 300, "{files} files, {count} bars");
}

#[tokio::test]
async fn an_answer_belongs_to_the_asset_it_names_wherever_it_stands() {
    let item = |symbol: &str, price: f64| json!({"symbol": symbol, "regularMarketPrice": price, "regularMarketTime": 0});
    let items = json!([item("VOD.L", 2.0), item("OTHER", 9.0), item("JPY=X", 3.0), item("BRK-B", 1.0)]);
    let body = json!({"quoteResponse": {"result": items, "error": null}}).to_string();
    let assets = ["BRK.B", "GONE", "VOD@XLON", "USD_JPY@FX", "AAPL@XXXX", "BRK-B"];
    let answers = ask(Answer::new(200, body), &assets).await.unwrap();
    let prices: Vec<_> = answers.into_iter().map(|answer| answer.value().map(|quote| quote.price)).collect();
    assert_eq!(prices, [Some(1.0), None, Some(2.0), Some(3.0), None, Some(1.0)]);
}

#[tokio::test]
async fn one_quote_that_cannot_be_believed_fails_alone() {
    let item = |symbol: &str, price: &str| {
        format!(r#"{{"symbol":"{symbol}","regularMarketPrice":{price},"regularMarketTime":0}}"#)
    };
    let items = [("A", "1"), ("B", "1e999"), ("C", "-1"), ("D", "\"x\""), ("E", "[]"), ("CL=F", "-37.63")];
    let items = items.map(|(symbol, price)| item(symbol, price)).join(",");
    let body = format!(r#"{{"quoteResponse":{{"result":[{items}],"error":null}}}}"#);
    let answers = ask(Answer::new(200, body), &["A", "B", "C", "D", "E", "CL=F@CMES"]).await.unwrap();
    for (at, answer) in answers.iter().enumerate() {
        match (at, answer) {
            (0 | 5, Said::Value(_)) => {}
            (1..=4, Said::Failed(error)) => assert_eq!(error.kind(), ProviderErrorKind::BadAnswer),
            _ => panic!("{at}: {answer:?}"),
        }
    }
}

#[tokio::test]
async fn failures_are_told_apart() {
    let chart = |code: &str, description: &str| {
        json!({"chart": {"result": null, "error": {"code": code, "description": description}}}).to_string()
    };
    let missing = chart("Not Found", "No data found, symbol may be delisted");
    let throttled = ProviderErrorKind::Throttled { retry_after: Some(std::time::Duration::from_secs(7)) };
    let series: SeriesId = "GONE:1d".parse().unwrap();
    let (provider, next, _upstream) = stage().await;
    for (answer, expected) in [
        (Answer::new(404, missing.clone()), Ok(Said::Unknown)),
        (Answer::new(200, missing), Ok(Said::Unknown)),
        (
            Answer::new(400, chart("Bad Request", "Data doesn't exist for startDate = 1, endDate = 2")),
            Ok(Said::Value(0)),
        ),
        (
            Answer::new(422, chart("Unprocessable Entity", "1m data not available")),
            Err(ProviderErrorKind::BadRequest),
        ),
        (Answer::new(404, "<html>"), Err(ProviderErrorKind::BadRequest)),
        (Answer::new(429, "Too Many Requests").header("retry-after", "7"), Err(throttled)),
        (Answer::new(429, "Too Many Requests"), Err(ProviderErrorKind::Throttled { retry_after: None })),
        (Answer::new(502, "<html>"), Err(ProviderErrorKind::Broken)),
        (Answer::new(200, ""), Err(ProviderErrorKind::BadAnswer)),
        (Answer::new(200, "Too Many Requests"), Err(ProviderErrorKind::BadAnswer)),
        (Answer::new(200, "{}"), Err(ProviderErrorKind::BadAnswer)),
        (
            Answer::new(200, r#"{"chart":{"result":[{"meta":{"symbol":"OTHER"},"indicators":{}}]}}"#),
            Err(ProviderErrorKind::BadAnswer),
        ),
        (
            Answer::new(200, r#"{"chart":{"result":[{"meta":{"symbol":"GONE"},"indicators":{}}]}}"#),
            Ok(Said::Value(0)),
        ),
        (Answer::new(200, r#"{"chart":{"result":[]}}"#).cut(9), Err(ProviderErrorKind::Unreachable)),
        (Answer::new(200, vec![b' '; 100_000_000]), Err(ProviderErrorKind::BadAnswer)),
        (Answer::dropped(), Err(ProviderErrorKind::Unreachable)),
    ] {
        let shown = format!("{answer:.80?}");
        *next.lock().unwrap() = answer;
        let told = provider.series(std::slice::from_ref(&series)).await;
        let told = told.map_err(|error| error.kind()).map(|mut answers| match answers.remove(0) {
            Said::Value(series) => Said::Value(series.bars.len()),
            Said::Unknown => Said::Unknown,
            Said::Failed(error) => Said::Failed(error),
        });
        assert_eq!(told, expected, "{:.80}", shown);
    }
}

#[tokio::test]
async fn quotes_fail_as_a_whole_where_nothing_is_told_of_any() {
    let refused = json!({"finance": {"result": null, "error": {"code": "Unauthorized", "description": "Invalid Crumb"}}});
    for (answer, fault) in [
        (Answer::new(401, refused.to_string()), ProviderErrorKind::Refused),
        (Answer::new(200, refused.to_string()), ProviderErrorKind::BadAnswer),
        (Answer::new(429, "Too Many Requests"), ProviderErrorKind::Throttled { retry_after: None }),
        (Answer::new(200, r#"{"quoteResponse":{"result":[{"price":1}]}}"#), ProviderErrorKind::BadAnswer),
        (Answer::new(200, r#"{"quoteResponse":{"result":null,"error":null}}"#), ProviderErrorKind::BadAnswer),
        (Answer::new(500, format!("crumb {CRUMB} cookie {COOKIE}")), ProviderErrorKind::Broken),
    ] {
        let error = ask(answer, &["AAPL"]).await.unwrap_err();
        assert_eq!(error.kind(), fault, "{error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}

/// A body without quotes, for a crumb that is still good.
pub(crate) fn nothing() -> Answer {
    Answer::new(200, r#"{"quoteResponse":{"result":[],"error":null}}"#)
}

#[test]
fn limits_that_cannot_be_are_refused_by_name() {
    for (config, why) in [
        (YahooConfig { max_batch: 0, ..YahooConfig::default() }, "max_batch of yahoo is 0"),
        (YahooConfig { max_batch: 51, ..YahooConfig::default() }, "1 to 50"),
        (YahooConfig { base_url: "yahoo".into(), ..YahooConfig::default() }, "base URL of yahoo"),
    ] {
        let error = YahooProvider::new(config, Clock::system()).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    assert!(
        serde_json::from_str::<YahooConfig>(r#"{"max_bach": 1}"#)
            .unwrap_err()
            .to_string()
            .contains("max_bach")
    );
}

#[tokio::test]
async fn no_symbol_leads_elsewhere() {
    let upstream = yahoo(|_| nothing()).await;
    let provider = provider(&upstream);
    let (mut runner, assets) = (TestRunner::default(), "[A-Z0-9.^=_/&+-]{1,16}@(US|XLON|FX|CRYPTO)");
    for _ in 0..300 {
        let asset: Asset = assets.new_tree(&mut runner).unwrap().current().parse().unwrap();
        let _ = provider.series(&[SeriesId::new(asset.clone(), "1d".parse().unwrap())]).await;
        let _ = provider.documents(DataType::Fundamentals, &[DocumentId::new(asset.clone())]).await;
        let _ = provider.quotes(&[asset]).await;
    }
    for asked in upstream.asked() {
        let name = ["/v8/finance/chart/", "/v10/finance/quoteSummary/"]
            .iter()
            .find_map(|place| asked.path().strip_prefix(place));
        let chart = name.is_some_and(|name| !name.is_empty() && !name.contains('/'));
        let known = ["/", "/v1/test/getcrumb", "/v7/finance/quote"].contains(&asked.path());
        assert!(known || chart, "{}", asked.target);
        if asked.path() == "/v7/finance/quote" {
            let query = asked.target.split_once('?').unwrap().1.as_bytes();
            let names: Vec<_> =
                url::form_urlencoded::parse(query).map(|(name, _)| name.into_owned()).collect();
            assert_eq!(names, ["symbols", "crumb"]);
        }
    }
}

#[tokio::test]
async fn days_of_which_yahoo_keeps_no_bars_are_refused_and_no_empty_series() {
    let (provider, next, upstream) = stage().await;
    let nothing = json!({"chart": {"result": null, "error": {"code": "Bad Request", "description": "Data doesn't exist for startDate = 1"}}});
    *next.lock().unwrap() = Answer::new(400, nothing.to_string());
    for id in
        ["AAPL:1m:2020-01-02..2020-01-03", "AAPL:5m:2020-01-02..2020-01-03", "AAPL:1h:2020-01-02..2020-01-03"]
    {
        let error = provider.series(&[id.parse().unwrap()]).await.unwrap().remove(0);
        let error = error.failure().unwrap().clone();
        assert_eq!(error.kind(), ProviderErrorKind::NotOffered, "{error}");
        assert!(error.message().contains("none up to 2020-01-03"), "{error}");
    }
    assert_eq!(upstream.calls(), 0, "it isn't asked");
    let empty = provider.series(&["AAPL:1m".parse().unwrap()]).await.unwrap().remove(0).value().unwrap();
    assert!(empty.bars.is_empty() && empty.complete_from.is_some());
    let days = provider
        .series(&["AAPL:1d:2020-01-04..2020-01-05".parse().unwrap()])
        .await
        .unwrap()
        .remove(0)
        .value();
    assert_eq!(days.unwrap().complete_from, None, "nothing was traded");
}
