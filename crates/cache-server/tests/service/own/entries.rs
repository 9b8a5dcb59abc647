//! Own values: put, read and ended, kind by kind, with the lives of the table and of the put.

use std::time::Duration;

use serde_json::{Value, json};

use super::sending::{delete, get, is_problem, is_there, open, put, seconds_fresh, send, stored};

const SECOND: Duration = Duration::from_secs(1);

/// Every kind: its path, its key, and how many seconds it lives by the table or the configuration.
const KINDS: [(&str, &str, f64); 7] = [
    ("users/17", "users:17", 3600.0),
    ("sessions/17", "users:session:17", 1800.0),
    ("signals/17", "signals:17", 1800.0),
    ("api/v1%2Fquotes?limit=10", "", 300.0),
    ("narratives/BTC@CRYPTO", "narrative:BTC@CRYPTO", 600.0),
    ("reports/17", "reports:17", 7200.0),
    ("feature-flags/17", "feature-flags:17", 1800.0),
];

#[tokio::test]
async fn each_kind_has_its_key_and_its_life_and_all_are_there_after_a_restart() {
    let service = open().await;
    for (path, key, seconds) in KINDS {
        is_problem(&get(&service, path).await, 404, "nothing is under");
        let reply = put(&service, path, &json!({"value": {"path": path}})).await;
        let body = reply.json();
        assert_eq!(reply.status, 201, "{body}");
        assert_eq!(reply.header("cache-control"), "no-store");
        let kind = path.split('/').next().unwrap();
        assert_eq!((&body["kind"], seconds_fresh(&body)), (&json!(kind), seconds), "{body}");
        if kind == "api" {
            let (endpoint, digest) = body["key"].as_str().unwrap().rsplit_once(':').unwrap();
            assert_eq!((endpoint, digest.len(), &body["id"]), ("api:v1/quotes", 32, &json!("v1/quotes")));
        } else {
            assert_eq!(body["key"], key);
        }
        assert_eq!(put(&service, path, &json!({"value": {"path": path}})).await.status, 200, "again");
    }
    service.advance(3 * SECOND);
    let yaml = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(yaml.path(), "own_kinds: [{name: reports, ttl: 2h}, {name: feature-flags}]").unwrap();
    let service = service.restart(&["--config", yaml.path().to_str().unwrap()]).await;
    for (path, _, seconds) in KINDS {
        let reply = get(&service, path).await;
        let body = reply.json();
        assert_eq!((&body["value"], &body["source"]), (&json!({"path": path}), &json!("disk")), "{path}");
        assert_eq!((body["age_ms"].as_u64().unwrap() / 1000, &body["stale"]), (3, &json!(false)), "{path}");
        assert_eq!(seconds_fresh(&body), seconds - 3.0, "{path}");
    }
}

#[tokio::test]
async fn what_is_one_persons_is_kept_by_nobody_and_the_rest_by_its_client_alone() {
    let service = open().await;
    for (path, _, seconds) in KINDS {
        stored(&service, path, &json!({"value": 1})).await;
        service.advance(SECOND);
        let reply = get(&service, path).await;
        let control = reply.header("cache-control");
        if path.starts_with("users") || path.starts_with("sessions") {
            assert_eq!((control, reply.header("age")), ("no-store", ""), "{path}");
        } else {
            assert!(control.starts_with("private, max-age="), "{path}: {control}");
            let life: f64 = control.split([',', '=']).nth(2).unwrap().parse().unwrap();
            assert!((seconds - 1.0..=seconds).contains(&life), "{path}: {control}");
            assert_eq!(reply.header("age"), "1", "{path}");
        }
        assert_eq!(reply.header("etag"), format!("\"{}\"", reply.json()["born"]), "{path}");
        let head = send(&service, &format!("HEAD {path}"), &[], "").await;
        assert_eq!((head.status.as_u16(), head.body.len()), (200, 0), "{path}");
    }
}

#[tokio::test]
async fn a_put_says_how_long_its_value_lives_and_for_how_long_it_may_be_stale() {
    let service = open().await;
    for (ttl, seconds) in [
        (json!("5m"), 300.0),
        (json!(7), 7.0),
        (json!(0.25), 0.25),
        (json!("short"), 300.0),
        (json!("very_long"), 86400.0),
    ] {
        let body = stored(&service, "signals/1", &json!({"value": 1, "ttl": ttl})).await;
        assert_eq!(seconds_fresh(&body), seconds, "{ttl}");
    }
    stored(&service, "signals/1", &json!({"value": 1, "ttl": 10})).await;
    service.advance(10 * SECOND);
    assert!(!is_there(&service, "signals/1").await, "nobody asked for grace");

    stored(&service, "sessions/1", &json!({"value": 1, "ttl": 10, "stale_for": "20s"})).await;
    service.advance(10 * SECOND);
    let reply = get(&service, "sessions/1").await;
    let body = reply.json();
    assert_eq!((&body["stale"], &body["fresh_for_ms"]), (&json!(true), &json!(0)), "{body}");
    service.advance(20 * SECOND);
    assert!(!is_there(&service, "sessions/1").await);

    // A kind may have grace by its configuration.
    stored(&service, "reports/1", &json!({"value": 1, "ttl": 10})).await;
    service.advance(3600 * SECOND);
    assert_eq!(get(&service, "reports/1").await.json()["stale"], true);
    service.advance(86_400 * SECOND);
    assert!(!is_there(&service, "reports/1").await);
}

#[tokio::test]
async fn what_a_put_may_not_say_is_refused_with_the_remedy_and_nothing_is_stored() {
    let service = open().await;
    for (path, body, why) in [
        ("users/1", r#"{}"#, "missing field `value`"),
        ("users/1", r#"[1]"#, "no JSON object"),
        ("users/1", "", "only value is needed"),
        ("users/1", r#"{"value": 1} x"#, "trailing"),
        ("users/1", r#"{"value": 1, "life": 5}"#, "unknown field `life`"),
        ("users/1", r#"{"value": 1, "value": 2}"#, "duplicate field `value`"),
        ("users/1", r#"{"value": 1, "ttl": 1, "ttl": 2}"#, "duplicate field `ttl`"),
        ("users/1", r#"{"value": 1, "ttl": 0}"#, "leave it out for the usual life"),
        ("users/1", r#"{"value": 1, "ttl": "0s"}"#, "to remove a value, DELETE it"),
        ("users/1", r#"{"value": 1, "ttl": -1}"#, "such as \"5m\", or short"),
        ("users/1", r#"{"value": 1, "ttl": "until_change"}"#, "such as \"5m\", or short"),
        ("users/1", r#"{"value": 1, "ttl": 1e300}"#, "366 days"),
        ("users/1", r#"{"value": 1, "stale_for": "short"}"#, "such as \"5m\""),
        ("users/1", r#"{"value": 1, "tags": "a"}"#, "a list of at most 16"),
        ("users/1", r#"{"value": 1, "tags": [""]}"#, "tag"),
        ("users/1", r#"{"value": 1, "user": ""}"#, "user of a key is empty"),
        ("users/1", r#"{"value": 1, "user": 17}"#, "expected a string"),
        ("users/1", r#"{"value": 1, "asset": "AAPL"}"#, "asset is for signals"),
        ("sessions/1", r#"{"value": 1}"#, "\"user\": null if it is nobody's"),
        ("narratives/AAPL", r#"{"value": 1, "asset": "AAPL"}"#, "is its id"),
        ("signals/1", r#"{"value": 1, "asset": "a b c"}"#, "asset: "),
        ("users/1", r#"{"id": "1", "value": 1}"#, "leave id and parameters out"),
        ("users/1", r#"{"value": }"#, "expected value"),
        ("users/1", r#"{"value": 01}"#, "not valid"),
        ("users/1", r#"{"value": NaN}"#, "expected value"),
    ] {
        let reply = send(&service, &format!("PUT {path}"), &[], body).await;
        is_problem(&reply, 422, why);
        assert!(!is_there(&service, path).await, "{body}");
    }
    let tags: Vec<String> = (0..17).map(|number| number.to_string()).collect();
    is_problem(
        &put(&service, "users/1", &json!({"value": 1, "tags": tags})).await,
        422,
        "more than 16 items",
    );
    is_problem(&get(&service, "nope/1").await, 404, "feature-flags, narratives, reports, sessions, signals");
    is_problem(&get(&service, "narratives/a%20b").await, 400, "the id \"a b\"");
    is_problem(&get(&service, "users/1?only=entry").await, 400, "only");
    is_problem(&put(&service, "signals/1?ttl=5", &json!({"value": 1})).await, 400, "unknown parameter");
    is_problem(&send(&service, "DELETE users/1?only=tags", &[], "").await, 400, "only=entry");
    is_problem(&send(&service, "DELETE signals/1?only=entry", &[], "").await, 400, "takes none");
    for (method, path, allowed) in [
        ("POST", "users/1", "GET, HEAD, PUT, DELETE"),
        ("PATCH", "users/1", "GET, HEAD, PUT, DELETE"),
        ("GET", "users:batch", "POST"),
        ("DELETE", "users", "POST"),
    ] {
        let reply = send(&service, &format!("{method} {path}"), &[], "").await;
        is_problem(&reply, 405, "does not take");
        assert_eq!(reply.header("allow"), allowed, "{method} {path}");
    }
    is_problem(&send(&service, "POST users", &[], "").await, 404, "/v1/cache/{kind}:batch");
    is_problem(&get(&service, "users/").await, 404, "nothing at");
    is_problem(&get(&service, "users/a/b").await, 404, "nothing at");
}

#[tokio::test]
async fn what_is_ended_is_gone_also_after_a_restart_and_its_tags_end_it() {
    let service = open().await;
    for path in ["reports/1", "signals/1", "api/e?a=1", "narratives/AAPL"] {
        stored(&service, path, &json!({"value": 1})).await;
        let ended = delete(&service, path).await;
        assert_eq!((&ended["found"], &ended["ended"]), (&json!(true), &json!([])), "{path}");
        assert_eq!(delete(&service, path).await["found"], false, "{path}");
    }
    let tagged =
        stored(&service, "reports/2", &json!({"value": 1, "tags": ["b", "a", "b"], "user": "7"})).await;
    assert_eq!(tagged["tags"], json!(["users:7", "b", "a"]));
    let service = service.restart(&[]).await;
    assert!(!is_there(&service, "signals/1").await && !is_there(&service, "narratives/AAPL").await);
    let gone: Value = get(&service, "reports/2").await.json();
    assert_eq!(gone["type"], "urn:problem-type:cache:no-such-kind", "it is no longer configured");
}
