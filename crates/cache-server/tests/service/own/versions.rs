//! A writer or remover that depends on a version can't undo what was put since.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::runtime::Builder;

use super::sending::{get, is_problem, is_there, open, send, stored};
use crate::fixture::in_process::{InProcess, Reply};

async fn put_if(service: &InProcess, header: (&str, &str), body: &Value) -> Reply {
    send(service, "PUT signals/1", &[header], body.to_string()).await
}

#[tokio::test]
async fn a_client_that_has_the_version_gets_304() {
    let service = open().await;
    for path in ["users/1", "narratives/AAPL"] {
        stored(&service, path, &json!({"value": 1})).await;
        let etag = get(&service, path).await.header("etag").to_owned();
        for known in [etag.clone(), format!("W/{etag}"), format!("\"1\", {etag}"), "*".to_owned()] {
            let reply = send(&service, &format!("GET {path}"), &[("if-none-match", &known)], "").await;
            assert_eq!((reply.status.as_u16(), reply.body.len()), (304, 0), "{known}");
            assert_eq!(reply.header("etag"), etag, "{known}");
        }
        stored(&service, path, &json!({"value": 1})).await;
        let reply = send(&service, &format!("GET {path}"), &[("if-none-match", &etag)], "").await;
        assert_eq!(reply.status, 200, "the same value put again is another version");
    }
}

#[tokio::test]
async fn a_put_may_depend_on_what_is_there() {
    let service = open().await;
    let (one, two) = (json!({"value": 1, "ttl": 10, "stale_for": 10}), json!({"value": 2}));
    let refused = put_if(&service, ("if-match", "*"), &one).await;
    is_problem(&refused, 412, "nothing is there, a fresh value was to be there");
    assert_eq!(refused.json()["born"], Value::Null);
    is_problem(&put_if(&service, ("if-match", "\"17\""), &one).await, 412, "nothing is there, 17 was to be");
    assert!(!is_there(&service, "signals/1").await);

    let first = put_if(&service, ("if-none-match", "*"), &one).await;
    assert_eq!(first.status, 201);
    let again = put_if(&service, ("if-none-match", "*"), &two).await;
    is_problem(&again, 412, "nothing was to be there");
    assert_eq!(again.json()["born"], first.json()["born"]);

    let etag = first.header("etag").to_owned();
    let second = put_if(&service, ("if-match", &etag), &two).await;
    assert_eq!(second.status, 200);
    assert_ne!(second.json()["born"], first.json()["born"]);
    let late = put_if(&service, ("if-match", &etag), &one).await;
    is_problem(&late, 412, "read it again and decide anew");
    assert_eq!(late.json()["born"], second.json()["born"]);
    assert_eq!(get(&service, "signals/1").await.json()["value"], 2);
    assert_eq!(put_if(&service, ("if-match", "*"), &one).await.status, 200);
    // What is past its life has a version, and room for another value.
    service.advance(Duration::from_secs(10));
    let stale = get(&service, "signals/1").await;
    assert_eq!(put_if(&service, ("if-match", stale.header("etag")), &one).await.status, 200);
    service.advance(Duration::from_secs(10));
    assert_eq!(put_if(&service, ("if-none-match", "*"), &two).await.status, 201);
    for header in ["if-match", "if-none-match"] {
        is_problem(&put_if(&service, (header, "1"), &two).await, 400, "give the ETag of an earlier answer");
    }
}

#[tokio::test]
async fn a_change_may_depend_on_any_of_several_versions_or_on_none_of_them() {
    let service = open().await;
    let (one, two) = (json!({"value": 1}), json!({"value": 2}));
    let first = put_if(&service, ("x", "y"), &one).await.header("etag").to_owned();
    let list = format!("\"17\", {first}");
    let weak = format!("W/{first}");
    // A weak tag is of no version where a change depends on it being there.
    is_problem(&put_if(&service, ("if-match", &weak), &two).await, 412, "names no version");
    for known in [&list, &weak] {
        is_problem(&put_if(&service, ("if-none-match", known), &two).await, 412, "was not to be there");
        let removed = send(&service, "DELETE signals/1", &[("if-none-match", known)], "").await;
        is_problem(&removed, 412, "was not to be there");
    }
    assert_eq!(get(&service, "signals/1").await.json()["value"], 1);
    assert_eq!(put_if(&service, ("if-match", &list), &two).await.status, 200);
    assert_eq!(put_if(&service, ("if-none-match", &list), &one).await.status, 200);
    let removed = send(&service, "DELETE signals/1", &[("if-none-match", "*")], "").await;
    is_problem(&removed, 412, "nothing was to be there");
    let removed = send(&service, "DELETE signals/1", &[("if-none-match", &list)], "").await;
    assert_eq!((removed.status.as_u16(), &removed.json()["found"]), (200, &json!(true)));
}

#[tokio::test]
async fn a_removal_may_depend_on_what_is_there_and_ends_nothing_else_if_it_fails() {
    let service = open().await;
    let remove = async |tag: &str| send(&service, "DELETE users/1", &[("if-match", tag)], "").await;
    is_problem(&remove("*").await, 412, "nothing is there");
    let first = stored(&service, "users/1", &json!({"value": 1})).await;
    stored(&service, "sessions/a", &json!({"value": 1, "user": "1"})).await;
    let second = stored(&service, "users/1", &json!({"value": 2})).await;
    let late = remove(&format!("\"{}\"", first["born"])).await;
    is_problem(&late, 412, "was to be there");
    assert_eq!(late.json()["born"], second["born"]);
    assert!(is_there(&service, "users/1").await && is_there(&service, "sessions/a").await);
    let done = remove(&format!("\"{}\"", second["born"])).await;
    assert_eq!((done.status.as_u16(), &done.json()["ended"]), (200, &json!(["users:1"])));
    assert!(!is_there(&service, "users/1").await && !is_there(&service, "sessions/a").await);
    stored(&service, "users/1", &json!({"value": 3})).await;
    assert_eq!(remove("*").await.status, 200);
}

#[tokio::test]
async fn a_batch_has_no_condition() {
    let service = open().await;
    stored(&service, "signals/1", &json!({"value": 1})).await;
    for (header, value) in [("if-match", "\"17\""), ("if-match", "*"), ("if-none-match", "*")] {
        let body = json!({"put": [{"id": "1", "value": 2}]}).to_string();
        let reply = send(&service, "POST signals:batch", &[(header, value)], body).await;
        is_problem(&reply, 400, "a batch has no condition");
    }
    assert_eq!(get(&service, "signals/1").await.json()["value"], 1);
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Read,
    Put,
    Replace,
    Remove,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Two clients, of which each changes only what it has seen.
    #[test]
    fn no_client_undoes_what_it_has_not_seen(
        steps in prop::collection::vec((0_usize..2, prop::sample::select(vec![Step::Read, Step::Put, Step::Replace, Step::Remove])), 1..30)
    ) {
        Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let service = open().await;
            let (mut there, mut seen): (Option<u64>, [Option<u64>; 2]) = (None, [None; 2]);
            for (client, step) in steps {
                let tag = format!("\"{}\"", seen[client].unwrap_or(17));
                let reply = match step {
                    Step::Read => get(&service, "signals/1").await,
                    Step::Put => put_if(&service, ("x", "y"), &json!({"value": 1})).await,
                    Step::Replace => put_if(&service, ("if-match", &tag), &json!({"value": 1})).await,
                    Step::Remove => send(&service, "DELETE signals/1", &[("if-match", &tag)], "").await,
                };
                let (status, born) = (reply.status.as_u16(), reply.json()["born"].as_u64());
                let is_current = there.is_some() && seen[client] == there;
                match step {
                    Step::Read => assert_eq!(status, if there.is_some() { 200 } else { 404 }),
                    Step::Put => there = born,
                    Step::Replace if is_current => {
                        assert_eq!(status, 200);
                        there = born;
                    }
                    Step::Remove if is_current => {
                        assert_eq!(status, 200);
                        there = None;
                    }
                    Step::Replace | Step::Remove => assert_eq!(status, 412),
                }
                assert!(status == 404 || there == born, "every answer tells the version");
                seen[client] = there;
            }
        });
    }
}
