//! One id, one entry: whatever an id holds, it names no other.

use proptest::prelude::*;
use serde_json::json;
use tokio::runtime::Builder;

use super::sending::{get, is_problem, is_there, open, send, stored};

/// Ids made of what confuses: separators, escapes, what other kinds have in front.
fn id() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a:%/?#&= 3A25]{1,6}",
        prop::sample::select(vec![
            "session:1",
            "session%3A1",
            "1",
            "%31",
            "10",
            ":",
            "%",
            "%3A",
            "a/b",
            "..",
            "users:1",
            "md:users:1"
        ])
        .prop_map(str::to_owned),
        ".{1,12}",
    ]
}

/// Returns the text as a segment of a path has it.
fn encoded(id: &str) -> String {
    id.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

const KINDS: [&str; 6] = ["users", "sessions", "signals", "api", "reports", "feature-flags"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn different_ids_and_kinds_are_different_entries(ids in prop::collection::btree_set(id(), 1..6)) {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let service = open().await;
            let all: Vec<(&str, &String)> =
                ids.iter().flat_map(|id| KINDS.map(|kind| (kind, id))).collect();
            let path = |(kind, id): &(&str, &String)| format!("{kind}/{}", encoded(id));
            for (number, named) in all.iter().enumerate() {
                assert!(!is_there(&service, &path(named)).await, "{named:?} before it is put");
                stored(&service, &path(named), &json!({"value": number})).await;
            }
            for (number, named) in all.iter().enumerate() {
                let there = get(&service, &path(named)).await.json();
                assert_eq!((&there["value"], &there["id"]), (&json!(number), &json!(named.1)), "{named:?}");
            }
        });
    }
}

#[tokio::test]
async fn a_narrative_is_one_of_its_asset_however_that_is_spelled() {
    let service = open().await;
    for spellings in [&["BRK.B", "brk-b", "BRK%2FB"][..], &["BTC@CRYPTO", "BTC-USD@CRYPTO", "btc%40crypto"]] {
        let (first, others) = spellings.split_first().unwrap();
        let key =
            stored(&service, &format!("narratives/{first}"), &json!({"value": "up"})).await["key"].clone();
        for other in others {
            let there = get(&service, &format!("narratives/{other}")).await.json();
            assert_eq!((&there["value"], &there["key"]), (&json!("up"), &key), "{other}");
        }
    }
    assert!(!is_there(&service, "narratives/BRK.A").await);
}

#[tokio::test]
async fn a_response_is_one_of_its_endpoint_and_parameters_in_any_order() {
    let service = open().await;
    stored(&service, "api/v1%2Fquotes?limit=10&symbol=AAPL", &json!({"value": 1})).await;
    for same in ["api/v1%2fquotes?symbol=AAPL&limit=10", "api/v1%2Fquotes?&symbol=%41APL&&limit=10"] {
        assert!(is_there(&service, same).await, "{same}");
    }
    for other in [
        "api/v1%2Fquotes",
        "api/v1%2Fquotes?limit=10",
        "api/v1%2Fquotes?limit=10&symbol=AAPL&x=",
        "api/v1%2Fquotes?limit=1&symbol=0AAPL",
        "api/v1%252Fquotes?limit=10&symbol=AAPL",
        "api/v1%2Fbars?limit=10&symbol=AAPL",
    ] {
        assert!(!is_there(&service, other).await, "{other}");
    }
    // A space is written in two ways, and a plus in one.
    stored(&service, "api/search?q=C+plus", &json!({"value": 1})).await;
    assert!(is_there(&service, "api/search?q=C%20plus").await);
    assert!(!is_there(&service, "api/search?q=C%2Bplus").await);
    // Several values of one parameter are in order.
    stored(&service, "api/e?a=1&a=2", &json!({"value": 1})).await;
    assert!(is_there(&service, "api/e?a=1&a=2").await && !is_there(&service, "api/e?a=2&a=1").await);
}

#[tokio::test]
async fn an_id_may_be_as_long_as_a_key_and_no_longer() {
    let service = open().await;
    for kind in ["sessions", "signals", "reports", "api"] {
        let path = format!("{kind}/{}", "x".repeat(4000));
        stored(&service, &path, &json!({"value": 1})).await;
        assert!(is_there(&service, &path).await, "{kind}");
        let longer = format!("{kind}/{}", "x".repeat(4096));
        is_problem(&get(&service, &longer).await, 400, "the limit is 4096");
    }
    // A user is found by a tag.
    let user = |len: usize| format!("users/{}", "x".repeat(len));
    stored(&service, &user(506), &json!({"value": 1})).await;
    for method in ["GET", "PUT", "DELETE"] {
        let reply = send(&service, &format!("{method} {}", user(507)), &[], r#"{"value": 1}"#).await;
        is_problem(&reply, 400, "a tag must have 1 to 512 bytes");
    }
}
