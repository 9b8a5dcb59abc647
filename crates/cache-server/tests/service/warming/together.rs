//! What is asked for after something else is fetched when that is asked for.

use std::time::Duration;

use serde_json::Value;

use crate::fixture::in_process::InProcess;

/// Nothing else fetches anything.
const FLAGS: [&str; 8] = [
    "--set=warming.enabled=true",
    "--set=warming.popular=",
    "--set=warming.schedule=",
    "--set=warming.plan=1000",
    "--set=warming.fill=false",
    "--set=warming.interval=86400",
    "--ttl-price=20",
    "--grace-price=20",
];

async fn strategy(service: &InProcess, name: &str) -> Value {
    let metrics = service.get("/cache/warming/metrics").await.json();
    let mut strategies = metrics["strategies"].as_array().unwrap().iter();
    strategies.find(|strategy| strategy["name"] == name).cloned().unwrap_or_default()
}

async fn source(service: &InProcess, symbol: &str) -> Value {
    service.get(&format!("/v1/quotes/{symbol}")).await.json()["source"].clone()
}

/// Lets seconds pass, with a look at what to fetch in each.
async fn pass(service: &InProcess, seconds: u32) {
    for _ in 0..seconds {
        let runs = strategy(service, "together").await["runs"].as_u64();
        service.advance(Duration::from_secs(1));
        service.until(async || strategy(service, "together").await["runs"].as_u64() > runs).await;
    }
}

/// Asks for MSFT three seconds after AAPL, now and then. Returns where it came from the last time.
async fn ask_in_turn(service: &InProcess) -> Value {
    let mut last = Value::Null;
    for _ in 0..9 {
        source(service, "AAPL").await;
        pass(service, 3).await;
        last = source(service, "MSFT").await;
        pass(service, 6).await;
        for symbol in ["T", "V", "KO", "GE", "HD", "BAC"] {
            source(service, symbol).await;
            service.advance(Duration::from_secs(10));
        }
        pass(service, 6).await;
    }
    last
}

#[tokio::test]
async fn what_was_asked_for_after_a_symbol_again_and_again_is_fetched_when_that_is_asked_for() {
    let service = InProcess::open(&FLAGS).await;
    assert_eq!(ask_in_turn(&service).await, "memory");
    let together = strategy(&service, "together").await;
    assert!(together["fetched"].as_u64() >= Some(1) && together["saved"].as_u64() >= Some(1), "{together}");
    let stats = service.get("/v1/stats").await.json();
    assert!(stats["warming"]["pairs"].as_u64() >= Some(1), "{stats}");
    // It is remembered across a restart.
    let service = service.restart(&FLAGS).await;
    service.advance(Duration::from_secs(60));
    pass(&service, 1).await;
    source(&service, "AAPL").await;
    pass(&service, 2).await;
    assert_eq!(source(&service, "MSFT").await, "memory");
}

#[tokio::test]
async fn without_it_nothing_is_remembered_of_what_follows_what() {
    let service = InProcess::open(&[&FLAGS[..], &["--set=warming.together=0"]].concat()).await;
    assert_eq!(strategy(&service, "together").await, Value::Null);
    for _ in 0..6 {
        source(&service, "AAPL").await;
        service.advance(Duration::from_secs(3));
        assert_ne!(source(&service, "MSFT").await, "memory");
        service.advance(Duration::from_secs(60));
    }
    assert_eq!(service.get("/v1/stats").await.json()["warming"]["pairs"], 0);
}
