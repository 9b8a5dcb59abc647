//! An announced market event invalidates what is cached about its asset, and nothing else.

use std::time::Duration;

use axum::{body::Body, http::Request};
use serde_json::json;

use crate::fixture::in_process::{InProcess, Reply};

async fn announce(service: &InProcess, body: &str) -> Reply {
    service.send(Request::post("/v1/events").body(Body::from(body.to_owned())).unwrap()).await
}

async fn source(service: &InProcess, symbol: &str) -> String {
    let answer = service.get(&format!("/v1/quotes/{symbol}")).await.json();
    answer["source"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn an_event_touches_its_asset_now_and_no_other() {
    let service = InProcess::open(&[]).await;
    for symbol in ["AAPL", "MSFT"] {
        source(&service, symbol).await;
    }
    let calls = service.app.registry().reports()[0].usage.calls;
    let said = announce(&service, r#"{"asset": "AAPL", "event": "halt"}"#).await;
    assert_eq!(said.status, 200, "{}", String::from_utf8_lossy(&said.body));
    let said = said.json();
    let touched = said["dropped"].as_array().unwrap().len() + said["refreshed"].as_array().unwrap().len();
    assert!(touched > 0, "{said}");
    assert!(said.to_string().contains("AAPL") && !said.to_string().contains("MSFT"), "{said}");
    source(&service, "AAPL").await;
    assert!(service.app.registry().reports()[0].usage.calls > calls, "asked anew");
    let calls = service.app.registry().reports()[0].usage.calls;
    assert_eq!(source(&service, "MSFT").await, "memory");
    assert_eq!(service.app.registry().reports()[0].usage.calls, calls);
}

#[tokio::test]
async fn an_event_names_what_could_not_be_loaded_anew_and_why() {
    let service = InProcess::open(&["--provider-failure-rate=1"]).await;
    let said = announce(&service, r#"{"asset": "AAPL", "event": "earnings"}"#).await.json();
    assert_eq!(said["refreshed"], json!([]), "{said}");
    assert_eq!(
        (said["failed"].as_array().unwrap().len(), &said["failed"][0]["key"]),
        (1, &json!("price:AAPL"))
    );
    let error = said["failed"][0]["error"].as_str().unwrap();
    assert!(error.contains("fail"), "the provider's own words: {error}");
    let well = InProcess::open(&[]).await;
    let said = announce(&well, r#"{"asset": "AAPL", "event": "earnings"}"#).await.json();
    assert_eq!((&said["refreshed"], &said["failed"]), (&json!(["price:AAPL"]), &json!([])));
}

#[tokio::test]
async fn an_event_ahead_ends_lives_when_it_happens() {
    let service = InProcess::open(&["--ttl-price=86400"]).await;
    let at = service.clock.now().after(Duration::from_secs(3600));
    let moment = jiff::Timestamp::from_microsecond(at.as_micros()).unwrap();
    let event = json!({"asset": "AAPL", "event": "earnings", "at": moment.to_string()}).to_string();
    let said = announce(&service, &event).await.json();
    assert_eq!((&said["dropped"], &said["refreshed"]), (&json!([]), &json!([])), "not yet: {said}");
    assert_eq!(source(&service, "AAPL").await, "provider");
    service.advance(Duration::from_secs(3000));
    assert_eq!(source(&service, "AAPL").await, "memory");
    let calls = service.app.registry().reports()[0].usage.calls;
    service.advance(Duration::from_secs(700));
    service
        .until(async || {
            source(&service, "AAPL").await;
            service.app.registry().reports()[0].usage.calls > calls
        })
        .await;
}

#[tokio::test]
async fn rule_76_an_answer_may_be_served_by_nobody_past_an_event_that_drops_its_data() {
    let service = InProcess::open(&["--ttl-price=300", "--grace-price=604800"]).await;
    let control = async |path: &str| service.get(path).await.header("cache-control").to_owned();
    let paths = ["/v1/quotes/AAPL", "/v1/quotes?symbols=MSFT,AAPL", "/v1/bars/AAPL"];
    for path in paths {
        let before = control(path).await;
        assert!(seconds(&before, "stale-if-error=") > 3600, "{path}: {before}");
    }
    let at = service.clock.now().after(Duration::from_secs(30));
    let moment = jiff::Timestamp::from_microsecond(at.as_micros()).unwrap();
    let event = |kind: &str| json!({"asset": "AAPL", "event": kind, "at": moment.to_string()}).to_string();
    // This one makes prices stale, and touches no bars.
    assert_eq!(announce(&service, &event("earnings")).await.status, 200);
    let earnings = control(paths[0]).await;
    assert!(seconds(&earnings, "max-age=") <= 30, "{earnings}");
    assert!(seconds(&earnings, "stale-if-error=") > 3600, "stale data may be served: {earnings}");
    let said = announce(&service, &event("corporate_action")).await.json();
    for path in paths {
        let bounded = control(path).await;
        let until = seconds(&bounded, "max-age=") + seconds(&bounded, "stale-if-error=");
        assert!(until <= 30, "{path}: {bounded}");
    }
    let other = control("/v1/quotes/MSFT").await;
    assert!(seconds(&other, "stale-if-error=") > 3600, "of another asset: {other}");
    let id = said["id"].as_str().unwrap();
    let withdrawal = Request::delete(format!("/v1/events/{id}")).body(Body::empty()).unwrap();
    assert_eq!(service.send(withdrawal).await.status, 200);
    let after = control(paths[0]).await;
    assert!(seconds(&after, "stale-if-error=") > 3600, "withdrawn: {after}");
}

/// Returns the seconds of a directive; 0 if there is none.
fn seconds(control: &str, directive: &str) -> u64 {
    let found = control.split(", ").find_map(|part| part.strip_prefix(directive));
    found.map_or(0, |seconds| seconds.parse().unwrap())
}

#[tokio::test]
async fn what_is_no_event_is_refused_with_what_is_wanted() {
    let service = InProcess::open(&[]).await;
    for (body, part) in [
        ("", "EOF"),
        ("{", "EOF"),
        (r#"{"asset": "A A", "event": "halt"}"#, "holds ' '"),
        (r#"["AAPL", "halt"]"#, "no JSON object"),
        (r#" ["AAPL", "halt", null, null]"#, "no JSON object"),
        (r#""halt""#, "no JSON object"),
        (r#"{"asset": "AAPL", "event": "party"}"#, "party"),
        (r#"{"asset": "AAPL", "event": "halt", "when": 1}"#, "when"),
        (r#"{"asset": "AAPL", "event": "halt", "at": "soon"}"#, "column 48"),
    ] {
        let answer = announce(&service, body).await;
        assert_eq!(answer.status, 422, "{body}");
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(part) && detail.contains("\"event\": \"earnings\""), "{detail}");
    }
    let answer = service.send(Request::put("/v1/events").body(Body::empty()).unwrap()).await;
    assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "GET, HEAD, POST"));
}

fn in_an_hour(service: &InProcess) -> String {
    let at = service.clock.now().after(Duration::from_secs(3600));
    jiff::Timestamp::from_microsecond(at.as_micros()).unwrap().to_string()
}

#[tokio::test]
async fn rule_76_events_ahead_are_listed_shown_and_withdrawn() {
    let service = InProcess::open(&["--ttl-price=86400"]).await;
    let at = in_an_hour(&service);
    let mut ids = Vec::new();
    for symbol in ["AAPL", "MSFT", "AAPL"] {
        let event = json!({"asset": symbol, "event": "earnings", "at": at});
        let said = announce(&service, &event.to_string()).await.json();
        assert_eq!(said["displaced"], json!([]));
        ids.push(said["id"].as_str().unwrap().to_owned());
    }
    assert_eq!(ids[0], ids[2], "the same event has one id");
    let listed = service.get("/v1/events").await.json();
    assert_eq!(listed["events"].as_array().unwrap().len(), 2, "{listed}");
    let listed = service.get("/v1/events?asset=MSFT").await.json();
    assert_eq!(listed["events"][0]["id"], json!(ids[1]));
    let shown = service.get(&format!("/v1/events/{}", ids[0])).await.json();
    assert_eq!((&shown["event"]["asset"], &shown["event"]["at"]), (&json!("AAPL"), &json!(at)));

    let withdraw = async |id: &str| {
        service.send(Request::delete(format!("/v1/events/{id}")).body(Body::empty()).unwrap()).await
    };
    let said = withdraw(&ids[0]).await;
    assert_eq!((said.status.as_u16(), &said.json()["withdrawn"]), (200, &shown));
    for id in [ids[0].as_str(), "nonsense", "0123456789abcdef0123456789abcdef"] {
        for answer in [withdraw(id).await, service.get(&format!("/v1/events/{id}")).await] {
            let problem = answer.json();
            assert_eq!((answer.status.as_u16(), &problem["title"]), (404, &json!("Unknown event")));
            assert!(problem["detail"].as_str().unwrap().contains(id), "{problem}");
        }
    }
    let answer = service.send(Request::post("/v1/events/x").body(Body::empty()).unwrap()).await;
    assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "GET, HEAD, DELETE"));
    assert_eq!(service.get("/v1/events?asset=A%20A").await.status, 400);
}

#[tokio::test]
async fn rule_76_an_event_for_which_there_is_no_room_is_a_conflict_and_others_are_not_concerned() {
    let service = InProcess::open(&[]).await;
    let event = |symbol: &str, hours: u64| {
        let at = service.clock.now().after(Duration::from_secs(hours * 3600));
        let at = jiff::Timestamp::from_microsecond(at.as_micros()).unwrap();
        json!({"asset": symbol, "event": "news", "at": at.to_string()}).to_string()
    };
    for hours in 1..=64 {
        assert_eq!(announce(&service, &event("AAPL", hours)).await.status, 200);
    }
    let refused = announce(&service, &event("AAPL", 65)).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["title"]), (409, &json!("Too many events")));
    assert_eq!(announce(&service, &event("MSFT", 65)).await.status, 200);
    // The nearer one takes the place of the farthest.
    let nearer = event("AAPL", 1).replace("news", "halt");
    let said = announce(&service, &nearer).await.json();
    assert_eq!(said["displaced"][0]["asset"], json!("AAPL"));
}
