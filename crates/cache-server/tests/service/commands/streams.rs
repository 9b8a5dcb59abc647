//! Commands that go on: events, bench, and a service that goes away meanwhile.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpListener},
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::fixture::{
    cli::{cli, run, say},
    process::{PATIENCE, Server, command},
};

#[test]
fn events_are_lines_for_people_and_for_programs() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    say(&server.url, &["events", "--count=1"]).expect(0, &["figures", "healthy", "hit rate", "in memory"]);
    let lines =
        say(&server.url, &["events", "--count=2", "--only=figures", "--json"]).expect(0, &[]).json_lines();
    assert_eq!((lines.len(), &lines[0]["event"]), (2, &json!("figures")));
}

#[test]
fn a_change_is_followed_and_the_stream_goes_on_after_the_service_was_away() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let (url, address) = (server.url.clone(), server.address().to_owned());
    let mut follower =
        cli(&url, &["events", "--json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut until = |name: &str| -> Value {
        lines
            .by_ref()
            .map(|line| serde_json::from_str::<Value>(&line).unwrap())
            .find(|event| event["event"] == name)
            .unwrap()
    };
    until("figures");
    say(&url, &["invalidate", "price:AAPL"]).expect(3, &[]);
    let change = until("change");
    assert_eq!(
        (&change["data"]["action"], &change["data"]["request"]["keys"]),
        (&json!("invalidate"), &json!(["price:AAPL"]))
    );
    server.terminate();

    let mut told = BufReader::new(follower.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(told.by_ref().any(|line| line.contains("trying again in")));
    let again = Server::spawn(command(data.path(), &["--listen", &address]).stdout(Stdio::null()), &url);
    until("figures");
    drop(again);
    follower.kill().unwrap();
    follower.wait().unwrap();
}

#[test]
fn a_filter_that_refuses_to_reconnect_fails_once_the_service_is_gone() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let mut follower = cli(&server.url, &["events", "--no-reconnect", "--only=figures"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    server.terminate();
    assert_eq!(follower.wait().unwrap().code(), Some(5));
}

#[test]
fn who_is_told_of_no_change_does_not_wait_for_one() {
    let data = tempfile::tempdir().unwrap();
    let token = "sixteen-letters-or-more";
    let server = Server::run(command(data.path(), &[]).env("CACHE_ACCESS_TOKEN", token));
    for args in [&["events", "--only=change"][..], &["events", "--action=invalidate"]] {
        say(&server.url, args).expect(4, &["Token missing (401)", "CACHE_ACCESS_TOKEN"]);
        let wrong = run(cli(&server.url, args).env("CACHE_ACCESS_TOKEN", "wrong-sixteen-letters"));
        wrong.expect(4, &["Wrong token (401)"]);
    }
    let known = ["bogus", "invalidate", "warm", "schedule", "announce", "withdraw", "reload"];
    say(&server.url, &["events", "--action=bogus"]).expect(2, &known);
    say(&server.url, &["events", "--only=figures", "--action=warm"]).expect(2, &["figures have no action"]);
}

/// Refuses the first request as one too many, answers all others with this, and returns the URL.
fn busy_first(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let busy = r#"{"type":"urn:problem-type:cache:busy","title":"Too much at once","status":503,"detail":"again"}"#;
        let head = "HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\n\r\n";
        for (at, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let read = stream.read(&mut request).unwrap_or(0);
            let is_stats = request[..read].starts_with(b"GET /v1/stats");
            let body = match (at, is_stats) {
                (0, _) => format!("{head}{busy}"),
                (_, true) => "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{\"hits\":{}}".to_owned(),
                _ => answer.to_owned(),
            };
            let _ = stream.write_all(body.as_bytes());
            let _ = stream.shutdown(Shutdown::Write);
            let _ = stream.read_to_end(&mut Vec::new());
        }
    });
    url
}

#[test]
fn what_is_taken_is_asked_for_again_when_the_service_says_and_missed_changes_are_told() {
    let url = busy_first(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\nevent: missed\ndata: {\"changes\":1234}\n\n",
    );
    let begun = Instant::now();
    let told = ["Too much at once (503)", "trying again in 1.0 s", "missed", "1,234 changes"];
    say(&url, &["events", "--count=1"]).expect(0, &told);
    assert!(begun.elapsed() >= Duration::from_secs(1));

    let url = busy_first("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{\"since_start\":{\"reads\":3}}");
    let line = say(&url, &["top", "--once", "--json", "-i", "0.1"]).expect(0, &[]).json();
    assert_eq!(line["since_start"]["reads"], 3);
}

#[test]
fn bench_measures_rates_times_and_statuses() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &["--provider-latency-ms=0"]);
    let table = ["requests/s", "on 2 connections", "p99.9", "200", "100.0 %", "bodies"];
    say(&server.url, &["bench", "-s", "1", "-c", "2"]).expect(0, &table);
    let args = ["bench", "-s", "1", "-c", "2", "--symbols", "AAPL,NOPE", "--json"];
    let measured = say(&server.url, &args).expect(1, &[]).json();
    let status = |status: &str| measured["statuses"][status].as_u64().unwrap();
    assert_eq!(status("200") + status("404"), measured["requests"].as_u64().unwrap());
    assert_eq!(status("404"), measured["failed"].as_u64().unwrap());
    let at = |name: &str| measured["latency_ms"][name].as_f64().unwrap();
    assert!(at("p50") <= at("p99") && at("p99") <= at("max"), "{measured}");
    assert!(at("max") < PATIENCE.as_secs_f64() * 1000.0);
}
