//! What a real Prometheus reads of a loaded service, for each query of the dashboard and each rule; and what
//! Schemathesis finds of its description.

#[path = "../service/fixture/process.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod process;

use std::{fs, path::Path, time::Duration, time::Instant};

use serde_json::Value;
use servers::{Prometheus, check_metrics, check_openapi, check_rules};

use self::process::Server;

const OBSERVABILITY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/observability");

/// How long it may take until all queries have data: rates need two scrapes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A prefix of metrics that is not the default.
const PREFIX: &str = "fiml_cache";

/// Returns the queries of all panels, as Grafana sends them for metrics with the prefix.
fn queries() -> Vec<String> {
    let text = fs::read_to_string(Path::new(OBSERVABILITY).join("dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.filter_map(|panel| panel["targets"].as_array()).flatten();
    let expressions = targets.map(|target| target["expr"].as_str().unwrap());
    let filled = |text: &str| {
        let text = text.replace("$__rate_interval", "10s").replace("$data_type", ".*");
        text.replace("${prefix}", PREFIX)
    };
    expressions.map(filled).collect()
}

/// Asks for what is there, what is not, and what ages.
async fn load(server: &Server) {
    for round in 0..4 {
        for path in [
            "quotes/AAPL",
            "quotes/MSFT",
            "quotes/NOPE",
            "bars/AAPL?interval=1d",
            "technical/AAPL?function=SMA",
        ] {
            let _ = server.client.get(format!("{}/v1/{path}&round={round}", server.url)).send().await;
            let _ = server.client.get(format!("{}/v1/{path}", server.url)).send().await;
        }
    }
}

fn has_data(prometheus: &Prometheus, query: &str) -> bool {
    let answer: Value = serde_json::from_str(&prometheus.query(query).unwrap()).unwrap();
    assert_eq!(answer["status"], "success", "{query}: {answer}");
    !answer["data"]["result"].as_array().unwrap().is_empty()
}

#[tokio::test]
async fn each_query_of_the_dashboard_has_data_and_no_metric_or_rule_is_complained_of() {
    let data = tempfile::tempdir().unwrap();
    // Values that age within the test are refreshed.
    let server = Server::start(
        data.path(),
        &["--ttl-price=1", "--set=grace.price=60", &format!("--set=metrics_prefix={PREFIX}")],
    );
    load(&server).await;
    let metrics =
        server.client.get(format!("{}/metrics", server.url)).send().await.unwrap().text().await.unwrap();
    check_metrics(&metrics).unwrap();
    check_rules(&Path::new(OBSERVABILITY).join("alerts.yml")).unwrap();
    let address = server.url.trim_start_matches("http://").parse().unwrap();
    let prometheus = Prometheus::start(address).unwrap();
    let begun = Instant::now();
    let mut without = queries();
    assert!(without.len() >= 15);
    while !without.is_empty() {
        assert!(begun.elapsed() < PATIENCE, "no data for {without:#?}\n{metrics}");
        load(&server).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        without.retain(|query| !has_data(&prometheus, query));
    }
}

/// Without a token, and from this machine: nothing is refused for whence it comes. The stream of events doesn't
/// end.
#[tokio::test]
async fn what_the_description_allows_and_what_it_does_not_is_answered_as_it_is_described() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &["--provider-latency-ms=0"]);
    load(&server).await;
    let told = check_openapi(&server.url, 12, &["/cache/events"]).unwrap();
    assert!(told.contains("/cache/invalidate") || told.contains("operations"), "{told}");
}
