//! Own values are nobody else's: strangers neither change nor read them, and neither do pages of other sites.

use crate::fixture::{
    process::{Server, command},
    raw::{RawAnswer, ask},
};

const BODY: &str = r#"{"value": "secret of Ada"}"#;
const STRANGER: &str = "host: localhost\r\nx-forwarded-for: 192.0.2.7\r\n";

async fn send(server: &Server, method_and_path: &str, headers: &str) -> RawAnswer {
    let body = match method_and_path.split(' ').next().unwrap() {
        "PUT" => BODY,
        "POST" => r#"{"get": ["17"]}"#,
        _ => "",
    };
    let json = match body {
        "" => String::new(),
        body => format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len()),
    };
    let request = format!("{method_and_path} HTTP/1.1\r\n{headers}{json}connection: close\r\n\r\n{body}");
    ask(server.address(), request.as_bytes()).await
}

const ALL: [&str; 5] = [
    "PUT /v1/cache/users/17",
    "GET /v1/cache/users/17",
    "HEAD /v1/cache/users/17",
    "POST /v1/cache/users:batch",
    "DELETE /v1/cache/users/17",
];

async fn all_are(server: &Server, headers: &str, status: u16) {
    for asked in ALL {
        let answer = send(server, asked, headers).await;
        match (status, asked.starts_with("HEAD")) {
            (200, _) => assert!([200, 201].contains(&answer.status), "{asked} {headers}: {answer:?}"),
            (_, true) => assert_eq!(answer.status, status, "{asked} {headers}: {answer:?}"),
            _ => answer.is_problem(status, asked),
        }
        assert!(status == 200 || !answer.body.contains("Ada"), "{asked} {headers}: {answer:?}");
    }
}

#[tokio::test]
async fn rule_74_strangers_neither_read_nor_change_own_values() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    send(&server, ALL[0], "host: localhost\r\n").await;
    all_are(&server, STRANGER, 403).await;
    let kept = send(&server, ALL[1], "host: localhost\r\n").await;
    assert!(kept.status == 200 && kept.body.contains("Ada"), "{kept:?}");
    all_are(&server, "host: localhost\r\n", 200).await;
    all_are(&server, "host: evil.example\r\n", 421).await;
}

#[tokio::test]
async fn rule_74_strangers_are_not_told_the_ids_of_own_values_though_they_are_read_most() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    send(&server, ALL[0], "host: localhost\r\n").await;
    for _ in 0..300 {
        send(&server, ALL[1], "host: localhost\r\n").await;
        send(&server, "GET /v1/quotes/AAPL", STRANGER).await;
    }
    for (who, shown) in [("host: localhost\r\n", true), (STRANGER, false)] {
        let stats = send(&server, "GET /v1/stats", who).await.body;
        assert_eq!(stats.contains("\"users:17\""), shown, "{who}");
        assert!(stats.contains("\"price:AAPL\""), "{who}");
    }
}

#[tokio::test]
async fn rule_74_with_a_token_who_has_it_reads_and_changes_from_anywhere() {
    let data = tempfile::tempdir().unwrap();
    let token = "a-token-of-many-letters";
    let server = Server::run(command(data.path(), &[]).env("CACHE_ACCESS_TOKEN", token));
    all_are(&server, STRANGER, 401).await;
    all_are(&server, &format!("{STRANGER}authorization: Bearer another-token-of-letters\r\n"), 401).await;
    all_are(&server, &format!("{STRANGER}authorization: Bearer {token}\r\n"), 200).await;
    send(&server, ALL[0], &format!("host: localhost\r\nauthorization: Bearer {token}\r\n")).await;
    all_are(&server, "host: localhost\r\n", 401).await;
    all_are(&server, "host: localhost\r\nauthorization: Bearer another-token-of-letters\r\n", 401).await;
    all_are(&server, &format!("host: localhost\r\nauthorization: Bearer {token}\r\n"), 200).await;
}

#[tokio::test]
async fn rule_74_where_there_is_a_token_who_lacks_it_is_not_told_the_ids_though_on_this_machine() {
    let data = tempfile::tempdir().unwrap();
    let token = "a-token-of-many-letters";
    let server = Server::run(command(data.path(), &[]).env("CACHE_ACCESS_TOKEN", token));
    let with_token = format!("host: localhost\r\nauthorization: Bearer {token}\r\n");
    send(&server, ALL[0], &with_token).await;
    for _ in 0..300 {
        send(&server, ALL[1], &with_token).await;
    }
    for (who, shown) in [(with_token.as_str(), true), ("host: localhost\r\n", false)] {
        for figures in ["GET /v1/stats", "GET /cache/report", "GET /cache/report?format=text"] {
            let told = send(&server, figures, who).await;
            assert_eq!((told.status, told.body.contains("users:17")), (200, shown), "{figures}, {who}");
        }
    }
}

#[tokio::test]
async fn a_compressed_body_is_refused_and_not_taken_as_it_is() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    for (encoding, status) in [("gzip", 415), ("br", 415), ("identity, gzip", 415), ("Identity", 201)] {
        let headers = format!("host: localhost\r\ncontent-encoding: {encoding}\r\n");
        let answer = send(&server, ALL[0], &headers).await;
        assert_eq!(answer.status, status, "{encoding}: {answer:?}");
    }
}

#[tokio::test]
async fn rule_74_a_page_of_another_site_neither_reads_nor_changes_own_values() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    send(&server, ALL[0], "host: localhost\r\n").await;
    for page in ["origin: https://evil.example\r\n", "sec-fetch-site: cross-site\r\n", "origin: null\r\n"] {
        all_are(&server, &format!("host: localhost\r\n{page}"), 403).await;
    }
    for (typed, status) in [("sec-fetch-site: none\r\n", 200), ("content-type: text/plain\r\n", 200)] {
        let answer = send(&server, ALL[1], &format!("host: localhost\r\n{typed}")).await;
        assert_eq!(answer.status, status, "{typed}: {answer:?}");
    }
    let form = format!(
        "PUT /v1/cache/users/17 HTTP/1.1\r\nhost: localhost\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{BODY}",
        BODY.len()
    );
    ask(server.address(), form.as_bytes()).await.is_problem(415, "a form");
}
