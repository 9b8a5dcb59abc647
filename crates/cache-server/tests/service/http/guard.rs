//! Who may change something, by which name the service may be called, and what a stranger may see.

use std::fs;

use crate::fixture::{
    process::{Server, command},
    raw::{RawAnswer, ask},
};

const EVENT: &str = r#"{"asset": "AAPL", "event": "halt"}"#;

fn start(flags: &[&str]) -> (Server, tempfile::TempDir) {
    let data = tempfile::tempdir().unwrap();
    let flags = [&["--provider-latency-ms=0"], flags].concat();
    (Server::start(data.path(), &flags), data)
}

/// Sends a request with these lines of headers besides `Connection`.
async fn send(server: &Server, method_and_path: &str, headers: &str, body: &str) -> RawAnswer {
    let request = format!("{method_and_path} HTTP/1.1\r\n{headers}connection: close\r\n\r\n{body}");
    ask(server.address(), request.as_bytes()).await
}

async fn announce(server: &Server, headers: &str) -> RawAnswer {
    let headers = format!("{headers}content-length: {}\r\n", EVENT.len());
    send(server, "POST /v1/events", &headers, EVENT).await
}

#[tokio::test]
async fn rule_74_a_page_of_another_site_changes_nothing() {
    let (server, _data) = start(&[]);
    let own = format!("http://{}", server.address());
    let json = format!("host: {}\r\ncontent-type: application/json\r\n", server.address());
    for (headers, status) in [
        ("origin: https://evil.example\r\n".to_owned(), 403),
        ("origin: null\r\n".to_owned(), 403),
        ("origin: \r\n".to_owned(), 403),
        ("origin: http://localhost\r\n".to_owned(), 403),
        (format!("origin: {own}.evil.example\r\n"), 403),
        (format!("origin: {own}\r\norigin: https://evil.example\r\n"), 403),
        ("sec-fetch-site: cross-site\r\n".to_owned(), 403),
        ("sec-fetch-site: same-site\r\n".to_owned(), 403),
        (format!("origin: {own}\r\nsec-fetch-site: cross-site\r\n"), 403),
        ("sec-fetch-site: same-origin\r\nsec-fetch-site: cross-site\r\n".to_owned(), 403),
        (format!("origin: {own}\r\nsec-fetch-site: same-origin\r\n"), 200),
        (String::new(), 200),
    ] {
        let answer = announce(&server, &format!("{json}{headers}")).await;
        match status {
            200 => assert_eq!(answer.status, 200, "{headers}: {answer:?}"),
            _ => answer.is_problem(status, &headers),
        }
        if status == 401 {
            let wrong = headers.contains("Bearer ") && !headers.contains("Bearer \r");
            let kind = if wrong { "token-wrong" } else { "token-missing" };
            assert!(answer.body.contains(kind), "{headers}: {answer:?}");
        }
        let reload = format!("host: {}\r\n{headers}", server.address());
        let reloaded = send(&server, "POST /v1/config/reload", &reload, "").await;
        assert!(status == 200 || reloaded.status == 403, "{headers}: {reloaded:?}");
        let deleted = send(&server, "DELETE /v1/quotes/AAPL", &reload, "").await;
        assert!(status == 200 || deleted.status == 403, "{headers}: {deleted:?}");
    }
}

#[tokio::test]
async fn rule_74_what_a_form_can_send_is_no_event_and_no_reload() {
    let (server, _data) = start(&[]);
    for headers in [
        "",
        "content-type: text/plain\r\n",
        "content-type: application/x-www-form-urlencoded\r\n",
        "content-type: multipart/form-data; boundary=x\r\n",
        "content-type: text/plain; application/json\r\n",
        "content-type: application/json\r\ncontent-type: text/plain\r\n",
    ] {
        let answer = announce(&server, &format!("host: localhost\r\n{headers}")).await;
        answer.is_problem(415, headers);
        if !headers.is_empty() {
            let headers = format!("host: localhost\r\n{headers}");
            send(&server, "POST /v1/config/reload", &headers, "").await.is_problem(415, &headers);
        }
    }
    for headers in ["content-type: application/json; charset=utf-8\r\n", "content-type: Application/JSON\r\n"]
    {
        assert_eq!(
            announce(&server, &format!("host: localhost\r\n{headers}")).await.status,
            200,
            "{headers}"
        );
    }
    let bare = send(&server, "POST /v1/config/reload", "host: localhost\r\n", "").await;
    assert_eq!(bare.status, 200, "{bare:?}");
}

#[tokio::test]
async fn rule_74_a_foreign_host_is_answered_nothing_and_a_malformed_one_is_400() {
    let (server, _data) = start(&["--allowed-hosts=cache.example,Other.Example."]);
    let port = server.address().rsplit_once(':').unwrap().1;
    for (host, status) in [
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("evil.example:80", 421),
        ("192.0.2.7", 421),
        ("0.0.0.0", 421),
        ("[2001:db8::1]", 421),
        ("2130706433", 421),
        ("a b", 400),
        ("a@localhost", 400),
        ("", 400),
        ("localhost:99999", 400),
        ("localhost, evil.example", 400),
        ("http://localhost", 400),
        ("[::1", 400),
        ("localhost", 200),
        ("LOCALHOST.:1234", 200),
        ("127.0.0.1", 200),
        ("127.8.9.1:80", 200),
        ("[::1]:8080", 200),
        ("[::ffff:127.0.0.1]", 200),
        ("cache.example", 200),
        ("CACHE.example:443", 200),
        ("other.example", 200),
        (&format!("localhost:{port}"), 200),
    ] {
        for path in ["GET /", "GET /v1/quotes/AAPL", "HEAD /health", "POST /v1/config/reload"] {
            let answer = send(&server, path, &format!("host: {host}\r\n"), "").await;
            assert_eq!(answer.status, status, "{path} of {host:?}: {answer:?}");
            if status != 200 && !path.starts_with("HEAD") {
                answer.is_problem(status, host);
            }
        }
    }
    let absolute = send(&server, "GET http://evil.example/", "host: localhost\r\n", "").await;
    absolute.is_problem(421, "a target with a host of its own");
    let absolute = send(&server, "GET http://localhost/", "host: localhost\r\n", "").await;
    assert_eq!(absolute.status, 200);
    let two = send(&server, "GET /", "host: localhost\r\nhost: evil.example\r\n", "").await;
    two.is_problem(400, "two hosts");
}

#[tokio::test]
async fn rule_74_without_the_token_nothing_is_changed_and_a_proxys_client_is_not_local() {
    let (server, _data) = start(&[]);
    for added in [
        "x-forwarded-for: 192.0.2.7",
        "x-forwarded-host: cache.example",
        "X-Forwarded-Proto: https",
        "forwarded: for=192.0.2.7",
        "via: 1.1 proxy",
        "x-real-ip: 192.0.2.7",
        "x-client-ip: 192.0.2.7",
        "true-client-ip: 192.0.2.7",
        "cf-connecting-ip: 192.0.2.7",
        "fastly-client-ip: 192.0.2.7",
        "x-envoy-external-address: 192.0.2.7",
        "client-ip: 192.0.2.7",
        "x-cluster-client-ip: 192.0.2.7",
        "fly-client-ip: 192.0.2.7",
        "x-azure-clientip: 192.0.2.7",
        "x-original-host: cache.example",
        "cdn-loop: cdn.example",
    ] {
        let headers = format!("host: localhost\r\n{added}\r\n");
        send(&server, "POST /v1/config/reload", &headers, "").await.is_problem(403, &headers);
    }
    let data = tempfile::tempdir().unwrap();
    let token = "a-token-of-many-letters";
    let server = Server::run(command(data.path(), &[]).env("CACHE_ACCESS_TOKEN", format!("{token}\n")));
    let bearer = |token: &str| format!("host: localhost\r\nauthorization: Bearer {token}\r\n");
    for (headers, status) in [
        ("host: localhost\r\n".to_owned(), 401),
        (bearer("another-token-of-letters"), 401),
        (bearer(""), 401),
        (bearer(&token[1..]), 401),
        ("host: localhost\r\nauthorization: Basic YTpi\r\n".to_owned(), 401),
        (format!("{}authorization: Bearer {token}\r\n", bearer(token)), 401),
        (format!("{}authorization: Bearer another-token\r\n", bearer(token)), 401),
        (bearer(token), 200),
        (format!("{}x-forwarded-for: 192.0.2.7\r\n", bearer(token)), 200),
        (format!("{}origin: https://evil.example\r\n", bearer(token)), 403),
    ] {
        let answer = send(&server, "POST /v1/config/reload", &headers, "").await;
        match status {
            200 => assert_eq!(answer.status, 200, "{headers}: {answer:?}"),
            _ => answer.is_problem(status, &headers),
        }
        assert!(!answer.body.contains(token));
    }
    let read = send(&server, "GET /v1/stats", "host: localhost\r\n", "").await;
    assert_eq!(read.status, 200, "reading needs none");
}

#[tokio::test]
async fn rule_74_strangers_see_nothing_of_the_inside() {
    let data = tempfile::tempdir().unwrap();
    let flags = [
        "--provider-latency-ms=0",
        "--redis-url=redis://inner-user:hunter2@127.0.0.1:1",
        "--postgres-url=postgres://inner-role:hunter2@127.0.0.1:1/inner-base",
    ];
    let yaml = data.path().join("cache.yaml");
    let providers = "providers:\n  - {kind: yahoo, name: down, retries: 0}\n";
    fs::write(&yaml, providers).unwrap();
    let mut command = command(&data.path().join("data"), &flags);
    let server =
        Server::run(command.args(["--config", yaml.to_str().unwrap()]).stderr(std::process::Stdio::null()));
    let stranger = "host: localhost\r\nx-forwarded-for: 192.0.2.7\r\n";
    for path in ["/v1/quotes/AAPL", "/v1/quotes?symbols=AAPL", "/v1/bars/AAPL", "/health", "/v1/stats"] {
        let answer = send(&server, &format!("GET {path}"), stranger, "").await;
        for inner in
            ["127.0.0.1", "yahoo", "inner", "hunter2", "onnection refused", data.path().to_str().unwrap()]
        {
            assert!(!answer.body.contains(inner), "{path} shows {inner}: {}", answer.body);
        }
        if path == "/health" {
            assert!(
                answer.body.contains("degraded") && answer.body.contains("can't be reached"),
                "{answer:?}"
            );
        }
        let answer = send(&server, &format!("GET {path}"), "host: localhost\r\n", "").await;
        match path {
            "/health" => assert!(answer.body.contains("127.0.0.1"), "on this machine: {}", answer.body),
            "/v1/stats" => assert!(answer.body.contains("yahoo"), "on this machine: {}", answer.body),
            _ => {}
        }
        assert!(!answer.body.contains("hunter2"));
    }
}
