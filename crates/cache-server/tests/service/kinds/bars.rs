//! Bars: whether each is final, and where the parts of an answer were.

use market_data::DataType;
use serde_json::json;

use crate::fixture::{in_process::InProcess, upstream::Upstream};

#[tokio::test]
async fn rule_81_each_bar_says_whether_it_is_final_and_an_answer_where_its_parts_were() {
    let upstream = Upstream::of(&[DataType::Ohlcv]).await;
    let service = InProcess::open(&upstream.flags()).await;
    let plain = service.get("/v1/ohlcv/AAPL").await.json();
    assert_eq!((&plain["bars"][0]["final"], &plain["bars"][0]["close"]), (&json!(true), &json!(2.0)));
    assert!(plain["bars"][0]["date"].is_string() && plain.get("parts").is_none(), "{plain}");
    let told = service.get("/v1/bars/AAPL?from=2019-12-01&explain=1").await.json();
    assert_eq!(told["parts"], json!([{ "from": "2019-12-31", "source": "memory" }]), "{told}");
    assert_eq!(told["bars"], plain["bars"]);
    assert_eq!(upstream.asked(), ["/ohlcv/AAPL"]);
    let refused = service.get("/v1/bars/AAPL?explain=yes").await;
    assert_eq!(refused.status, 400, "{}", refused.json());
    let items = json!([{"kind": "ohlcv", "id": "AAPL"}]);
    let batch = service.post("/v1/batch", items.to_string()).await.json();
    assert_eq!(batch["items"][0]["bars"], plain["bars"], "{batch}");
}
