//! A deleted user and a logout end all that is the user's, and nothing of another.

use serde_json::{Value, json};

use super::sending::{delete, is_there, open, put, send, stored};
use crate::fixture::in_process::InProcess;

/// Puts the same for two users.
async fn of_both(users: [&str; 2]) -> InProcess {
    let service = open().await;
    for user in users {
        let encoded = user.replace(':', "%3A").replace('%', "%25").replace("%253A", "%3A");
        let given = json!({"value": 1, "user": user});
        stored(&service, &format!("users/{encoded}"), &json!({"value": 1})).await;
        for kind in ["sessions", "signals", "reports"] {
            stored(&service, &format!("{kind}/of-{encoded}"), &given).await;
        }
        stored(&service, &format!("api/portfolio?user={encoded}"), &given).await;
    }
    service
}

async fn things_of(service: &InProcess, encoded: &str) -> Vec<bool> {
    let mut there = vec![is_there(service, &format!("users/{encoded}")).await];
    for kind in ["sessions", "signals", "reports"] {
        there.push(is_there(service, &format!("{kind}/of-{encoded}")).await);
    }
    there.push(is_there(service, &format!("api/portfolio?user={encoded}")).await);
    there
}

#[tokio::test]
async fn a_deleted_user_takes_along_all_that_is_the_users_and_nothing_of_another() {
    for (gone, gone_path, other, other_path) in [
        ("1", "1", "10", "10"),
        ("10", "10", "1", "1"),
        ("a", "a", "a:b", "a%3Ab"),
        ("a:b", "a%3Ab", "a", "a"),
    ] {
        let service = of_both([gone, other]).await;
        let ended = delete(&service, &format!("users/{gone_path}")).await;
        let tag = format!("users:{}", gone.replace(':', "%3A"));
        assert_eq!((&ended["found"], &ended["ended"]), (&json!(true), &json!([tag])), "{gone}");
        assert_eq!(things_of(&service, gone_path).await, [false; 5], "{gone}");
        assert_eq!(things_of(&service, other_path).await, [true; 5], "{gone}");
        // Also of what lies on disk.
        let service = service.restart(&[]).await;
        assert!(!is_there(&service, &format!("sessions/of-{gone_path}")).await);
        assert!(is_there(&service, &format!("sessions/of-{other_path}")).await);
        // Who comes back begins anew.
        stored(&service, &format!("sessions/of-{gone_path}"), &json!({"value": 2, "user": gone})).await;
        assert!(is_there(&service, &format!("sessions/of-{gone_path}")).await);
    }
}

#[tokio::test]
async fn what_is_left_of_a_user_whose_own_entry_is_over_ends_too() {
    let service = open().await;
    stored(&service, "sessions/a", &json!({"value": 1, "user": "1"})).await;
    let ended = delete(&service, "users/1").await;
    assert_eq!((&ended["found"], &ended["ended"]), (&json!(false), &json!(["users:1"])));
    assert!(!is_there(&service, "sessions/a").await);
}

#[tokio::test]
async fn a_logout_ends_what_is_the_users_whose_session_it_is() {
    for (told, tags) in [
        (json!({"value": 1, "user": "1"}), json!(["users:1"])),
        (json!({"value": 1, "user": null, "tags": ["x", "users:1"]}), json!(["users:1"])),
        (json!({"value": 1, "user": null, "tags": ["x"]}), json!([])),
    ] {
        let service = of_both(["1", "10"]).await;
        stored(&service, "sessions/abc", &told).await;
        let ended = delete(&service, "sessions/abc").await;
        assert_eq!((&ended["found"], &ended["ended"]), (&json!(true), &tags), "{told}");
        assert!(!is_there(&service, "sessions/abc").await);
        let is_known = tags != json!([]);
        assert_eq!(things_of(&service, "1").await, [!is_known; 5], "{told}");
        assert_eq!(things_of(&service, "10").await, [true; 5], "{told}");
        let again: Value = delete(&service, "sessions/abc").await;
        assert_eq!((&again["found"], &again["ended"]), (&json!(false), &json!([])));
    }
}

#[tokio::test]
async fn only_the_entry_ends_if_that_is_asked_for_and_in_a_batch() {
    let service = of_both(["1", "10"]).await;
    let ended = delete(&service, "sessions/of-1?only=entry").await;
    assert_eq!((&ended["found"], &ended["ended"]), (&json!(true), &json!([])));
    assert_eq!(things_of(&service, "1").await, [true, false, true, true, true]);
    delete(&service, "users/1?only=entry").await;
    assert_eq!(things_of(&service, "1").await, [false, false, true, true, true]);
    let batch = json!({"remove": ["10"]}).to_string();
    assert_eq!(send(&service, "POST users:batch", &[], batch).await.status, 200);
    assert_eq!(things_of(&service, "10").await, [false, true, true, true, true]);
    assert_eq!(put(&service, "users/1", &json!({"value": 1})).await.status, 201);
}
