//! Answers of Yahoo that contradict themselves, or what was asked for.

use market_data::{Answer as Said, Provider, ProviderErrorKind};
use serde_json::{Value, json};

use crate::{
    upstream::Answer,
    yahoo::{ask, stage},
};

#[tokio::test]
async fn of_two_quotes_that_contradict_each_other_neither_is_believed() {
    let item = |symbol: &str, price: f64| json!({"symbol": symbol, "regularMarketPrice": price, "regularMarketTime": 1739566800});
    let items = json!([item("A", 5.0), item("B", 2.0), item("A", 500.0), item("B", 2.0)]);
    let body = json!({"quoteResponse": {"result": items, "error": null}}).to_string();
    let answers = ask(Answer::new(200, body), &["A", "B"]).await.unwrap();
    assert!(
        matches!(&answers[0], Said::Failed(error) if error.to_string().contains("contradict")),
        "{answers:?}"
    );
    assert!(matches!(answers[1], Said::Value(_)), "to say it twice is no contradiction");
}

#[tokio::test]
async fn a_chart_of_other_bars_than_those_asked_for_is_a_bad_answer() {
    let (provider, next, _upstream) = stage().await;
    for (asked, told, sound) in [
        ("1m", json!("1d"), false),
        ("1d", json!("1wk"), false),
        ("1d", json!("1d"), true),
        ("1h", json!("1h"), true),
        ("1h", json!("60m"), true),
        ("1w", json!("1wk"), true),
        ("1d", Value::Null, true),
    ] {
        let chart = json!({"meta": {"symbol": "A", "dataGranularity": told}, "indicators": {}});
        let body = json!({"chart": {"result": [chart], "error": null}}).to_string();
        *next.lock().unwrap() = Answer::new(200, body);
        let answer = provider.series(&[format!("A:{asked}").parse().unwrap()]).await;
        match answer.map(|mut answers| answers.remove(0)) {
            Ok(Said::Value(_)) => assert!(sound, "{asked} {told}"),
            Err(error) | Ok(Said::Failed(error)) => {
                assert_eq!((error.kind(), sound), (ProviderErrorKind::BadAnswer, false), "{error}");
            }
            Ok(Said::Unknown) => panic!("{asked} {told}"),
        }
    }
}

#[tokio::test]
async fn a_quote_of_the_end_of_time_is_implausible() {
    let (provider, next, _upstream) = stage().await;
    for (count, at) in (1..).zip([253_402_300_799_i64, i64::MAX, i64::MIN, -62_135_596_800]) {
        let item = json!({"symbol": "A", "regularMarketPrice": 5, "regularMarketTime": at});
        let body = json!({"quoteResponse": {"result": [item], "error": null}}).to_string();
        *next.lock().unwrap() = Answer::new(200, body);
        let answers = provider.quotes(&["A".parse().unwrap()]).await.unwrap();
        assert!(matches!(answers[0], Said::Failed(_)), "{answers:?}");
        assert_eq!(provider.implausible(), count, "{at}");
    }
}
