//! OANDA's instruments and books as its documentation has them, and as they fail, over real HTTP.

use crate::{
    oanda::{INSTRUMENTS, oanda, provider, recorded},
    upstream::{Answer, Upstream},
};
use cache_core::Timestamp;
use market_data::{Answer as Said, DataType, Document, DocumentId, Provider, ProviderErrorKind};
use serde_json::{Value, json};

fn ids(ids: &[&str]) -> Vec<DocumentId> {
    ids.iter().map(|id| id.parse().unwrap()).collect()
}

async fn saying(answer: Answer) -> Upstream {
    oanda(move |_| answer.clone()).await
}

fn body(answer: &Said<Document>) -> Option<&Value> {
    match answer {
        Said::Value(document) => Some(&document.body),
        _ => None,
    }
}

#[tokio::test]
async fn instruments_of_a_batch_cost_one_call_and_are_told_as_their_json_has_them() {
    let exchange = recorded("accounts_v3_account_by_accountID_instruments");
    let upstream = saying(Answer::recorded(&exchange.to_string())).await;
    let provider = provider(&upstream, |_| {});
    let asked =
        ids(&["EUR_USD@FX", "XXX_YYY@FX", "DE30_EUR@FX.index", "AAPL", "EURUSD=X", "EUR_CHF@FX:of=x"]);
    let told = provider.documents(DataType::Instrument, &asked).await.unwrap();
    let listed = exchange["body"]["instruments"].as_array().unwrap();
    let of = |name: &str| listed.iter().find(|one| one["name"] == name);
    let bodies: Vec<_> = told.iter().map(body).collect();
    assert_eq!(bodies, [of("EUR_USD"), None, of("DE30_EUR"), None, of("EUR_USD"), None]);
    assert_eq!((&told[1], &told[3]), (&Said::Unknown, &Said::Unknown));
    let error = told[5].failure().unwrap();
    assert!(
        error.kind() == ProviderErrorKind::BadRequest && error.to_string().contains("it takes none"),
        "{error}"
    );
    let calls = upstream.asked();
    assert_eq!((calls.len(), calls[0].target.as_str()), (1, INSTRUMENTS));
    assert_eq!(
        provider.offer(DataType::Instrument).unwrap().max_batch,
        provider.offer(DataType::Price).unwrap().max_batch
    );
    let nobody = provider.documents(DataType::Instrument, &ids(&["AAPL"])).await.unwrap();
    assert_eq!(
        (nobody, upstream.calls()),
        (vec![Said::Unknown], 1),
        "what has no name there is not asked for"
    );
}

#[tokio::test]
async fn a_book_is_told_as_its_json_has_it_and_is_of_its_own_moment() {
    for (id, file, book) in [
        ("EUR_USD@FX", "orderbook", "orderBook"),
        ("EUR_USD@FX:of=orders", "orderbook", "orderBook"),
        ("EUR_USD@FX:of=positions", "positionbook", "positionBook"),
    ] {
        let exchange = recorded(&format!("instruments_v3_instruments_instrument_{file}"));
        let upstream = saying(Answer::recorded(&exchange.to_string())).await;
        let provider = provider(&upstream, |_| {});
        let told = provider.documents(DataType::Book, &ids(&[id])).await.unwrap().remove(0).value().unwrap();
        assert_eq!(upstream.asked()[0].path(), format!("/v3/instruments/EUR_USD/{book}"));
        assert_eq!(told.body, exchange["body"][book]);
        let time: jiff::Timestamp = "2017-06-28T10:00:00Z".parse().unwrap();
        assert_eq!(told.time, Some(Timestamp::from_micros(time.as_microsecond())));
        let other = provider.documents(DataType::Book, &ids(&["EUR_CHF@FX"])).await.unwrap_err();
        assert_eq!(other.kind(), ProviderErrorKind::BadAnswer, "the book of another instrument");
    }
}

#[tokio::test]
async fn what_has_no_book_is_unknown_and_a_wrong_parameter_is_not_sent() {
    for answer in [
        Answer::new(400, r#"{"errorMessage":"Invalid value specified for 'instrument'"}"#),
        Answer::new(404, r#"{"errorMessage":"The book does not exist"}"#),
    ] {
        let upstream = saying(answer).await;
        let told = provider(&upstream, |_| {}).documents(DataType::Book, &ids(&["XXX_YYY@FX"])).await;
        assert_eq!(told, Ok(vec![Said::Unknown]));
    }
    let upstream = saying(Answer::new(500, "")).await;
    let provider = provider(&upstream, |_| {});
    assert_eq!(provider.documents(DataType::Book, &ids(&["AAPL"])).await, Ok(vec![Said::Unknown]));
    for (id, why) in [("EUR_USD@FX:of=trades", "orders, positions"), ("EUR_USD@FX:depth=3", "it takes of")] {
        let error = provider.documents(DataType::Book, &ids(&[id])).await.unwrap_err();
        assert!(error.kind() == ProviderErrorKind::BadRequest && error.to_string().contains(why), "{error}");
    }
    assert_eq!(upstream.calls(), 0);
    let news = provider.documents(DataType::News, &ids(&["EUR_USD@FX"])).await.unwrap_err();
    assert_eq!(news.kind(), ProviderErrorKind::NotOffered);
}

#[tokio::test]
async fn bodies_that_cannot_be_believed_are_bad_answers() {
    let bucket = |price: Value, share: Value| json!({"price": price, "longCountPercent": share, "shortCountPercent": "1"});
    let book = |buckets: Value| json!({"orderBook": {"instrument": "EUR_USD", "time": "2017-06-28T10:00:00Z", "price": "1.1", "bucketWidth": "0.1", "buckets": buckets}});
    let whole = book(json!([bucket(json!("1"), json!(2))]));
    let changed = |name: &str, value: Value| {
        let mut changed = whole.clone();
        changed["orderBook"][name] = value;
        changed
    };
    let good = saying(Answer::new(200, whole.to_string())).await;
    let told = provider(&good, |_| {}).documents(DataType::Book, &ids(&["EUR_USD@FX"])).await.unwrap();
    assert_eq!(body(&told[0]), Some(&whole["orderBook"]), "numbers as numbers are as good as in texts");
    for body in [
        book(json!([bucket(json!("NaN"), json!("1"))])),
        book(json!([bucket(json!("0"), json!("1"))])),
        book(json!([bucket(json!("1"), json!("101"))])),
        book(json!([bucket(json!("1"), json!("-1"))])),
        book(json!([bucket(Value::Null, json!("1"))])),
        book(json!({})),
        changed("time", json!("9999-01-01T00:00:00Z")),
        changed("time", json!("never")),
        changed("price", json!("-1")),
        changed("instrument", json!("EUR_CHF")),
        json!({"positionBook": whole["orderBook"]}),
        json!({}),
        json!([]),
    ] {
        let upstream = saying(Answer::new(200, body.to_string())).await;
        let error = provider(&upstream, |_| {}).documents(DataType::Book, &ids(&["EUR_USD@FX"])).await;
        assert_eq!(error.unwrap_err().kind(), ProviderErrorKind::BadAnswer, "{body}");
    }
    let two = json!({"instruments": [{"name": "EUR_USD", "marginRate": "0.1"}, {"name": "EUR_USD", "marginRate": "0.2"}, {"name": "EUR_CHF"}, {"name": "EUR_CHF"}]});
    let upstream = saying(Answer::new(200, two.to_string())).await;
    let asked = ids(&["EUR_USD@FX", "EUR_CHF@FX"]);
    let told = provider(&upstream, |_| {}).documents(DataType::Instrument, &asked).await.unwrap();
    assert_eq!(told[0].failure().unwrap().kind(), ProviderErrorKind::BadAnswer, "neither is believed");
    assert_eq!(body(&told[1]), Some(&json!({"name": "EUR_CHF"})), "told twice, told once");

    for (answer, kind) in [
        (Answer::new(200, "<html>hunter2-token"), ProviderErrorKind::BadAnswer),
        (Answer::new(200, r#"{"instruments":[{}]}"#), ProviderErrorKind::BadAnswer),
        (Answer::new(200, r#"{"instruments":[null]}"#), ProviderErrorKind::BadAnswer),
        (
            Answer::new(200, format!(r#"{{"instruments":[{}0]}}"#, "0,".repeat(600_000))),
            ProviderErrorKind::BadAnswer,
        ),
        (Answer::new(200, r#"{"instruments":[]}"#).cut(5), ProviderErrorKind::Unreachable),
        (Answer::new(401, r#"{"errorMessage":"no: hunter2-token"}"#), ProviderErrorKind::Refused),
        (Answer::new(429, "Too Many Requests"), ProviderErrorKind::Throttled { retry_after: None }),
        (Answer::new(503, "maintenance"), ProviderErrorKind::Broken),
    ] {
        let upstream = saying(answer).await;
        let provider = provider(&upstream, |_| {});
        for data in [DataType::Instrument, DataType::Book] {
            let error = provider.documents(data, &ids(&["EUR_USD@FX"])).await.unwrap_err();
            assert_eq!(error.kind(), kind, "{data}: {error}");
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
    }
}
