//! Clients that hang up: a run goes on to its end, and updates are scheduled all or none.

use axum::{body::Body, http::Request};
use serde_json::json;

use crate::{fixture::in_process::InProcess, http::hang_up::hang_up_after};

fn post(path: &str, body: &str) -> Request<Body> {
    Request::post(path).body(Body::from(body.to_owned())).unwrap()
}

#[tokio::test]
async fn rule_105_a_run_whose_client_hangs_up_goes_on_to_its_end() {
    for most in 0.. {
        let service = InProcess::open(&["--ttl-price=86400"]).await;
        let request = post("/cache/warming/trigger", r#"{"strategy": "popular"}"#);
        let answered = hang_up_after(&service, request, most).await;
        let runs = async || service.get("/v1/stats").await.json()["warming"]["strategies"][0]["runs"].clone();
        if most > 0 {
            service.until(async || runs().await == 1).await;
            assert_eq!(service.get("/v1/quotes/AAPL").await.json()["source"], "memory", "hung up at {most}");
        }
        assert_eq!(runs().await, u64::from(most > 0), "hung up at {most}");
        if answered {
            break;
        }
    }
}

#[tokio::test]
async fn rule_105_updates_whose_client_hangs_up_are_scheduled_all_or_none() {
    for most in 0.. {
        let service = InProcess::open(&[]).await;
        let update = |symbol: &str| json!({"symbol": symbol, "kind": "quote", "priority": "low"});
        let body = json!({"updates": [update("AAPL"), update("MSFT")]}).to_string();
        let answered = hang_up_after(&service, post("/cache/warming/updates", &body), most).await;
        let queued = async || service.get("/cache/warming/metrics").await.json()["updates"]["queued"].clone();
        if most > 0 {
            service.until(async || queued().await == 2).await;
        }
        assert_eq!(queued().await, if most > 0 { 2 } else { 0 }, "hung up at {most}");
        if answered {
            break;
        }
    }
}
