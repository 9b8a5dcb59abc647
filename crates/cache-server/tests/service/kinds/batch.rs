//! Many values of any kinds in one request: one answer each, in order.

use market_data::{DataType, Document};
use serde_json::{Value, json};

use crate::fixture::{
    in_process::{InProcess, Reply},
    process::Server,
    raw::ask,
    upstream::Upstream,
};

async fn batch(service: &InProcess, items: &Value) -> Vec<Value> {
    let reply = service.post("/v1/batch", items.to_string()).await;
    assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
    assert_eq!(reply.header("cache-control"), "no-store");
    reply.json()["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn each_item_is_answered_in_its_place_with_its_own_status() {
    let upstream = Upstream::of(&[DataType::Price, DataType::Ohlcv, DataType::Dividend]).await;
    let service = InProcess::open(&upstream.flags()).await;
    let items = json!({ "items": [
        {"kind": "price", "id": "aapl"},
        {"kind": "dividend", "id": "NOPE"},
        {"kind": "ohlcv", "id": "AAPL", "interval": "1d", "from": "2019-12-31", "to": "2019-12-31"},
        {"kind": "price", "id": "aapl"},
        {"kind": "dividend", "id": "MSFT", "parameters": {}},
        {"kind": "dividend", "id": "MSFT", "parameters": {"period": 20, "all": true}},
        {"kind": "news", "id": "AAPL"},
        {"kind": "prices", "id": "AAPL"},
        {"kind": "price", "id": "A B"},
        {"kind": "price"},
        17,
        ["price", "AAPL"],
        {"kind": "price", "id": "AAPL", "interval": "1d"},
        {"kind": "price", "id": "AAPL", "parameters": {"period": 20}},
        {"kind": "dividend", "id": "AAPL", "parameters": {"period": [20]}},
        {"kind": "ohlcv", "id": "AAPL", "interval": "7m"},
        {"kind": "ohlcv", "id": "AAPL", "from": "2020-01-03", "to": "2020-01-02"},
    ]});
    let answers = batch(&service, &items).await;
    let statuses: Vec<&str> = answers.iter().map(|answer| answer["status"].as_str().unwrap()).collect();
    let (good, bad) = (["ok", "unknown", "ok", "ok", "ok"], ["invalid"; 12]);
    assert_eq!(statuses, [&good[..], &bad[..]].concat(), "{answers:?}");
    for (answer, why) in answers[5..].iter().zip([
        "there are from, to",
        "no provider of this service offers news",
        "there are price, ohlcv",
        "holds ' '",
        "missing field `id`",
        "no object",
        "no object",
        "write them into parameters",
        "takes no parameters",
        "neither a text nor a number",
        "is no interval",
        "is after",
    ]) {
        let said = answer["error"].as_str().unwrap();
        assert!(said.contains(why), "wanted {why:?} in {said:?}");
    }
    let price = &answers[0];
    assert_eq!((&price["kind"], &price["id"]), (&json!("price"), &json!("aapl")), "as it was asked for");
    assert_eq!((&price["symbol"], &price["price"]), (&json!("AAPL"), &json!(7.0)), "{price}");
    assert_eq!(answers[3]["price"], json!(7.0), "a duplicate is answered too");
    assert_eq!(answers[2]["bars"].as_array().unwrap().len(), 1, "{}", answers[2]);
    assert_eq!(answers[4]["body"]["dividends"][0]["amount"], 0.5, "{}", answers[4]);
    assert!(answers[4]["as_of"].is_string() && answers[2]["as_of"].is_string());
    let mut asked = upstream.asked();
    asked.sort();
    assert_eq!(asked, ["/dividend/MSFT", "/dividend/NOPE", "/ohlcv/AAPL", "/price/AAPL"], "each key once");
}

#[tokio::test]
async fn two_hundred_keys_of_eight_kinds_are_loaded_once_and_then_come_from_memory() {
    let kinds = ["price", "ohlcv", "dividend", "fundamentals", "technical", "news", "macro", "cpi_index"];
    let upstream = Upstream::start().await;
    let service = InProcess::open(&upstream.flags()).await;
    let symbol = |number: usize| format!("A{}", char::from(b'A' + u8::try_from(number / 8).unwrap()));
    let item = |number: usize| json!({"kind": kinds[number % 8], "id": symbol(number)});
    let items: Value = (0..200).map(item).collect();
    let cold = batch(&service, &items).await;
    assert!(cold.iter().all(|answer| answer["source"] == "provider"), "{cold:?}");
    let calls = upstream.asked().len();
    assert_eq!(calls, 200, "this upstream takes one key a call");
    let warm = batch(&service, &items).await;
    assert!(warm.iter().all(|answer| answer["source"] == "memory" && answer["status"] == "ok"));
    for (number, answer) in warm.iter().enumerate() {
        assert_eq!((&answer["kind"], &answer["id"]), (&item(number)["kind"], &item(number)["id"]));
    }
    assert_eq!(upstream.asked().len(), calls);
}

#[tokio::test]
async fn what_could_not_be_looked_up_failed_and_the_others_are_answered() {
    let upstream = Upstream::start().await;
    let service = InProcess::open(&upstream.flags()).await;
    batch(&service, &json!([{"kind": "price", "id": "AAPL"}])).await;
    upstream.set_dead(true);
    let items = json!([{"kind": "price", "id": "AAPL"}, {"kind": "news", "id": "AAPL"}]);
    let answers = batch(&service, &items).await;
    assert_eq!(
        (&answers[0]["status"], &answers[1]["status"]),
        (&json!("ok"), &json!("failed")),
        "{answers:?}"
    );
    assert!(answers[1]["error"].as_str().unwrap().contains("503"), "{answers:?}");
}

#[tokio::test]
async fn what_is_no_batch_is_refused_as_a_whole() {
    let service = InProcess::open(&[]).await;
    let is_refused = |reply: &Reply, status: u16, detail: &str| {
        let body = reply.json();
        let said = body["detail"].as_str().unwrap();
        assert!(reply.status.as_u16() == status && said.contains(detail), "wanted {detail:?} in {said:?}");
    };
    for (body, detail) in [
        ("", "is no JSON"),
        ("{", "is no JSON"),
        ("{}", "has no list of items"),
        ("17", "has no list of items"),
        (r#"{"items": {}}"#, "has no list of items"),
        (r#"{"items": [], "more": 1}"#, "has no list of items"),
    ] {
        is_refused(&service.post("/v1/batch", body).await, 400, detail);
    }
    let item = json!({"kind": "price", "id": "AAPL@US.equity"});
    let many = |count: usize| Value::from(vec![item.clone(); count]).to_string();
    is_refused(&service.post("/v1/batch", many(501)).await, 400, "has 501 items, the limit is 500");
    is_refused(&service.post("/v1/batch?x=1", many(1)).await, 400, "this path takes none");
    is_refused(&service.get("/v1/batch").await, 405, "use POST");
    assert!(many(500).len() > 16 << 10, "longer than the body of a change may be");
    assert_eq!(service.post("/v1/batch", many(500)).await.json()["items"].as_array().unwrap().len(), 500);
    let padded = |length: usize| format!("[{}]", " ".repeat(length - 2));
    assert_eq!(service.post("/v1/batch", padded(64 << 10)).await.status, 200);
    is_refused(&service.post("/v1/batch", padded((64 << 10) + 1)).await, 413, "the limit is 65536");
    is_refused(&service.post("/v1/events", padded((16 << 10) + 1)).await, 413, "the limit is 16384");
}

#[tokio::test]
async fn of_long_series_no_more_than_a_hundred_are_answered() {
    let service = InProcess::open(&[]).await;
    let long = [json!({"kind": "ohlcv", "id": "NOPE"}), json!({"kind": "adjusted_close", "id": "NOPE"})];
    let mut items: Vec<Value> = long.iter().cycle().take(102).cloned().collect();
    items.push(json!({"kind": "price", "id": "NOPE"}));
    let answers = batch(&service, &items.into()).await;
    let statuses: Vec<&str> = answers[98..].iter().map(|answer| answer["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["unknown", "unknown", "invalid", "invalid", "unknown"]);
}

#[tokio::test]
async fn an_answer_is_no_longer_than_its_bound_and_says_what_is_left_out() {
    let service = InProcess::open(&[]).await;
    let long = Document::new("AAPL".parse().unwrap(), json!({ "text": "x".repeat(3 << 20) }));
    let technical = service.app.documents(DataType::Technical).unwrap();
    technical.put("AAPL:function=LONG", long).await.unwrap();
    let item = json!({"kind": "technical", "id": "AAPL", "parameters": {"function": "LONG"}});
    let answers = batch(&service, &vec![item; 4].into()).await;
    let statuses: Vec<&str> = answers.iter().map(|answer| answer["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["ok", "ok", "too_large", "too_large"]);
    assert!(
        answers[3]["error"].as_str().unwrap().contains("ask for it in another request"),
        "{}",
        answers[3]
    );
}

#[tokio::test]
async fn a_body_that_says_two_things_of_one_member_is_refused() {
    let service = InProcess::open(&[]).await;
    for body in [
        r#"{"items": [{"kind": "price", "id": "AAPL"}], "items": []}"#,
        r#"[{"kind": "price", "id": "AAPL", "id": "MSFT"}]"#,
        r#"[{"kind": "technical", "id": "AAPL", "parameters": {"function": "SMA", "function": "EMA"}}]"#,
    ] {
        let request = axum::http::Request::post("/v1/batch").body(axum::body::Body::from(body)).unwrap();
        assert_eq!(service.send(request).await.status, 400, "{body}");
    }
}

/// A batch is a read: strangers may ask for one, and pages of other sites may not.
#[tokio::test]
async fn rule_74_a_stranger_may_read_a_batch_and_sees_no_inner_error() {
    let data = tempfile::tempdir().unwrap();
    let flags = ["--provider-latency-ms=0", "--provider-failure-rate=1"];
    let server = Server::start(data.path(), &flags);
    let send = async |path: &str, headers: &str, body: &str| {
        let length = body.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\nx-forwarded-for: 192.0.2.7\r\n{headers}content-length: \
             {length}\r\nconnection: close\r\n\r\n{body}"
        );
        ask(server.address(), request.as_bytes()).await
    };
    let json = "content-type: application/json\r\n";
    let items = r#"[{"kind": "price", "id": "AAPL"}]"#;
    let answer = send("/v1/batch", json, items).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.body.contains("it failed or can't be reached"), "{answer:?}");
    assert!(!answer.body.contains("replay"), "{answer:?}");
    send("/v1/events", json, r#"{"asset": "AAPL", "event": "halt"}"#).await.is_problem(403, "a change");
    send("/v1/batch", &format!("{json}sec-fetch-site: cross-site\r\n"), items)
        .await
        .is_problem(403, "a page");
    send("/v1/batch", "", items).await.is_problem(415, "a form");
    server.terminate();
}
