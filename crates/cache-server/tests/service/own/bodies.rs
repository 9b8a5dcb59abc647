//! Bodies of own values: longer than others, for those who may send them, and bounded together.

use std::time::Duration;

use tokio::{io::AsyncWriteExt, net::TcpStream, time::timeout};

use crate::fixture::{
    process::{PATIENCE, Server},
    raw::{RawAnswer, ask, read},
};

/// How many bodies come at once: 240 MiB, if all were held.
const BODIES: usize = 1200;
const JSON: &str = "host: localhost\r\ncontent-type: application/json\r\n";

fn put(headers: &str, body: &str) -> String {
    format!("PUT /v1/cache/users/1 HTTP/1.1\r\n{JSON}{headers}connection: close\r\n\r\n{body}")
}

fn value(len: usize) -> String {
    format!("{{\"value\":\"{}\"}}", "x".repeat(len))
}

#[tokio::test]
async fn rule_73_only_who_may_put_a_value_may_send_a_long_body_and_only_there() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &["--max-value-kib=64"]);
    let long = value(60_000);
    let length = format!("content-length: {}\r\n", long.len());
    let chunked = format!("{:x}\r\n{long}\r\n0\r\n\r\n", long.len());
    let batch = format!("{{\"put\":[{{\"id\":\"1\",\"value\":\"{}\"}}]}}", "x".repeat(60_000));
    let more = value((64 << 10) + (16 << 10));
    let huge = "x".repeat((4 << 20) + 1);
    for (request, status) in [
        (put(&length, &long), 201),
        (put("transfer-encoding: chunked\r\n", &chunked), 200),
        (put(&format!("content-length: {}\r\n", more.len()), &more), 413),
        (put("transfer-encoding: chunked\r\n", &format!("{:x}\r\n{more}\r\n0\r\n\r\n", more.len())), 413),
        (put(&format!("{length}x-forwarded-for: 192.0.2.7\r\n"), &long), 403),
        (put(&format!("{length}origin: https://evil.example\r\n"), &long), 403),
        (put(&format!("{length}x-forwarded-for: 192.0.2.7\r\nexpect: 100-continue\r\n"), ""), 403),
        (put(&length, &long).replace("PUT", "DELETE"), 413),
        (put(&length, &long).replace("PUT", "GET"), 413),
        (put(&length, &long).replace("PUT /v1/cache/users/1", "POST /v1/events"), 413),
        (put(&length, &long).replace("PUT /v1/cache/users/1", "PUT /v1/cachet/users/1"), 413),
        (
            format!(
                "POST /v1/cache/users:batch HTTP/1.1\r\n{JSON}content-length: {}\r\nconnection: close\r\n\r\n{batch}",
                batch.len()
            ),
            200,
        ),
        (
            format!(
                "POST /v1/cache/users:batch HTTP/1.1\r\n{JSON}content-length: {}\r\nconnection: close\r\n\r\n{huge}",
                huge.len()
            ),
            413,
        ),
    ] {
        let start: String = request.chars().take(220).collect();
        let answer = ask(server.address(), request.as_bytes()).await;
        assert_eq!(answer.status, status, "{start}: {answer:?}");
    }
}

/// What was begun and not ended takes room by what came of it: the rest is told to come again.
#[tokio::test]
async fn rule_73_a_flood_of_long_bodies_is_bounded_and_told_to_come_again() {
    rlimit::increase_nofile_limit(u64::MAX).unwrap();
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &["--provider-latency-ms=0", "--client-timeout-ms=6000"]);
    server.get("/v1/quotes/AAPL").await;
    let before = server.resident_kib();
    let part = "x".repeat(200 << 10);
    let request = format!(
        "PUT /v1/cache/users/1 HTTP/1.1\r\n{JSON}content-length: {}\r\n\r\n{{\"value\":\"{part}",
        240 << 10
    );
    let mut sockets = Vec::new();
    for _ in 0..BODIES {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        let _ = timeout(PATIENCE, stream.write_all(request.as_bytes())).await.expect("it is read or refused");
        sockets.push(stream);
    }
    let mut peak = server.resident_kib();
    assert_eq!(server.get("/v1/quotes/AAPL").await.status(), 200, "others are answered meanwhile");
    let mut statuses = Vec::new();
    for stream in &mut sockets {
        let answer = RawAnswer::parse(&read(stream, PATIENCE).await);
        answer.is_problem(answer.status, "a long body");
        assert!(answer.status != 503 || answer.head.contains("retry-after: 1"), "{answer:?}");
        statuses.push(answer.status);
        peak = peak.max(server.resident_kib());
    }
    println!("resident {before} KiB before, {peak} KiB with {BODIES} bodies of 200 KiB under way");
    assert!(peak - before < 192 << 10, "{before} KiB, then {peak} KiB");
    let count = |wanted: u16| statuses.iter().filter(|status| **status == wanted).count();
    assert!(
        count(503) > BODIES - 400 && count(408) > 50 && count(503) + count(408) == BODIES,
        "{statuses:?}"
    );
    // Their room is free again.
    let whole = value(200 << 10);
    let request = put(&format!("content-length: {}\r\n", whole.len()), &whole);
    let answer = timeout(Duration::from_secs(10), ask(server.address(), request.as_bytes())).await.unwrap();
    assert_eq!(answer.status, 201, "{answer:?}");
}
