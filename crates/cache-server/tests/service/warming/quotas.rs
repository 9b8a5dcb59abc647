//! Quotas: warming uses a part of what they leave.

use serde_json::json;

use crate::fixture::in_process::InProcess;

#[tokio::test]
async fn rule_86_beyond_its_part_of_a_quota_nothing_is_fetched() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cache.yaml");
    let text = "\
providers: [{name: replay, kind: replay, quota: {per_minute: 5}}]
warming: {popular: [AAPL, MSFT, GOOG, JPM, BAC, T], batch_size: 1}
";
    std::fs::write(&file, text).unwrap();
    let service = InProcess::open(&["--ttl-price=86400", &format!("--config={}", file.display())]).await;
    let calls = || service.app.registry().reports()[0].usage.calls;
    for (fetched, left_out) in [(2, 4), (1, 3), (1, 2), (0, 2)] {
        let result = service.post("/cache/warming/trigger", r#"{"strategy": "popular"}"#).await.json();
        let result = &result["results"][0];
        assert_eq!(
            (&result["fetched"], &result["left_out"]),
            (&json!(fetched), &json!(left_out)),
            "{result}"
        );
        assert_eq!((&result["calls"], &result["success"]), (&json!(fetched), &json!(true)), "{result}");
    }
    assert_eq!(calls(), 4, "one is left for whoever asks");
    assert_eq!(service.get("/v1/quotes/DIS").await.json()["source"], "provider");
}
