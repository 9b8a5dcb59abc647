//! What is fetched beforehand: at the start, by hand, and in the free places of calls; and the figures of it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::fixture::{in_process::InProcess, process::Server, raw::ask};

const ON: &str = "--set=warming.enabled=true";
const WITHOUT_POPULAR: &str = "--set=warming.popular=";
const LONG: &str = "--ttl-price=86400";
const TRIGGER: &str = "/cache/warming/trigger";
const METRICS: &str = "/cache/warming/metrics";

fn calls(service: &InProcess) -> u64 {
    service.app.registry().reports()[0].usage.calls
}

async fn source(service: &InProcess, symbol: &str) -> Value {
    service.get(&format!("/v1/quotes/{symbol}")).await.json()["source"].clone()
}

async fn strategy(service: &InProcess, name: &str) -> Value {
    let metrics = service.get(METRICS).await.json();
    let strategies = metrics["strategies"].as_array().unwrap();
    strategies.iter().find(|strategy| strategy["name"] == name).unwrap().clone()
}

/// Runs a strategy by hand, and returns what came of it.
async fn run(service: &InProcess, name: &str) -> Value {
    let reply = service.post(TRIGGER, json!({ "strategy": name }).to_string()).await;
    assert_eq!(reply.status, 200, "{}", reply.json());
    reply.json()["results"][0].clone()
}

#[tokio::test]
async fn popular_symbols_are_in_memory_after_the_start() {
    let service = InProcess::open(&[ON, LONG]).await;
    service.until(async || strategy(&service, "popular").await["runs"] == 1).await;
    for symbol in ["AAPL", "MSFT", "T"] {
        assert_eq!(source(&service, symbol).await, "memory", "{symbol}");
    }
    assert_eq!(calls(&service), 1, "all in one call");
    let last = strategy(&service, "popular").await["last"].clone();
    assert_eq!(
        (&last["success"], &last["failures"], &last["calls"]),
        (&json!(true), &json!(0), &json!(1)),
        "{last}"
    );
    assert!(last["items"].as_u64() >= Some(12) && last["items"] == last["fetched"], "{last}");
}

#[tokio::test]
async fn what_an_announced_event_is_about_is_fetched_before_it_and_not_long_before() {
    let service = InProcess::open_at("2024-07-02T16:00:00Z", &[WITHOUT_POPULAR, LONG]).await;
    for (symbol, at) in [("AAPL", "2024-07-02T16:30:00Z"), ("MSFT", "2024-07-05T16:30:00Z")] {
        let event = json!({"asset": symbol, "event": "earnings", "at": at}).to_string();
        assert_eq!(service.post("/v1/events", event).await.status, 200);
    }
    assert_eq!(calls(&service), 0, "nobody has asked for them");
    let fetched = run(&service, "announced").await;
    assert_eq!((&fetched["items"], &fetched["fetched"]), (&json!(1), &json!(1)), "{fetched}");
    assert_eq!((source(&service, "AAPL").await, calls(&service)), (json!("memory"), 1));
    assert_eq!(source(&service, "MSFT").await, "provider");
}

#[tokio::test]
async fn warming_that_is_off_fetches_nothing_until_a_reload_switches_it_on() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cache.yaml");
    std::fs::write(&file, "warming: {enabled: false}\n").unwrap();
    let service = InProcess::open(&[&format!("--config={}", file.display())]).await;
    for _ in 0..5 {
        service.advance(Duration::from_secs(600));
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(calls(&service), 0);
    assert_eq!(service.get("/v1/stats").await.json()["warming"]["enabled"], false);
    std::fs::write(&file, "warming: {enabled: true}\n").unwrap();
    service.app.reload().unwrap();
    service.advance(Duration::from_secs(2));
    service.until(async || strategy(&service, "popular").await["runs"] == 1).await;
    assert!(calls(&service) >= 1);
}

#[tokio::test]
async fn what_is_asked_for_most_is_loaded_at_the_hours_of_the_schedule() {
    for schedule in ["6,12", "0 6 * * MON-FRI"] {
        let flags = [ON, WITHOUT_POPULAR, "--ttl-price=30", "--grace-price=30", "--set=warming.plan=1000"];
        let schedule = format!("--set=warming.schedule={schedule}");
        let flags = [&flags[..], &["--set=warming.interval=86400", &schedule]].concat();
        let service = InProcess::open_at("2020-01-02T05:58:00Z", &flags).await;
        service.until(async || strategy(&service, "plan").await["runs"] == 1).await;
        source(&service, "AAPL").await;
        assert_eq!(strategy(&service, "scheduled").await["runs"], 0);
        service.advance(Duration::from_secs(125));
        service.until(async || strategy(&service, "scheduled").await["runs"] == 1).await;
        assert_eq!(source(&service, "AAPL").await, "memory");
        assert_eq!(strategy(&service, "scheduled").await["last"]["fetched"], 1);
    }
}

#[tokio::test]
async fn rule_85_what_was_fetched_beforehand_and_is_read_counts_once_for_its_strategy() {
    let service = InProcess::open(&[ON, LONG]).await;
    service.until(async || strategy(&service, "popular").await["runs"] == 1).await;
    for _ in 0..3 {
        source(&service, "AAPL").await;
    }
    let popular = strategy(&service, "popular").await;
    assert_eq!((&popular["read"], &popular["saved"]), (&json!(1), &json!(1)), "{popular}");
    assert!(popular["fetched"].as_u64() >= Some(12), "{popular}");
    assert_eq!(strategy(&service, "plan").await["fetched"], 0);
    let summary = service.get("/v1/stats").await.json()["warming"].clone();
    assert_eq!(
        (&summary["strategies"][0]["name"], &summary["strategies"][0]["read"]),
        (&json!("popular"), &json!(1))
    );
    assert_eq!((&summary["coverage"], &summary["calls_saved"]), (&json!(1.0), &json!(0)), "{summary}");
}

#[tokio::test]
async fn rule_86_what_is_fresh_is_not_fetched_again() {
    let service = InProcess::open(&[LONG, "--set=warming.popular=AAPL,MSFT,NOPE,^GSPC@XXXX"]).await;
    let first = run(&service, "popular").await;
    assert_eq!(
        (&first["success"], &first["items"], &first["fetched"]),
        (&json!(true), &json!(2), &json!(2)),
        "{first}"
    );
    let second = run(&service, "popular").await;
    assert_eq!(
        (&second["items"], &second["fresh"], &second["calls"]),
        (&json!(2), &json!(2), &json!(0)),
        "{second}"
    );
    assert_eq!(calls(&service), 1);
}

#[tokio::test]
async fn rule_87_while_the_provider_is_down_warming_backs_off_and_callers_have_what_is_cached() {
    let service = InProcess::open(&["--ttl-price=30", "--grace-price=3600", "--throttle-ms=0"]).await;
    assert_eq!(run(&service, "popular").await["success"], true);
    service.advance(Duration::from_secs(60));
    service.app.replay().faults().fail_all();
    let failed = run(&service, "popular").await;
    assert_eq!((&failed["success"], &failed["fetched"]), (&json!(false), &json!(0)), "{failed}");
    assert!(failed["failures"].as_u64() >= Some(12) && failed["error"].is_string(), "{failed}");
    let before = calls(&service);
    let paused = run(&service, "popular").await;
    assert_eq!((&paused["calls"], &paused["left_out"]), (&json!(0), &failed["items"]), "{paused}");
    assert_eq!(calls(&service), before, "left alone for a while");
    let quote = service.get("/v1/quotes/AAPL").await;
    assert_eq!((quote.status.as_u16(), &quote.json()["stale"]), (200, &json!(true)));
    service.app.replay().faults().heal();
    service.advance(Duration::from_secs(600));
    let healed = run(&service, "popular").await;
    assert_eq!((&healed["success"], &healed["left_out"]), (&json!(true), &json!(0)), "{healed}");
}

#[tokio::test]
async fn rule_88_a_call_for_a_miss_carries_what_is_likely_asked_for_next() {
    let service = InProcess::open(&[
        ON,
        WITHOUT_POPULAR,
        "--ttl-price=30",
        "--grace-price=30",
        "--set=warming.plan=1000",
        "--set=warming.interval=86400",
    ])
    .await;
    for _ in 0..20 {
        for symbol in ["AAPL", "MSFT", "JPM"] {
            source(&service, symbol).await;
        }
        service.advance(Duration::from_secs(5));
        service.get(METRICS).await;
    }
    service.advance(Duration::from_secs(600));
    let before = calls(&service);
    assert_eq!(source(&service, "AAPL").await, "provider");
    assert_eq!(source(&service, "MSFT").await, "memory");
    assert_eq!(source(&service, "JPM").await, "memory");
    assert_eq!(calls(&service), before + 1, "one call for all three");
    // Callers are answered before it is noted.
    service.until(async || strategy(&service, "fill").await["fetched"].as_u64() >= Some(2)).await;
}

#[tokio::test]
async fn all_strategies_run_by_hand_and_one_that_there_is_not_is_named_with_those_that_there_are() {
    let service = InProcess::open(&[LONG]).await;
    for body in ["", "{}"] {
        let results = service.post(TRIGGER, body).await.json()["results"].clone();
        let names: Vec<&str> =
            results.as_array().unwrap().iter().map(|result| result["strategy"].as_str().unwrap()).collect();
        assert_eq!(names, ["popular", "scheduled", "predictive", "announced", "bell", "together", "plan"]);
        for member in ["success", "items", "failures", "duration_ms", "fetched", "calls"] {
            assert!(!results[0][member].is_null(), "{member} of {results}");
        }
    }
    assert_eq!(strategy(&service, "plan").await["runs"], 2);
    let unknown = service.post(TRIGGER, r#"{"strategy": "popualr"}"#).await;
    assert_eq!(unknown.status, 404);
    let problem = unknown.json();
    assert_eq!(problem["type"], "urn:problem-type:cache:no-such-strategy");
    assert_eq!(
        problem["strategies"],
        json!(["popular", "scheduled", "predictive", "announced", "bell", "together", "plan"])
    );
    assert!(problem["detail"].as_str().unwrap().contains("\"popualr\": there are popular, "), "{problem}");
    for body in ["[]", "{\"strategy\": 1}", "{\"name\": \"plan\"}", "x"] {
        assert_eq!(service.post(TRIGGER, body).await.status, 400, "{body}");
    }
    let get = service.get(TRIGGER).await;
    assert_eq!((get.status.as_u16(), get.header("allow")), (405, "POST"));
}

#[tokio::test]
async fn rule_74_only_programs_of_this_machine_run_strategies_and_schedule_updates() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[LONG, "--provider-failure-rate=1"]);
    let ask = async |method_and_path: &str, headers: &str| {
        let request =
            format!("{method_and_path} HTTP/1.1\r\nhost: localhost\r\n{headers}connection: close\r\n\r\n");
        ask(server.address(), request.as_bytes()).await
    };
    let stranger = "x-forwarded-for: 192.0.2.7\r\n";
    for path in [TRIGGER, "/cache/warming/updates"] {
        ask(&format!("POST {path}"), stranger).await.is_problem(403, path);
    }
    let run = ask(&format!("POST {TRIGGER}"), "").await;
    assert!(
        run.status == 200 && run.body.contains("replay"),
        "it fails, and who may run it is told why: {run:?}"
    );
    let seen = ask(&format!("GET {METRICS}"), stranger).await;
    assert!(seen.status == 200 && seen.body.contains("the log of the service says why"), "{seen:?}");
    assert!(!seen.body.contains("md:price"), "a stranger sees that it failed alone: {seen:?}");
}
