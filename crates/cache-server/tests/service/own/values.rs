//! A value comes back as it was put, letter by letter, within its limits.

use axum::http::StatusCode;
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::runtime::Builder;

use super::sending::{batch, get, is_problem, is_there, open, open_with, send};

async fn round_trip(service: &crate::fixture::in_process::InProcess, text: &str) {
    let body = format!("{{\"value\": {text} }}");
    let reply = send(service, "PUT signals/1", &[], body).await;
    assert!(reply.status.is_success(), "{text}: {}", reply.json());
    let there = String::from_utf8(get(service, "signals/1").await.body).unwrap();
    assert!(there.contains(&format!("\"value\":{text},\"born\":")), "{text}: {there}");
}

#[tokio::test]
async fn no_digit_no_member_and_no_order_is_lost() {
    let service = open().await;
    for text in [
        "null",
        "true",
        "0",
        "-0",
        "1.10",
        "1e2",
        "1E400",
        "18446744073709551616",
        "-123456789012345678901234567890",
        "3.14159265358979323846264338327950288",
        "0.1000000000000000055511151231257827",
        r#""""#,
        r#""\ud83d\ude00\u0000 \" \\ é""#,
        r#"{"b":1,"a":2,"b":3}"#,
        "[ 1,\n2 ]",
        "{}",
        "[]",
    ] {
        round_trip(&service, text).await;
    }
}

/// An answer about what was put is made without a read: nobody asked for the value.
#[tokio::test]
async fn rule_91_a_put_is_no_read() {
    let service = open().await;
    for id in ["a", "b"] {
        let reply = send(&service, &format!("PUT signals/{id}"), &[], r#"{"value": 1}"#.to_owned()).await;
        assert_eq!((reply.status, reply.json()["source"].as_str()), (StatusCode::CREATED, Some("memory")));
    }
    let put = batch(&service, "signals", &json!({"put": [{"id": "c", "value": 1}]})).await.json();
    assert_eq!(put["put"][0]["status"], json!(200), "{put}");
    let stats = service.get("/v1/stats").await.json();
    assert_eq!((&stats["hits"]["memory"], &stats["misses"]), (&json!(0), &json!(0)), "{stats}");
    assert_eq!(service.get("/cache/report").await.json()["since_start"]["reads"], json!(0));
    get(&service, "signals/a").await;
    assert_eq!(service.get("/cache/report").await.json()["since_start"]["reads"], json!(1));
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(".{0,4}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn any_value_comes_back_as_its_text(values in prop::collection::vec(value(), 1..20)) {
        Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let service = open().await;
            for value in values {
                round_trip(&service, &value.to_string()).await;
            }
        });
    }
}

#[tokio::test]
async fn a_value_is_as_long_and_as_deep_as_its_kind_may_have_it() {
    let service =
        open_with("{limits: {max_value_kib: 64}, own_kinds: [{name: reports, max_value_bytes: 100}]}").await;
    let put = async |path: &str, len: usize| {
        let body = format!("{{\"value\": \"{}\"}}", "x".repeat(len - 2));
        send(&service, &format!("PUT {path}"), &[], body).await
    };
    for (path, limit) in [("reports/1", 100), ("users/1", 64 << 10)] {
        assert_eq!(put(path, limit).await.status, 201, "{path}");
        is_problem(&put(path, limit + 1).await, 413, &format!("is {limit}: split it"));
        let there: Value = get(&service, path).await.json();
        assert_eq!(there["value"].as_str().unwrap().len(), limit - 2, "what was there stays");
    }
    is_problem(&put("users/1", (64 << 10) + (16 << 10)).await, 413, "the body is");

    let nested = |depth: usize| format!("{{\"value\": {}{}}}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(send(&service, "PUT users/2", &[], nested(120)).await.status, 201);
    is_problem(
        &send(&service, "PUT users/3", &[], nested(121)).await,
        422,
        "121 levels deep, the limit is 120",
    );
    is_problem(&send(&service, "PUT users/3", &[], nested(20_000)).await, 422, "flatten it");
    assert!(!is_there(&service, "users/3").await);
    assert!(get(&service, "users/2").await.json()["value"].is_array(), "a usual reader takes the answer");
    let all = batch(&service, "users", &json!({"get": ["2"]})).await.json();
    assert!(all["get"][0]["value"].is_array());
}
