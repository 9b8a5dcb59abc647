//! Many values in one request: removed, put and read in this order, each item with its own outcome.

use std::{collections::BTreeMap, time::Duration};

use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::runtime::Builder;

use super::sending::{batch, get, is_problem, is_there, open, open_with, seconds_fresh, stored};

fn statuses(list: &Value) -> Vec<u64> {
    list.as_array().unwrap().iter().map(|item| item["status"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn removals_come_before_puts_and_puts_before_reads() {
    let service = open().await;
    for id in ["1", "2", "3"] {
        stored(&service, &format!("users/{id}"), &json!({"value": id})).await;
    }
    let reply = batch(
        &service,
        "users",
        &json!({"get": ["1", "2", "4", "3", "2"], "put": [{"id": "2", "value": "new", "ttl": 60}, {"id": "4", "value": null}], "remove": ["1", "2", "9"]}),
    )
    .await;
    let body = reply.json();
    assert_eq!((reply.status.as_u16(), reply.header("cache-control")), (200, "no-store"), "{body}");
    assert_eq!((&body["kind"], &body["removed"]), (&json!("users"), &json!(2)), "{body}");
    assert_eq!(body["remove"][2], json!({"status": 200, "id": "9", "key": "users:9"}));
    assert_eq!(
        (statuses(&body["put"]), statuses(&body["get"])),
        (vec![200, 200], vec![404, 200, 200, 200, 200])
    );
    let values: Vec<&Value> = body["get"].as_array().unwrap().iter().map(|item| &item["value"]).collect();
    assert_eq!(values, [&Value::Null, &json!("new"), &Value::Null, &json!("3"), &json!("new")]);
    assert!(body["get"][0]["error"].as_str().unwrap().contains("users:1"));
    assert_eq!((seconds_fresh(&body["put"][0]), &body["put"][0]["tags"]), (60.0, &json!(["users:2"])));
    let there = get(&service, "users/2").await.json();
    assert_eq!((&there["born"], &there["tags"]), (&body["put"][0]["born"], &json!(["users:2"])));
    assert_eq!(there["born"], body["get"][1]["born"]);
}

#[tokio::test]
async fn an_item_that_is_wrong_fails_alone() {
    let service = open().await;
    let long = "x".repeat(101);
    let body = json!({
        "put": [
            {"id": "1", "value": 1},
            {"id": "2", "value": long},
            {"id": "", "value": 1},
            {"value": 1},
            {"id": "5"},
            {"id": "6", "value": 1, "ttl": 0},
            {"id": "7", "value": 1, "parameters": {}},
            {"id": "8", "value": 1, "x": 1},
            17,
            {"id": "10", "value": 1},
        ],
        "get": ["1", "2", "", 17, {"id": "10"}, {"id": "10", "parameters": {"a": "b"}}, {"name": "1"}],
        "remove": ["", "7"],
    });
    let reply = batch(&service, "reports", &body).await.json();
    assert_eq!(statuses(&reply["put"]), [200, 413, 400, 422, 422, 422, 422, 422, 422, 200], "{reply}");
    assert_eq!(statuses(&reply["get"]), [200, 404, 400, 422, 200, 422, 422], "{reply}");
    assert_eq!(statuses(&reply["remove"]), [400, 200], "{reply}");
    for (at, id, why) in [
        (1, json!("2"), "the limit of reports is 100"),
        (3, Value::Null, "no id"),
        (5, json!("6"), "ttl is 0"),
    ] {
        let item = &reply["put"][at];
        assert_eq!(item["id"], id, "{item}");
        assert!(item["error"].as_str().unwrap().contains(why), "{item}");
    }
}

#[tokio::test]
async fn a_batch_that_is_wrong_as_a_whole_changes_nothing() {
    let service = open().await;
    stored(&service, "narratives/BRK.B", &json!({"value": 1})).await;
    let many: Vec<String> = (0..201).map(|number| number.to_string()).collect();
    for (kind, body, why) in [
        (
            "narratives",
            json!({"put": [{"id": "BRK.B", "value": 2}, {"id": "BRK-B", "value": 3}]}),
            "put twice",
        ),
        ("narratives", json!({"put": [{"id": "BRK.B", "value": 2}], "gets": []}), "unknown field `gets`"),
        ("narratives", json!({"remove": ["BRK.B"], "get": "x"}), "a list of at most 200"),
        ("users", json!({"get": many}), "more than 200 items"),
        ("users", json!({"get": many[..150], "remove": many[..51]}), "has 201 items, the limit is 200"),
        ("users", json!({}), "the batch is empty"),
        ("users", json!([]), "no JSON object"),
    ] {
        is_problem(&batch(&service, kind, &body).await, 422, why);
    }
    is_problem(&batch(&service, "nope", &json!({"get": ["1"]})).await, 404, "there is no kind \"nope\"");
    assert_eq!(get(&service, "narratives/BRK.B").await.json()["value"], 1);
    assert_eq!(batch(&service, "users", &json!({"get": many[..200]})).await.status, 200);
}

#[tokio::test]
async fn responses_are_named_with_their_parameters() {
    let service = open().await;
    let named = |value: &str| json!({"id": "v1/quotes", "parameters": {"symbol": value, "limit": "1"}});
    let mut one = named("AAPL");
    one["value"] = json!({"price": 1.5});
    let reply =
        batch(&service, "api", &json!({"put": [one], "get": [named("AAPL"), named("MSFT"), "v1/quotes"]}))
            .await;
    assert_eq!(statuses(&reply.json()["get"]), [200, 404, 404]);
    assert!(is_there(&service, "api/v1%2Fquotes?limit=1&symbol=AAPL").await);
    let reply = batch(&service, "api", &json!({"remove": [named("AAPL")]})).await;
    assert_eq!(reply.json()["removed"], 1);
    assert!(!is_there(&service, "api/v1%2Fquotes?limit=1&symbol=AAPL").await);
}

#[tokio::test]
async fn an_answer_is_no_longer_than_its_bound_and_says_what_is_left() {
    let service = open_with("limits: {max_value_kib: 1024}").await;
    let value = "x".repeat(1_000_000);
    for id in 1..=5 {
        stored(&service, &format!("users/{id}"), &json!({"value": value})).await;
    }
    let reply = batch(&service, "users", &json!({"get": ["1", "2", "3", "4", "5", "6"]})).await.json();
    assert_eq!(statuses(&reply["get"]), [200, 200, 200, 200, 413, 404]);
    assert!(reply["get"][4]["error"].as_str().unwrap().contains("in another batch"));
}

#[tokio::test]
async fn a_batch_of_two_hundred_is_on_disk_after_a_restart() {
    let service = open().await;
    let ids: Vec<String> = (0..200).map(|number| number.to_string()).collect();
    let puts: Vec<Value> = ids.iter().map(|id| json!({"id": id, "value": id})).collect();
    batch(&service, "signals", &json!({"put": puts})).await;
    let service = service.restart(&[]).await;
    let reply = batch(&service, "signals", &json!({"get": ids})).await.json();
    let items = reply["get"].as_array().unwrap();
    assert!(items.iter().all(|item| item["source"] == "disk" && item["value"] == item["id"]), "{reply}");
}

#[derive(Clone, Debug)]
struct Round {
    remove: Vec<u8>,
    put: BTreeMap<u8, u32>,
    get: Vec<u8>,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn batches_are_those_of_a_map(
        rounds in prop::collection::vec(
            (prop::collection::vec(0_u8..6, 0..4), prop::collection::btree_map(0_u8..6, any::<u32>(), 0..4), prop::collection::vec(0_u8..6, 1..8))
                .prop_map(|(remove, put, get)| Round { remove, put, get }),
            1..12,
        )
    ) {
        Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let service = open().await;
            let mut map = BTreeMap::new();
            for Round { remove, put, get } in rounds {
                let name = |id: &u8| id.to_string();
                let puts: Vec<Value> = put.iter().map(|(id, value)| json!({"id": name(id), "value": value})).collect();
                let body = json!({"remove": remove.iter().map(name).collect::<Vec<_>>(), "put": puts, "get": get.iter().map(name).collect::<Vec<_>>()});
                let reply = batch(&service, "signals", &body).await.json();
                let before = map.len();
                remove.iter().for_each(|id| {
                    map.remove(id);
                });
                assert_eq!(reply["removed"], before - map.len());
                map.extend(put);
                for (id, item) in get.iter().zip(reply["get"].as_array().unwrap()) {
                    assert_eq!(item["value"].as_u64(), map.get(id).map(|value| u64::from(*value)), "{item}");
                }
                service.advance(Duration::from_secs(1));
            }
        });
    }
}
