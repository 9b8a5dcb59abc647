//! Commands that read: get, inspect, stats, report, keys, top.

use serde_json::json;

use crate::fixture::{cli::say, process::Server};

const QUICK: [&str; 1] = ["--provider-latency-ms=0"];

#[test]
fn get_says_where_a_value_came_from_and_how_old_it_is() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &QUICK);
    say(&server.url, &["get", "price:AAPL"])
        .expect(0, &["price:AAPL  from provider", "old, fresh", "price", "164.050003"]);
    let many = say(&server.url, &["get", "quotes", "AAPL", "MSFT"]);
    let many = many
        .expect(0, &["key", "source", "price:AAPL", "164.050003 (+0.03 %)", "memory", "price:MSFT", "fresh"]);
    assert!(!many.out.contains('\u{1b}'), "no colours where there is no terminal: {many:?}");

    let read = say(&server.url, &["get", "price:AAPL", "--json"]).expect(0, &[]).json();
    let item = &read["items"][0];
    assert_eq!(
        (&item["status"], &item["source"], &item["stale"]),
        (&json!("ok"), &json!("memory"), &json!(false))
    );

    let bars = ["get", "bars", "AAPL", "-p", "from=2017-08-01", "-p", "to=2017-09-01"];
    say(&server.url, &bars).expect(0, &["ohlcv:AAPL:1d  from provider", "\"close\""]);
    let average = ["get", "technical:AAPL", "-p", "function=SMA", "-p", "period=20", "--json"];
    let average = say(&server.url, &average).expect(0, &[]).json();
    assert_eq!(average["items"][0]["status"], "ok");
    // The key that is told is the one that is held.
    let key = average["items"][0]["key"].as_str().unwrap();
    say(&server.url, &["inspect", key]).expect(0, &[key, "fresh"]);
    say(&server.url, &["get", "price:DIS", "--only-cached"]).expect(1, &["failed", "only-if-cached"]);
}

#[test]
fn what_is_not_there_has_an_exit_code_of_its_own() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &QUICK);
    say(&server.url, &["get", "price:NOPE"]).expect(3, &["price:NOPE  unknown"]);
    say(&server.url, &["get", "price", "AAPL", "NOPE"]).expect(3, &["164.05", "unknown"]);
    say(&server.url, &["get", "users:u1"]).expect(3, &["users:u1  unknown"]);
    say(&server.url, &["inspect", "price:NEVER"]).expect(3, &["price:NEVER", "held nowhere"]);
    say(&server.url, &["keys", "none:*"]).expect(3, &["no key matches \"none:*\""]);
    let missing = say(&server.url, &["inspect", "price:NEVER", "--json"]).expect(3, &[]).json();
    assert_eq!(missing, json!({ "keys": [], "missing": ["price:NEVER"] }));
}

#[test]
fn what_is_no_key_and_no_kind_is_wrong_usage_in_every_command() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &QUICK);
    say(&server.url, &["get", "nokind:AAPL"])
        .expect(2, &["nokind", "users", "kinds of market data are price"]);
    say(&server.url, &["get", "price:A B"]).expect(2, &["A B"]);
    say(&server.url, &["inspect", "nokey"]).expect(2, &["nokey", "as in price:AAPL"]);
    say(&server.url, &["keys", "--after", "bogus"]).expect(2, &["cursor"]);
    say(&server.url, &["keys", "price:\\"]).expect(2, &["Invalid parameter (400)"]);
}

#[tokio::test]
async fn get_says_under_which_key_a_value_is_held_and_inspect_where_others_are() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &QUICK);
    for (path, body) in [
        ("sessions/abc", r#"{"value":{"n":1},"user":null}"#),
        ("narratives/aapl", r#"{"value":{"n":1}}"#),
        ("api/a1", r#"{"value":{"n":1}}"#),
    ] {
        let put = server.client.put(format!("{}/v1/cache/{path}", server.url)).body(body);
        let put = put.header("content-type", "application/json").send().await.unwrap();
        assert!(put.status().is_success(), "{put:?}");
    }
    say(&server.url, &["get", "technical:AAPL", "-p", "function=SMA", "-p", "period=20"]).expect(0, &[]);
    for (asked, begins) in [
        ("sessions:abc", "users:session:abc"),
        ("narratives:aapl", "narrative:AAPL"),
        ("api:a1", "api"),
        ("bars:AAPL", "ohlcv:AAPL:1d"),
        ("quotes:aapl", "price:AAPL"),
    ] {
        let got = say(&server.url, &["get", asked, "--json"]).expect(0, &[]).json();
        let key = got["items"][0]["key"].as_str().unwrap().to_owned();
        assert!(key.starts_with(begins), "{asked}: {key}");
        say(&server.url, &["get", asked]).expect(0, &[&format!("{key}  from")]);
        say(&server.url, &["inspect", &key]).expect(0, &["fresh"]);
        say(&server.url, &["inspect", asked])
            .expect(3, &["held nowhere", &format!("held are {key}"), "keys '"]);
    }
    let parts =
        ["held nowhere", "held are technical:AAPL:function=SMA", "cache-server keys 'technical:AAPL*'"];
    say(&server.url, &["inspect", "technical:AAPL"]).expect(3, &parts);
    say(&server.url, &["inspect", "price:NEVER"]).expect(3, &["cache-server keys 'price:*'"]);
}

#[tokio::test]
async fn keys_that_are_ended_by_nul_are_exactly_those_that_are_held() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &QUICK);
    let put =
        server.client.put(format!("{}/v1/cache/users/a%0Ab%1B%5B2J", server.url)).body(r#"{"value":1}"#);
    let put = put.header("content-type", "application/json").send().await.unwrap();
    assert!(put.status().is_success(), "{put:?}");
    let listed = say(&server.url, &["keys", "users:*", "-0"]).expect(0, &[]);
    assert_eq!(listed.out, "users:a\nb\u{1b}[2J\0");
    let key = listed.out.trim_end_matches('\0');
    say(&server.url, &["invalidate", key]).expect(0, &["ended"]);
}

#[tokio::test]
async fn a_value_of_an_applications_own_is_got_by_its_key() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &QUICK);
    let put =
        server.client.put(format!("{}/v1/cache/users/u1", server.url)).body(r#"{"value":{"name":"Ada"}}"#);
    let put = put.header("content-type", "application/json").send().await.unwrap();
    assert!(put.status().is_success(), "{put:?}");
    say(&server.url, &["get", "users:u1"]).expect(0, &["users:u1  from memory", "name", "Ada"]);
    say(&server.url, &["get", "users:u1", "price:AAPL"])
        .expect(0, &["users:u1", "{\"name\":\"Ada\"}", "price:AAPL"]);
}

#[tokio::test]
async fn inspect_and_keys_show_each_place() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &QUICK);
    say(&server.url, &["get", "price", "AAPL", "MSFT", "AMZN"]).expect(0, &[]);
    server.until("on disk", |stats| stats["disk"]["entries"].as_u64() >= Some(3)).await;
    let shown =
        ["price:AAPL  a read is answered from memory", "place", "memory", "disk", "fresh", "price:AAPL"];
    say(&server.url, &["inspect", "price:AAPL"]).expect(0, &shown);
    let held = say(&server.url, &["inspect", "price:AAPL", "--json"]).expect(0, &[]).json();
    assert_eq!(held["keys"][0]["places"][1]["name"], "disk");

    let listed = say(&server.url, &["keys", "price:A*", "--quiet"]).expect(0, &[]);
    let mut keys: Vec<&str> = listed.out.lines().collect();
    keys.sort_unstable();
    assert_eq!(keys, ["price:AAPL", "price:AMZN"]);
    assert_eq!(say(&server.url, &["keys", "price:*", "--json"]).json_lines().len(), 3);
    let cut =
        say(&server.url, &["keys", "price:*", "--limit", "1", "-q"]).expect(0, &["there are more: --after "]);
    assert_eq!(cut.out.lines().count(), 1);
    let after = cut.err.trim().rsplit_once(' ').unwrap().1;
    let rest = say(&server.url, &["keys", "price:*", "-q", "--after", after]).expect(0, &[]);
    assert!(!rest.out.contains(cut.out.trim()), "{rest:?} goes on after {cut:?}");
}

#[test]
fn statistics_report_and_top_are_tables_and_documents() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &QUICK);
    for _ in 0..2 {
        say(&server.url, &["get", "price", "AAPL", "MSFT"]).expect(0, &[]);
    }
    let tables = [
        "Hit rate  50.0 % of 4 reads",
        "failed",
        "Tiers",
        "memory",
        "disk",
        "Kinds",
        "price",
        "Providers",
        "replay",
        "healthy",
        "no quota",
    ];
    say(&server.url, &["stats"]).expect(0, &tables);
    let stats = say(&server.url, &["stats", "--json"]).expect(0, &[]).json();
    assert_eq!((&stats["hit_rate"], &stats["misses"]), (&json!(0.5), &json!(2)));

    say(&server.url, &["report"]).expect(0, &["kind", "reads", "price", "missed in memory: never_there 2"]);
    assert_eq!(say(&server.url, &["report", "--json"]).expect(0, &[]).json()["since_start"]["reads"], 4);

    let top = ["top", "--once", "--interval", "0.1"];
    say(&server.url, &top).expect(0, &["reads/s", "hit rate of the last minute", "never there", "Providers"]);
    let mut piped = top.to_vec();
    piped.remove(1);
    say(&server.url, &piped).expect(0, &["reads/s"]);
    let line = say(&server.url, &["top", "--once", "--json", "-i", "0.1"]).expect(0, &[]).json();
    assert_eq!(line["since_start"]["reads"], 4);
    assert_eq!(line["misses"][0]["cause"], "never there");
}
