//! Yahoo's documents, recorded or in the form that its clients name, over real HTTP.

use std::fs;

use crate::{
    upstream::{Answer, Upstream},
    yahoo::{COOKIE, provider, recorded, stage, yahoo},
};
use market_data::{
    AdjustedCloses, Answer as Said, DataType, Dividends, Document, DocumentId, Provider, ProviderError,
    ProviderErrorKind,
};
use serde_json::{Value, json};

async fn ask(data: DataType, id: &str, answer: Answer) -> Result<Said<Document>, ProviderError> {
    let upstream = yahoo(move |_| answer.clone()).await;
    let answers = provider(&upstream).documents(data, &[id.parse().unwrap()]).await;
    answers.map(|mut answers| answers.remove(0))
}

fn failed(said: Result<Said<Document>, ProviderError>) -> ProviderError {
    match said {
        Ok(Said::Failed(error)) | Err(error) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn dividends_and_adjusted_closes_are_documents_of_the_same_chart() {
    let (_, exchange) = recorded("historical").remove(0);
    let answer = Answer::recorded(&exchange.to_string());
    let id = "MSFT:from=2021-05-01&to=2021-08-18";
    let dividends = ask(DataType::Dividend, id, answer.clone()).await.unwrap().value().unwrap();
    let paid = json!([{"date": "2021-05-19", "amount": 0.56}, {"date": "2021-08-18", "amount": 0.56}]);
    assert_eq!(dividends.body, json!({"currency": "USD", "dividends": paid, "splits": []}));

    let closes = ask(DataType::AdjustedClose, id, answer.clone()).await.unwrap().value().unwrap();
    let closes = closes.read::<AdjustedCloses>().unwrap();
    assert_eq!((closes.closes.len(), closes.currency.as_deref()), (76, Some("USD")));
    let chart = &exchange["body"]["chart"]["result"][0];
    let at =
        chart["timestamp"].as_array().unwrap().iter().position(|at| *at == json!(1_620_048_600)).unwrap();
    let first = closes.closes[0];
    assert_eq!(first.date.to_string(), "2021-05-03");
    assert_eq!(first.close, chart["indicators"]["quote"][0]["close"][at].as_f64());
    assert_eq!(Some(first.adjusted_close), chart["indicators"]["adjclose"][0]["adjclose"][at].as_f64());

    for (id, why) in [
        ("MSFT:day=1", "\"day\" is no parameter"),
        ("MSFT:from=soon", "which is no day"),
        ("MSFT:from=2021-01-02&to=2021-01-01", "swap them"),
    ] {
        let error = failed(ask(DataType::Dividend, id, answer.clone()).await);
        assert!(error.kind() == ProviderErrorKind::BadRequest && error.to_string().contains(why), "{error}");
    }
}

#[tokio::test]
async fn recorded_splits_come_with_the_dividends() {
    let (_, exchange) = recorded("chart-AAPL-2020-08-31").remove(0);
    let answer = Answer::recorded(&exchange.to_string());
    let told = ask(DataType::Dividend, "AAPL", answer).await.unwrap().value().unwrap();
    let split = json!([{"date": "2020-08-31", "ratio": 4.0}]);
    let paid = json!([{"date": "2020-11-06", "amount": 0.205}]);
    assert_eq!(told.body, json!({"currency": "USD", "dividends": paid, "splits": split}));
}

fn chart(events: &str) -> String {
    format!(
        r#"{{"chart":{{"result":[{{"meta":{{"symbol":"A","currency":"USD","exchangeTimezoneName":"America/New_York"}},
        "timestamp":[1577975400,1578061800],"events":{events},"indicators":{{"quote":[{{"open":[1,2],"high":[2,3],"low":[1,1],
        "close":[1.5,2.5],"volume":[7,null]}}],"adjclose":[{{"adjclose":[1.4,2.5]}}]}}}}],"error":null}}}}"#
    )
}

#[tokio::test]
async fn events_that_cannot_be_are_bad_answers_and_leave_the_bars_alone() {
    for events in [
        r#"{"splits":{"1":{"date":1577975400,"numerator":4,"denominator":0}}}"#,
        r#"{"splits":{"1":{"date":1577975400,"numerator":-4,"denominator":1}}}"#,
        r#"{"splits":{"1":{"date":1577975400,"numerator":null,"denominator":1}}}"#,
        r#"{"splits":{"1":{"date":1577975400,"numerator":4,"denominator":1},"2":{"date":1577975401,"numerator":2,"denominator":1}}}"#,
        r#"{"dividends":{"1":{"date":1577975400,"amount":"NaN"}}}"#,
        r#"{"dividends":{"1":{"date":1577975400,"amount":-0.5}}}"#,
        r#"{"dividends":{"1":{"date":1e300,"amount":0.5}}}"#,
        r#"{"dividends":[]}"#,
    ] {
        let error = failed(ask(DataType::Dividend, "A", Answer::new(200, chart(events))).await);
        assert_eq!(error.kind(), ProviderErrorKind::BadAnswer, "{events}");
        let closes = ask(DataType::AdjustedClose, "A", Answer::new(200, chart(events))).await;
        assert_eq!(
            closes.unwrap().value().unwrap().read::<AdjustedCloses>().unwrap().closes.len(),
            2,
            "{events}"
        );
    }
    let twice = r#"{"dividends":{"2":{"date":1578061800,"amount":"0.25"},"1":{"date":1577975400,"amount":0.5},"0":{"date":1577975401,"amount":0.1},"3":{"date":1577975402,"amount":0.1}}}"#;
    let told = ask(DataType::Dividend, "A", Answer::new(200, chart(twice))).await.unwrap().value().unwrap();
    let told: Vec<f64> = told.read::<Dividends>().unwrap().dividends.iter().map(|one| one.amount).collect();
    assert_eq!(told, [0.6, 0.25], "in order, added up by day, what is told twice told once");
    for events in ["null", "{}"] {
        let none = ask(DataType::Dividend, "A", Answer::new(200, chart(events))).await.unwrap();
        assert!(none.value().unwrap().read::<Dividends>().unwrap().dividends.is_empty());
    }
}

#[tokio::test]
async fn a_range_without_trading_has_no_dividends_and_an_unknown_symbol_no_document() {
    let error = |code: &str, description: &str| {
        let error = json!({"code": code, "description": description});
        Answer::new(400, json!({"chart": {"result": null, "error": error}}).to_string())
    };
    let empty = error("Bad Request", "Data doesn't exist for startDate = 1, endDate = 2");
    for (data, body) in [
        (DataType::Dividend, json!({"currency": null, "dividends": [], "splits": []})),
        (DataType::AdjustedClose, json!({"currency": null, "closes": []})),
    ] {
        let said = ask(data, "A:from=2020-01-04&to=2020-01-05", empty.clone()).await;
        assert_eq!(said.unwrap().value().unwrap().body, body);
        let gone = error("Not Found", "No data found, symbol may be delisted");
        assert_eq!(ask(data, "A", gone).await, Ok(Said::Unknown));
    }
    let upstream = yahoo(move |_| empty.clone()).await;
    let since = "A:from=2020-01-04".parse().unwrap();
    provider(&upstream).documents(DataType::Dividend, &[since]).await.unwrap();
    let to: i64 = upstream.asked()[0].query("period2").unwrap().parse().unwrap();
    let soon = jiff::Timestamp::now().as_second() + 3 * 86_400;
    assert!((1_577_000_000..soon).contains(&to), "days to come are not asked for: {to}");
}

fn by_hand(statement: &str) -> (String, Value) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/by_hand/yahoo");
    let body = fs::read_to_string(format!("{folder}/quoteSummary-{statement}.json")).unwrap();
    let json = serde_json::from_str(&body).unwrap();
    (body, json)
}

#[tokio::test]
async fn each_statement_is_the_modules_that_belong_to_it() {
    let (provider, next, upstream) = stage().await;
    for (statement, modules) in [
        ("overview", "summaryDetail,assetProfile,defaultKeyStatistics,financialData,price"),
        ("income", "incomeStatementHistory,incomeStatementHistoryQuarterly"),
        ("balance", "balanceSheetHistory,balanceSheetHistoryQuarterly"),
        ("cash_flow", "cashflowStatementHistory,cashflowStatementHistoryQuarterly"),
        ("earnings", "earnings,calendarEvents"),
    ] {
        let (body, json) = by_hand(statement);
        *next.lock().unwrap() = Answer::new(200, body);
        let id = DocumentId::new("ACME".parse().unwrap()).with("statement", statement);
        let answers = provider.documents(DataType::Fundamentals, &[id]).await.unwrap();
        let Said::Value(document) = &answers[0] else { panic!("{answers:?}") };
        assert_eq!(document.body, json["quoteSummary"]["result"][0]);
        let asked = upstream.asked().pop().unwrap();
        assert_eq!(asked.path(), "/v10/finance/quoteSummary/ACME");
        assert_eq!(
            (asked.query("modules").as_deref(), asked.header("cookie"), asked.query("crumb").is_some()),
            (Some(modules), Some(COOKIE), true)
        );
    }
    let crumbs = upstream.asked().iter().filter(|asked| asked.path() == "/v1/test/getcrumb").count();
    assert_eq!(crumbs, 1, "the session is kept");
}

#[tokio::test]
async fn a_recorded_absence_of_fundamentals_is_an_unknown_symbol() {
    let (_, exchange) = recorded("quoteSummary").remove(0);
    assert_eq!(exchange["status"], 404);
    let said = ask(DataType::Fundamentals, "ADH", Answer::recorded(&exchange.to_string())).await;
    assert_eq!(said, Ok(Said::Unknown));
}

#[tokio::test]
async fn a_refused_crumb_is_renewed_once_for_fundamentals_too() {
    let mut crumbs = 0;
    let (body, _) = by_hand("overview");
    let upstream = Upstream::answering(move |asked| match asked.path() {
        "/" => Answer::new(404, "").header("set-cookie", COOKIE),
        "/v1/test/getcrumb" => {
            crumbs += 1;
            Answer::new(200, format!("crumb{crumbs}"))
        }
        _ if asked.query("crumb").as_deref() == Some("crumb1") => Answer::new(401, "{}"),
        _ => Answer::new(200, body.clone()),
    })
    .await;
    let provider = provider(&upstream);
    for calls in [6, 7] {
        let answers = provider.documents(DataType::Fundamentals, &["ACME".parse().unwrap()]).await.unwrap();
        assert!(matches!(answers[0], Said::Value(_)));
        assert_eq!(upstream.calls(), calls);
    }
}

#[tokio::test]
async fn fundamentals_fail_by_kind_and_never_show_the_session() {
    let refused = json!({"finance": {"result": null, "error": {"code": "Unauthorized", "description": "Invalid Crumb"}}});
    let (overview, _) = by_hand("overview");
    for (answer, kind) in [
        (Answer::new(401, refused.to_string()), ProviderErrorKind::Refused),
        (Answer::new(200, refused.to_string()), ProviderErrorKind::BadAnswer),
        (Answer::new(429, "Too Many Requests"), ProviderErrorKind::Throttled { retry_after: None }),
        (Answer::new(404, "<html>"), ProviderErrorKind::BadRequest),
        (Answer::new(500, format!("cookie {COOKIE}")), ProviderErrorKind::Broken),
        (Answer::new(200, "<html>"), ProviderErrorKind::BadAnswer),
        (Answer::new(200, ""), ProviderErrorKind::BadAnswer),
        (Answer::new(200, "{}"), ProviderErrorKind::BadAnswer),
        (Answer::new(200, overview.replace("\"ACME\"", "\"OTHER\"")), ProviderErrorKind::BadAnswer),
        (Answer::new(200, overview.replace("24.5", "1e999")), ProviderErrorKind::BadAnswer),
        (Answer::new(200, overview.replace("24.5", "NaN")), ProviderErrorKind::BadAnswer),
        (Answer::new(200, by_hand("income").0), ProviderErrorKind::BadAnswer),
        (Answer::new(200, r#"{"quoteSummary":{"result":[],"error":null}}"#), ProviderErrorKind::BadAnswer),
        (Answer::new(200, r#"{"quoteSummary":{"result":[null]}}"#), ProviderErrorKind::BadAnswer),
        (Answer::new(200, r#"{"quoteSummary":{"result":[{"price":null}]}}"#), ProviderErrorKind::BadAnswer),
        (Answer::new(200, vec![b' '; 100_000_000]), ProviderErrorKind::BadAnswer),
        (Answer::new(200, format!("[{}0]", "0,".repeat(600_000))), ProviderErrorKind::BadAnswer),
        (Answer::dropped(), ProviderErrorKind::Unreachable),
    ] {
        let shown = format!("{answer:.80?}");
        let error = failed(ask(DataType::Fundamentals, "ACME", answer).await);
        assert_eq!(error.kind(), kind, "{shown:.80}: {error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
    for id in ["ACME:statement=profit", "ACME:modules=price"] {
        let (provider, _next, upstream) = stage().await;
        let error = provider.documents(DataType::Fundamentals, &[id.parse().unwrap()]).await.unwrap_err();
        assert_eq!((error.kind(), upstream.calls()), (ProviderErrorKind::BadRequest, 0), "{error}");
    }
    assert_eq!(
        ask(DataType::Fundamentals, "PKO.WA@XWAR", Answer::new(500, "")).await,
        Ok(Said::Unknown),
        "what has no name there is not asked for"
    );
}
