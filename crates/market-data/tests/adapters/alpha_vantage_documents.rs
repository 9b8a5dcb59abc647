//! Alpha Vantage's documents and macro series, of bodies in the documented form, over real HTTP.

use std::{fs, time::Duration};

use crate::{
    alpha_vantage::{KEY, provider, provider_with},
    upstream::{Answer, Asked, Upstream},
};
use market_data::{
    AdjustedCloses, Answer as Said, BarTime, DataType, Dividends, Document, DocumentId, Observations,
    Provider, ProviderError, ProviderErrorKind, SeriesId,
};
use serde_json::{Value, json};

fn by_hand(name: &str) -> (String, Value) {
    let path = format!("{}/tests/data/by_hand/alpha_vantage/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let body = fs::read_to_string(path).unwrap();
    let json = serde_json::from_str(&body).unwrap();
    (body, json)
}

/// What is said of a document if the upstream answers `body`, and what the upstream was asked.
async fn ask(
    data: DataType,
    id: &str,
    answer: Answer,
) -> (Result<Said<Document>, ProviderError>, Option<Asked>) {
    let upstream = Upstream::saying([answer]).await;
    let provider = provider_with(&upstream, |config| config.adjusted = true);
    let answers = provider.documents(data, &[id.parse().unwrap()]).await;
    (answers.map(|mut answers| answers.remove(0)), upstream.asked().pop())
}

async fn value(data: DataType, id: &str, body: &str) -> (Document, Asked) {
    let (said, asked) = ask(data, id, Answer::new(200, body)).await;
    (said.unwrap().value().unwrap_or_else(|| panic!("{data} {id}")), asked.unwrap())
}

fn queried(asked: &Asked, names: &[&str]) -> Vec<String> {
    names.iter().map(|name| asked.query(name).unwrap_or_default()).collect()
}

#[tokio::test]
async fn each_statement_is_told_as_its_json_has_it() {
    for (id, file, function) in [
        ("ACME", "overview", "OVERVIEW"),
        ("ACME:statement=overview", "overview", "OVERVIEW"),
        ("ACME:statement=income", "income_statement", "INCOME_STATEMENT"),
        ("ACME:statement=balance", "balance_sheet", "BALANCE_SHEET"),
        ("ACME:statement=cash_flow", "cash_flow", "CASH_FLOW"),
        ("ACME:statement=earnings", "earnings", "EARNINGS"),
    ] {
        let (body, json) = by_hand(file);
        let (document, asked) = value(DataType::Fundamentals, id, &body).await;
        assert_eq!(queried(&asked, &["function", "symbol", "apikey"]), [function, "ACME", KEY]);
        assert_eq!((document.asset.to_string().as_str(), document.body), ("ACME", json));
    }
}

#[tokio::test]
async fn news_of_an_asset_and_of_a_market_are_told_as_their_json_has_them() {
    let (body, json) = by_hand("news_sentiment");
    for (id, tickers, topics) in [
        ("ACME", "ACME", ""),
        ("BTC@CRYPTO", "CRYPTO:BTC", ""),
        ("EUR_USD@FX", "FOREX:EUR,FOREX:USD", ""),
        ("US@US.index", "", "financial_markets"),
        ("CRYPTO@CRYPTO.index", "", "blockchain"),
        ("FX@FX.index", "", "economy_monetary"),
    ] {
        let (document, asked) = value(DataType::News, id, &body).await;
        assert_eq!(queried(&asked, &["function", "tickers", "topics"]), ["NEWS_SENTIMENT", tickers, topics]);
        assert_eq!((document.asset.to_string().as_str(), &document.body), (id, &json));
    }
    let none = json!({"Information": "No articles found. Please adjust the time range or refer to the API documentation"});
    let (document, _) = value(DataType::News, "ACME", &none.to_string()).await;
    assert_eq!(document.body, json!({"feed": []}), "that there are none is no failure");
}

#[tokio::test]
async fn dividends_are_added_up_by_day_and_cut_to_the_days_asked_for() {
    let (body, _) = by_hand("dividends");
    let (document, asked) = value(DataType::Dividend, "ACME", &body).await;
    assert_eq!(queried(&asked, &["function", "symbol"]), ["DIVIDENDS", "ACME"]);
    let paid = json!([{"date": "2024-02-08", "amount": 2.16}, {"date": "2024-05-09", "amount": 1.67}]);
    assert_eq!(document.body, json!({"currency": null, "dividends": paid, "splits": []}));
    let (document, _) = value(DataType::Dividend, "ACME:from=2024-02-09", &body).await;
    assert_eq!(document.read::<Dividends>().unwrap().dividends.len(), 1);
    let (document, _) = value(DataType::Dividend, "ACME:to=2024-02-07", &body).await;
    assert_eq!(document.read::<Dividends>().unwrap(), Dividends::default());
}

#[tokio::test]
async fn adjusted_closes_follow_from_the_adjusted_series_if_the_key_allows_it() {
    let (body, _) = by_hand("daily_adjusted");
    let id = "ACME:from=2024-01-03&to=2024-01-04";
    let (document, asked) = value(DataType::AdjustedClose, id, &body).await;
    assert_eq!(queried(&asked, &["function", "symbol"]), ["TIME_SERIES_DAILY_ADJUSTED", "ACME"]);
    let told = document.read::<AdjustedCloses>().unwrap().closes;
    let told: Vec<_> =
        told.iter().map(|one| (one.date.to_string(), one.close.unwrap(), one.adjusted_close)).collect();
    assert_eq!(told, [("2024-01-03".into(), 100.0, 50.0), ("2024-01-04".into(), 50.5, 50.5)]);

    let upstream = Upstream::saying([Answer::new(200, body)]).await;
    let provider = provider(&upstream);
    assert_eq!(provider.offer(DataType::AdjustedClose), None);
    let refused = provider.documents(DataType::AdjustedClose, &["ACME".parse().unwrap()]).await.unwrap_err();
    assert_eq!((refused.kind(), upstream.calls()), (ProviderErrorKind::NotOffered, 0));
}

#[tokio::test]
async fn macro_series_are_observations_in_order_without_the_dots() {
    for (data, id, file, asked_for) in [
        (DataType::Macro, "REAL_GDP@US.index", "real_gdp", ["REAL_GDP", "annual", ""]),
        (DataType::CpiIndex, "CPI@US.index", "cpi", ["CPI", "monthly", ""]),
        (
            DataType::TreasuryYield,
            "TREASURY@US.index",
            "treasury_yield",
            ["TREASURY_YIELD", "monthly", "10year"],
        ),
    ] {
        let (body, json) = by_hand(file);
        let (document, asked) = value(data, id, &body).await;
        assert_eq!(queried(&asked, &["function", "interval", "maturity"]), asked_for);
        let told = document.read::<Observations>().unwrap();
        let texts = [&told.name, &told.interval, &told.unit].map(|text| text.as_deref());
        assert_eq!(texts, ["name", "interval", "unit"].map(|name| json[name].as_str()));
        let rows = json["data"].as_array().unwrap().iter().rev().filter(|row| row["value"] != ".");
        let rows = rows.map(|row| {
            (row["date"].as_str().unwrap().to_owned(), row["value"].as_str().unwrap().parse().unwrap())
        });
        let observed = told.observations.iter().map(|one| (one.date.to_string(), one.value));
        assert_eq!(observed.collect::<Vec<_>>(), rows.collect::<Vec<(String, f64)>>(), "{id}");
    }
}

#[tokio::test]
async fn an_indicator_of_several_lines_is_asked_for_by_the_common_names() {
    let (body, json) = by_hand("macd");
    let (document, asked) = value(DataType::Technical, "ACME:function=macd&fast=12&of=close", &body).await;
    let names = ["function", "interval", "fastperiod", "slowperiod", "signalperiod", "series_type"];
    assert_eq!(queried(&asked, &names), ["MACD", "daily", "12", "26", "9", "close"]);
    let line = &json["Technical Analysis: MACD"]["2024-01-03"]["MACD_Hist"];
    let told = &document.body["values"]["2024-01-03T00:00:00"]["MACD_Hist"];
    assert_eq!(told.as_f64(), line.as_str().unwrap().parse().ok());
    for (id, body) in [
        ("ACME:function=RSI", body.clone()),
        ("ACME:function=MACD&interval=5m", body.clone()),
        ("MSFT:function=MACD", body),
    ] {
        let (said, _) = ask(DataType::Technical, id, Answer::new(200, body)).await;
        assert_eq!(failed(said).kind(), ProviderErrorKind::BadAnswer, "{id}");
    }
}

#[tokio::test]
async fn coins_have_series_of_their_own() {
    for (id, file, asked_for) in [
        ("BTC_EUR@CRYPTO:1d", "digital_currency_daily", ["DIGITAL_CURRENCY_DAILY", "BTC", "EUR"]),
        ("ETH@CRYPTO:5m", "crypto_intraday", ["CRYPTO_INTRADAY", "ETH", "USD"]),
    ] {
        let (body, _) = by_hand(file);
        let upstream = Upstream::saying([Answer::new(200, body)]).await;
        let provider = provider(&upstream);
        let id: SeriesId = id.parse().unwrap();
        let series = provider.series(std::slice::from_ref(&id)).await.unwrap().remove(0).value().unwrap();
        let asked = upstream.asked().remove(0);
        assert_eq!(queried(&asked, &["function", "symbol", "market"]), asked_for);
        assert_eq!(series.bars.len(), 2);
        let first = series.bars[0];
        match first.time {
            BarTime::Day(day) => {
                assert_eq!((day.to_string().as_str(), first.volume), ("2024-01-01", Some(731)))
            }
            BarTime::Moment(at) => {
                let expected: jiff::Timestamp = "2024-01-02T10:00:00Z".parse().unwrap();
                assert_eq!(at.as_micros(), expected.as_microsecond());
            }
        }
        let other = SeriesId { asset: "LTC@CRYPTO".parse().unwrap(), ..id };
        let other = provider.series(&[other]).await.unwrap().remove(0);
        assert!(matches!(&other, Said::Failed(error) if error.kind() == ProviderErrorKind::BadAnswer));
    }
}

fn failed(said: Result<Said<Document>, ProviderError>) -> ProviderError {
    match said {
        Ok(Said::Failed(error)) | Err(error) => error,
        other => panic!("{other:?}"),
    }
}

/// Each kind, with a document of it.
const KINDS: [(DataType, &str); 8] = [
    (DataType::Fundamentals, "ACME"),
    (DataType::News, "ACME"),
    (DataType::Dividend, "ACME"),
    (DataType::AdjustedClose, "ACME"),
    (DataType::Technical, "ACME"),
    (DataType::Macro, "REAL_GDP@US.index"),
    (DataType::CpiIndex, "CPI@US.index"),
    (DataType::TreasuryYield, "TREASURY@US.index"),
];

#[tokio::test]
async fn refusals_with_status_200_are_told_apart_for_every_kind() {
    let throttled =
        |seconds| ProviderErrorKind::Throttled { retry_after: Some(Duration::from_secs(seconds)) };
    let day = format!(
        "We have detected your API key as {KEY} and our standard API rate limit is 25 requests per day."
    );
    for (data, id) in KINDS {
        for (key, text, whole, kind) in [
            ("Information", day.as_str(), true, throttled(3600)),
            ("Note", "Our standard API call frequency is 5 calls per minute.", true, throttled(60)),
            ("Information", "This is a premium endpoint.", true, ProviderErrorKind::Refused),
            ("Error Message", "Invalid API call.", false, ProviderErrorKind::BadRequest),
            (
                "Information",
                "Invalid inputs. Please refer to the API documentation",
                false,
                ProviderErrorKind::BadRequest,
            ),
        ] {
            let (said, _) = ask(data, id, Answer::new(200, json!({key: text}).to_string())).await;
            assert_eq!(said.is_err(), whole, "{data}: {text}");
            let error = failed(said);
            assert!(error.kind() == kind && !error.to_string().contains("HUNTER2"), "{data}: {error}");
        }
    }
}

#[tokio::test]
async fn an_empty_object_is_an_unknown_symbol_and_what_has_no_name_there_is_not_asked_for() {
    for (data, id) in KINDS {
        let (said, asked) = ask(data, id, Answer::new(200, "{}")).await;
        assert_eq!((said, asked.is_some()), (Ok(Said::Unknown), true), "{data}");
        let (said, asked) = ask(data, "7203@XTKS", Answer::new(200, "{}")).await;
        assert_eq!((said, asked.is_none()), (Ok(Said::Unknown), true), "{data}");
    }
}

#[tokio::test]
async fn a_wrong_parameter_is_refused_with_the_remedy_before_any_call() {
    for (data, id) in KINDS {
        let odd = id.parse::<DocumentId>().unwrap().with("colour", "red");
        let (said, asked) = ask(data, &odd.to_string(), Answer::new(200, "{}")).await;
        let error = failed(said);
        assert_eq!((error.kind(), asked.is_none()), (ProviderErrorKind::BadRequest, true), "{data}");
        assert!(error.to_string().contains("\"colour\" is no parameter"), "{error}");
    }
}

#[tokio::test]
async fn bodies_that_cannot_be_believed_are_bad_answers() {
    let other = |name: &str| by_hand(name).0.replace("ACME", "OTHER");
    let cpi = |rows: &str| format!(r#"{{"name":"CPI","interval":"monthly","unit":"x","data":[{rows}]}}"#);
    let paid = |rows: &str| format!(r#"{{"symbol":"ACME","data":[{rows}]}}"#);
    for (data, id, body) in [
        (DataType::Fundamentals, "ACME", other("overview")),
        (DataType::Fundamentals, "ACME:statement=income", other("income_statement")),
        (DataType::Fundamentals, "ACME", r#"{"Name":"Acme"}"#.into()),
        (DataType::Fundamentals, "ACME", r#"{"Symbol":"ACME","PERatio":1e999}"#.into()),
        (DataType::News, "ACME", r#"{"feed":{}}"#.into()),
        (DataType::News, "ACME", r#"{"feed":[null]}"#.into()),
        (DataType::Dividend, "ACME", other("dividends")),
        (DataType::Dividend, "ACME", paid(r#"{"ex_dividend_date":"2024-02-08","amount":"NaN"}"#)),
        (DataType::Dividend, "ACME", paid(r#"{"ex_dividend_date":"2024-02-08","amount":"-1"}"#)),
        (DataType::Dividend, "ACME", paid(r#"{"ex_dividend_date":"2024-02-08","amount":null}"#)),
        (DataType::Dividend, "ACME", paid(r#"{"ex_dividend_date":"soon","amount":"1"}"#)),
        (DataType::AdjustedClose, "ACME", other("daily_adjusted")),
        (DataType::CpiIndex, "CPI@US.index", cpi(r#"{"date":"2024-01-01","value":"NaN"}"#)),
        (DataType::CpiIndex, "CPI@US.index", cpi(r#"{"date":"2024-01-01","value":null}"#)),
        (
            DataType::CpiIndex,
            "CPI@US.index",
            cpi(r#"{"date":"2024-01-01","value":"1"},{"date":"2024-01-01","value":"2"}"#),
        ),
        (DataType::CpiIndex, "CPI@US.index:interval=semiannual", cpi("")),
        (DataType::TreasuryYield, "TREASURY@US.index:maturity=2year", by_hand("treasury_yield").0),
    ] {
        let (said, _) = ask(data, id, Answer::new(200, body.clone())).await;
        assert_eq!(failed(said).kind(), ProviderErrorKind::BadAnswer, "{data}: {body}");
    }
    let huge = format!(r#"{{"feed":[{}0]}}"#, "0,".repeat(600_000));
    for (data, id) in KINDS {
        for (answer, kind) in [
            (Answer::new(200, "<html>"), ProviderErrorKind::BadAnswer),
            (Answer::new(200, ""), ProviderErrorKind::BadAnswer),
            (Answer::new(200, "[]"), ProviderErrorKind::BadAnswer),
            (Answer::new(200, "null"), ProviderErrorKind::BadAnswer),
            (Answer::new(200, huge.clone()), ProviderErrorKind::BadAnswer),
            (Answer::new(200, r#"{"feed":[]}"#).cut(5), ProviderErrorKind::Unreachable),
            (Answer::new(429, "Too Many Requests"), ProviderErrorKind::Throttled { retry_after: None }),
            (Answer::new(500, format!("no {KEY}")), ProviderErrorKind::Broken),
        ] {
            let error = failed(ask(data, id, answer).await.0);
            assert!(error.kind() == kind && !error.to_string().contains("HUNTER2"), "{data}: {error}");
        }
    }
}
