//! Clients that hang up in the middle of a change of own values: it is carried out as a whole, or was never begun.

use axum::{body::Body, http::Request};
use serde_json::json;

use super::sending::{is_there, stored};
use crate::{fixture::in_process::InProcess, http::hang_up::hang_up_after};

fn request(method_and_path: &str, body: &str) -> Request<Body> {
    let (method, path) = method_and_path.split_once(' ').unwrap();
    let path = format!("/v1/cache/{path}");
    Request::builder().method(method).uri(path).body(Body::from(body.to_owned())).unwrap()
}

/// Waits until what is there is as it is to be, restarts, and looks again.
async fn settles(service: InProcess, wanted: &[(&str, bool)], most: usize) {
    let are_so = async |service: &InProcess| {
        for (path, there) in wanted {
            if is_there(service, path).await != *there {
                return false;
            }
        }
        true
    };
    service.until(async || are_so(&service).await).await;
    let again = service.restart(&[]).await;
    assert!(are_so(&again).await, "after a restart, hung up at {most}");
}

#[tokio::test]
async fn rule_105_a_put_whose_client_hangs_up_is_everywhere_or_nowhere() {
    for most in 0.. {
        let service = InProcess::open(&[]).await;
        let put = request("PUT users/1", &json!({"value": 1}).to_string());
        let answered = hang_up_after(&service, put, most).await;
        settles(service, &[("users/1", most > 0)], most).await;
        if answered {
            break;
        }
    }
}

#[tokio::test]
async fn rule_105_a_deleted_user_is_gone_with_all_that_is_the_users_though_the_client_hangs_up() {
    for most in 0.. {
        let service = InProcess::open(&[]).await;
        stored(&service, "users/1", &json!({"value": 1})).await;
        for path in ["sessions/a", "signals/a"] {
            stored(&service, path, &json!({"value": 1, "user": "1"})).await;
        }
        let answered = hang_up_after(&service, request("DELETE users/1", ""), most).await;
        let all = ["users/1", "sessions/a", "signals/a"].map(|path| (path, most == 0));
        settles(service, &all, most).await;
        if answered {
            break;
        }
    }
}

#[tokio::test]
async fn rule_105_a_batch_whose_client_hangs_up_is_carried_out_as_a_whole_or_not_at_all() {
    for most in 0.. {
        let service = InProcess::open(&[]).await;
        stored(&service, "users/1", &json!({"value": 1})).await;
        let body = json!({"remove": ["1"], "put": [{"id": "2", "value": 2}, {"id": "3", "value": 3}]});
        let batch = request("POST users:batch", &body.to_string());
        let answered = hang_up_after(&service, batch, most).await;
        let all = [("users/1", most == 0), ("users/2", most > 0), ("users/3", most > 0)];
        settles(service, &all, most).await;
        if answered {
            break;
        }
    }
}

#[tokio::test]
async fn rule_105_tags_are_ended_all_or_none_though_the_client_hangs_up() {
    for most in 0.. {
        let service = InProcess::open(&[]).await;
        for (path, tag) in [("signals/a", "one"), ("signals/b", "two"), ("signals/c", "three")] {
            stored(&service, path, &json!({"value": 1, "tags": [tag]})).await;
        }
        let body = json!({"tags": ["one", "two"]}).to_string();
        let request = Request::post("/v1/invalidate").body(Body::from(body)).unwrap();
        let answered = hang_up_after(&service, request, most).await;
        settles(service, &[("signals/a", most == 0), ("signals/b", most == 0), ("signals/c", true)], most)
            .await;
        if answered {
            break;
        }
    }
}
