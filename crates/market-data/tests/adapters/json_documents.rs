//! Documents of any JSON API: their parameters, their batches and their fields, and bodies that can't be believed.

use std::fs;

use cache_core::Clock;
use market_data::{
    AdjustedCloses, Answer as Said, Answers, DataType, Dividends, Document, DocumentId, JsonConfig,
    JsonProvider, Observations, Provider, ProviderErrorKind,
};
use serde_json::{Value, json};

use crate::upstream::{Answer, Upstream};

fn open(config: Value) -> cache_core::Result<JsonProvider> {
    JsonProvider::new(&serde_json::from_value::<JsonConfig>(config).unwrap(), Clock::system())
}

/// An API of the United States that has one kind of document, at `path` of the upstream.
fn acme(upstream: &Upstream, data: DataType, path: &str, more: Value) -> Value {
    let mut documents = json!({"url": format!("{}{path}", upstream.url())});
    documents.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let kind = data.as_str();
    json!({"name": "acme", "markets": ["US"], "zone": "America/New_York", "documents": {kind: documents}})
}

async fn ask(provider: &JsonProvider, data: DataType, ids: &[&str]) -> Answers<Document> {
    let ids: Vec<DocumentId> = ids.iter().map(|id| id.parse().unwrap()).collect();
    provider.documents(data, &ids).await
}

/// The answer for the last of the ids, and why there is none.
async fn one(
    provider: &JsonProvider,
    data: DataType,
    id: &str,
) -> Result<Option<Document>, market_data::ProviderError> {
    match ask(provider, data, &[id]).await?.remove(0) {
        Said::Value(document) => {
            data.check_body(&document.body).unwrap();
            Ok(Some(document))
        }
        Said::Unknown => Ok(None),
        Said::Failed(error) => Err(error),
    }
}

#[tokio::test]
async fn described_to_it_the_dividends_of_a_recorded_chart_are_dividends() {
    let name = "yahoo/historical-via-chart-MSFT-dividends-2021-02-01-to-2022-01-31";
    let text = fs::read_to_string(format!("{}/tests/data/{name}.json", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let upstream = Upstream::saying([Answer::recorded(&text)]).await;
    // Items are called by their moments, and have them too.
    for date in [json!({"date": "/date"}), json!({})] {
        let mut fields =
            json!({"list": "/events/dividends", "amount": "/amount", "currency": "/meta/currency"});
        fields.as_object_mut().unwrap().extend(date.as_object().unwrap().clone());
        let more = json!({"value": "/chart/result/0", "time": "/meta/regularMarketTime", "fields": fields});
        let provider = open(acme(&upstream, DataType::Dividend, "/chart/{symbol}?events=div", more)).unwrap();
        let document = one(&provider, DataType::Dividend, "MSFT").await.unwrap().unwrap();
        assert!(document.time.is_some());
        let told: Dividends = document.read().unwrap();
        let days: Vec<(String, f64)> =
            told.dividends.iter().map(|one| (one.date.to_string(), one.amount)).collect();
        let expected =
            [("2021-02-17", 0.56), ("2021-05-19", 0.56), ("2021-08-18", 0.56), ("2021-11-17", 0.62)];
        assert_eq!(days, expected.map(|(day, amount)| (day.to_owned(), amount)));
        assert_eq!(told.currency.as_deref(), Some("USD"));
        let within =
            one(&provider, DataType::Dividend, "MSFT:from=2021-05-19&to=2021-10-01").await.unwrap().unwrap();
        assert_eq!(within.read::<Dividends>().unwrap().dividends, told.dividends[1..3]);
    }
}

#[tokio::test]
async fn splits_are_numbers_or_pairs_of_them_and_may_be_missing() {
    let body = |splits: Value| Answer::new(200, json!({"paid": [], "splits": splits}).to_string());
    let upstream = Upstream::saying([
        body(json!([{"d": "2020-08-31", "r": "4:1"}, {"d": "2014-06-09", "r": 7}, {"d": "2010-01-04", "r": "1/10"}])),
        body(json!([])),
        Answer::new(200, r#"{"paid": []}"#),
        body(json!([{"d": "2020-08-31", "r": "4:0"}])),
    ])
    .await;
    let fields = json!({
        "list": "/paid", "date": "/d", "amount": "/a",
        "splits": {"list": "/splits", "date": "/d", "ratio": "/r"},
    });
    let provider = open(acme(&upstream, DataType::Dividend, "/{symbol}", json!({"fields": fields}))).unwrap();
    for expected in [vec![("2010-01-04", 0.1), ("2014-06-09", 7.0), ("2020-08-31", 4.0)], vec![], vec![]] {
        let told: Dividends = one(&provider, DataType::Dividend, "A").await.unwrap().unwrap().read().unwrap();
        let splits: Vec<(String, f64)> =
            told.splits.iter().map(|one| (one.date.to_string(), one.ratio)).collect();
        assert_eq!(
            splits,
            expected.into_iter().map(|(day, ratio)| (day.to_owned(), ratio)).collect::<Vec<_>>()
        );
    }
    let error = one(&provider, DataType::Dividend, "A").await.unwrap_err();
    assert!(error.to_string().contains("documents.dividend.fields.splits.ratio is no ratio"), "{error}");
}

#[tokio::test]
async fn a_macro_series_is_asked_for_by_its_name_or_at_a_url_of_its_own() {
    let body = r#"{"title":"Prices","units":"index","observations":[
        {"date":"2020-03-01","value":"258.1"},{"date":"2020-01-01","value":"."},{"date":"2020-02-01","value":257}]}"#;
    let upstream = Upstream::saying([Answer::new(200, body)]).await;
    let fields = json!({"list": "/observations", "date": "/date", "value": "/value", "name": "/title", "unit": "/units"});
    let series = acme(&upstream, DataType::Macro, "/series?id={symbol}", json!({"fields": fields}));
    let provider = open(series).unwrap();
    let offer = provider.offer(DataType::Macro).unwrap();
    let asset = |text| DataType::Macro.read_asset(text).unwrap();
    assert!(offer.covers(&asset("CPIAUCSL")) && !offer.covers(&"AAPL".parse().unwrap()));
    let told = one(&provider, DataType::Macro, "CPIAUCSL@US.index").await.unwrap().unwrap();
    assert_eq!(
        told.body,
        json!({
            "name": "Prices", "unit": "index", "interval": null,
            "observations": [{"date": "2020-02-01", "value": 257.0}, {"date": "2020-03-01", "value": 258.1}],
        })
    );
    assert_eq!(upstream.asked()[0].target, "/series?id=CPIAUCSL");

    let single = json!({"asset": "cpi", "fields": fields});
    let provider = open(acme(&upstream, DataType::CpiIndex, "/cpi", single)).unwrap();
    assert!(one(&provider, DataType::CpiIndex, "CPI@US.index").await.unwrap().is_some());
    assert_eq!(one(&provider, DataType::CpiIndex, "CORE_CPI@US.index").await.unwrap(), None);
    assert_eq!(upstream.calls(), 2, "a URL is asked only for what it is about");
}

#[tokio::test]
async fn parameters_go_into_the_url_as_the_api_calls_them() {
    let upstream = Upstream::saying([Answer::new(200, r#"{"n":1}"#)]).await;
    let more = json!({"parameters": {
        "function": {"values": {"SMA": "simple", "EMA": "exponential"}},
        "period": {"default": "20"},
        "of": {"values": {"close": "close"}},
    }});
    let path = "/{param:function}/{symbol}?n={param:period}&m={param:mode}";
    let provider = open(acme(&upstream, DataType::Technical, path, more)).unwrap();
    for (id, target) in [
        ("A:function=SMA&mode=x", Ok("/simple/A?n=20&m=x")),
        ("A:function=EMA&mode=a%26b&of=close&period=5", Ok("/exponential/A?n=5&m=a%26b")),
        ("A:function=SMA", Err("it needs the parameter mode")),
        ("A:mode=x", Err("it needs the parameter function")),
        ("A:function=RSI&mode=x", Err("function is \"RSI\": there are EMA, SMA")),
        ("A:function=SMA&mode=x&of=open", Err("of is \"open\": there are close")),
        (
            "A:function=SMA&mode=x&fast=1",
            Err("\"fast\" is no parameter of it: there are function, mode, of, period"),
        ),
    ] {
        let calls = upstream.calls();
        let told = one(&provider, DataType::Technical, id).await;
        match target {
            Ok(target) => {
                assert_eq!((told.is_ok(), upstream.asked().pop().unwrap().target.as_str()), (true, target))
            }
            Err(why) => {
                let error = told.unwrap_err();
                assert!(
                    error.kind() == ProviderErrorKind::BadRequest && error.to_string().contains(why),
                    "{error}"
                );
                assert_eq!(upstream.calls(), calls, "no call goes out");
            }
        }
    }
}

#[tokio::test]
async fn days_are_asked_for_where_the_api_can_be_and_cut_in_any_case() {
    let body = r#"{"2020-01-02":{"a":"1.5","c":"2"},"2020-01-03":{"a":1.6,"c":null},"2020-01-06":{"a":1.7}}"#;
    let upstream = Upstream::saying([Answer::new(200, body)]).await;
    let more = json!({"fields": {"adjusted_close": "/a", "close": "/c"}});
    let path = "/{symbol}?from={from}&to={to}";
    let provider = open(acme(&upstream, DataType::AdjustedClose, path, more)).unwrap();
    let told =
        one(&provider, DataType::AdjustedClose, "A:from=2020-01-03&to=2020-01-05").await.unwrap().unwrap();
    assert_eq!(
        told.body,
        json!({"currency": null, "closes": [{"date": "2020-01-03", "close": null, "adjusted_close": 1.6}]})
    );
    assert_eq!(upstream.asked()[0].target, "/A?from=2020-01-03&to=2020-01-05");
    let told = one(&provider, DataType::AdjustedClose, "A:to=2020-01-05").await.unwrap().unwrap();
    assert_eq!(told.read::<AdjustedCloses>().unwrap().closes.len(), 2);
    assert_eq!(upstream.asked()[1].target, "/A?from=1900-01-01&to=2020-01-05");
    for (id, why) in [("A:from=2020-02-01&to=2020-01-05", "lies after"), ("A:to=x", "no day")] {
        let error = one(&provider, DataType::AdjustedClose, id).await.unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
}

#[tokio::test]
async fn a_usual_and_a_special_dividend_of_a_day_are_added_up_and_a_day_may_be_its_midnight() {
    // 2020-01-02 and 2020-01-03 at midnight in UTC, and 2020-01-03 at midnight in New York.
    let body = r#"[{"d":1577923200,"v":0.1},{"d":1577923200,"v":0.2},{"d":"2020-01-02T00:00:00Z","v":0.1},
        {"d":"2020-01-03T05:00:00Z","v":1},{"d":1578009600,"v":0}]"#;
    let upstream = Upstream::saying([Answer::new(200, body)]).await;
    let more = json!({"fields": {"list": "", "date": "/d", "amount": "/v"}});
    let provider = open(acme(&upstream, DataType::Dividend, "/{symbol}", more)).unwrap();
    let told = one(&provider, DataType::Dividend, "A").await.unwrap().unwrap();
    assert_eq!(
        told.body["dividends"],
        json!([{"date": "2020-01-02", "amount": 0.3}, {"date": "2020-01-03", "amount": 1.0}])
    );
}

#[tokio::test]
async fn a_batch_is_one_call_for_each_set_of_parameters_and_matched_by_symbols() {
    let upstream = Upstream::answering(|asked| {
        let symbols = asked.query("s").unwrap();
        let item = |symbol: &str| json!({"ticker": symbol, "result": {"of": symbol, "y": asked.query("y")}});
        let known = symbols.split(',').filter(|symbol| *symbol != "GONE");
        Answer::new(200, json!({"data": known.rev().map(item).collect::<Vec<_>>()}).to_string())
    })
    .await;
    let more = json!({"max_batch": 10, "items": "/data", "symbol": "/ticker", "value": "/result", "parameters": {"year": {"default": "1"}}});
    let provider =
        open(acme(&upstream, DataType::Fundamentals, "/q?s={symbols}&y={param:year}", more)).unwrap();
    assert_eq!(provider.offer(DataType::Fundamentals).unwrap().max_batch, 10);
    let ids = ["B", "A:year=2", "GONE", "BRK-B", "C:year=2", "A:month=3"];
    let answers = ask(&provider, DataType::Fundamentals, &ids).await.unwrap();
    let told: Vec<Option<(Value, Value)>> = answers
        .iter()
        .map(|answer| answer.clone().value().map(|told| (told.body["of"].clone(), told.body["y"].clone())))
        .collect();
    let is = |of: &str, year: &str| Some((json!(of), json!(year)));
    assert_eq!(told, [is("B", "1"), is("A", "2"), None, is("BRK.B", "1"), is("C", "2"), None]);
    assert!(matches!(&answers[2], Said::Unknown) && matches!(&answers[5], Said::Failed(_)));
    let mut targets: Vec<String> = upstream.asked().into_iter().map(|asked| asked.target).collect();
    targets.sort();
    assert_eq!(targets, ["/q?s=A%2CC&y=2", "/q?s=B%2CGONE%2CBRK.B&y=1"]);
}

#[tokio::test]
async fn an_item_that_may_be_of_another_asset_is_of_none() {
    let upstream = Upstream::saying([
        Answer::new(200, r#"{"A":{"pe":1},"B":{"pe":2}}"#),
        Answer::new(200, r#"[{"pe":1},{"pe":2}]"#),
        Answer::new(200, r#"[{"s":"A","pe":1},{"s":"A","pe":2},{"s":"B","pe":3}]"#),
    ])
    .await;
    let more = json!({"max_batch": 2, "symbol": "/s"});
    let provider = open(acme(&upstream, DataType::Fundamentals, "/q?s={symbols}", more)).unwrap();
    let told = ask(&provider, DataType::Fundamentals, &["A", "B"]).await.unwrap();
    assert_eq!(told[1].clone().value().unwrap().body, json!({"pe": 2}));
    let told = ask(&provider, DataType::Fundamentals, &["A", "B"]).await.unwrap();
    let why = |answer: &Said<Document>| answer.failure().unwrap().to_string();
    assert!(told.iter().all(|answer| why(answer).contains("items without documents.fundamentals.symbol")));
    let told = ask(&provider, DataType::Fundamentals, &["A", "B"]).await.unwrap();
    assert!(why(&told[0]).contains("two items of A contradict each other"));
    assert_eq!(told[1].clone().value().unwrap().body["pe"], 3);
}

#[tokio::test]
async fn a_body_that_can_not_be_believed_is_a_bad_answer_that_names_the_field() {
    let list = |items: Value| json!({"list": items}).to_string();
    let huge = (0..20_000).map(|at| json!({"d": 86_400 * at, "v": at})).collect::<Vec<_>>();
    for (body, why) in [
        ("{\"lists\":[]}".to_owned(), Some("documents.macro.fields.list is missing: nothing at \"/list\"")),
        (list(json!(7)), Some("neither an array nor an object")),
        (
            list(json!([{"d": "2020-01-02"}, {"d": "2020-01-03", "w": 1}])),
            Some("documents.macro.fields.value is missing"),
        ),
        (list(json!([{"v": 1}])), Some("documents.macro.fields.date is missing")),
        (list(json!([{"d": "x", "v": 1}])), Some("documents.macro.fields.date is no time")),
        (list(json!([{"d": "2020-01-02", "v": "one"}])), Some("documents.macro.fields.value")),
        (list(json!([{"d": "2020-01-02", "v": [1]}])), Some("documents.macro.fields.value")),
        (
            list(json!([{"d": "2020-01-02", "v": 1}, {"d": "2020-01-02", "v": 2}])),
            Some("two items of 2020-01-02"),
        ),
        (list(json!([null, 7])), Some("is missing")),
        ("{\"list\":[{\"d\":\"2020-01-02\",\"v\":1e999}]}".to_owned(), Some("")),
        ("<html>".to_owned(), Some("")),
        (
            list(
                json!([{"d": "2020-01-02", "v": 1}, {"d": "2020-01-02", "v": 1}, {"d": "2020-01-03", "v": null}]),
            ),
            None,
        ),
        (list(json!(huge)), None),
        (list(json!(null)), None),
        (list(json!([])), None),
    ] {
        let upstream = Upstream::saying([Answer::new(200, body.clone())]).await;
        let fields = json!({"list": "/list", "date": "/d", "value": "/v"});
        let provider =
            open(acme(&upstream, DataType::Macro, "/{symbol}", json!({"fields": fields}))).unwrap();
        let told = one(&provider, DataType::Macro, "GDP@US.index").await;
        let start: String = body.chars().take(80).collect();
        match why {
            Some(why) => {
                let error = told.expect_err(&start);
                assert!(
                    error.kind() == ProviderErrorKind::BadAnswer && error.to_string().contains(why),
                    "{error}"
                );
            }
            None => {
                let days = told.unwrap().map(|told| told.read::<Observations>().unwrap().observations.len());
                let expected = [(huge.len(), "86400"), (1, "2020-01-03")]
                    .into_iter()
                    .find(|(_, mark)| body.contains(mark));
                assert_eq!(days, expected.map(|(days, _)| days), "{start}");
            }
        }
    }
}

#[tokio::test]
async fn a_body_of_the_common_shape_needs_no_fields_and_another_shape_is_refused() {
    let upstream = Upstream::saying([
        Answer::new(200, r#"{"dividends":[{"date":"2020-01-02","amount":1.5}]}"#),
        Answer::new(200, r#"[{"date":"2020-01-02","amount":1.5}]"#),
    ])
    .await;
    let provider = open(acme(&upstream, DataType::Dividend, "/{symbol}", json!({}))).unwrap();
    let told = one(&provider, DataType::Dividend, "A").await.unwrap().unwrap();
    assert_eq!(told.read::<Dividends>().unwrap().dividends.len(), 1);
    let error = one(&provider, DataType::Dividend, "A").await.unwrap_err().to_string();
    assert!(error.contains("describe where it is in documents.dividend.fields"), "{error}");
}
