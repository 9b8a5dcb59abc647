//! Configured providers: their order, their failover and their statistics.

use std::{
    fs,
    sync::{Arc, Mutex},
};

use cache_core::Clock;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::fixture::{
    in_process::InProcess,
    process::{Server, command, refused},
};

/// A provider at a port that refuses connections, and behind it the replay of recorded days.
const TWO: &str = "\
replay: {latency_ms: 0}
providers:
  - name: second
    kind: replay
    priority: 2
  - name: first
    kind: json
    priority: 1
    retries: 0
    options:
      markets: [US]
      quotes: {url: \"http://127.0.0.1:1/quotes?symbols={symbols}\", max_batch: 50, symbol: /s, price: /p}
";

#[tokio::test]
async fn where_the_first_provider_fails_the_second_answers_and_both_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache.yaml");
    fs::write(&path, TWO).unwrap();
    let server = Server::start(&folder.path().join("data"), &["--config", path.to_str().unwrap()]);
    let quotes = server.json("/v1/quotes?symbols=AAPL,MSFT").await;
    let providers: Vec<_> =
        quotes["quotes"].as_array().unwrap().iter().map(|quote| quote["provider"].clone()).collect();
    assert_eq!(providers, [json!("second"), json!("second")], "{quotes}");

    let stats = server.json("/v1/stats").await["providers"].clone();
    assert_eq!((&stats[0]["name"], &stats[1]["name"]), (&json!("first"), &json!("second")), "by priority");
    assert_eq!((&stats[0]["calls"], &stats[0]["failures"]), (&json!(1), &json!(1)), "{stats}");
    assert_eq!((&stats[1]["calls"], &stats[1]["answered"]), (&json!(1), &json!(2)), "{stats}");
    server.terminate();
}

#[tokio::test]
async fn where_no_provider_has_bars_it_is_said_so_without_a_list_of_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache.yaml");
    let quotes_alone = TWO.replace("    kind: replay\n", "    kind: replay\n    data: [price]\n");
    fs::write(&path, quotes_alone).unwrap();
    let server = Server::start(&folder.path().join("data"), &["--config", path.to_str().unwrap()]);
    let answer = server.get("/v1/bars/AAPL").await;
    assert_eq!(answer.status(), 404);
    let body: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(body["type"], "urn:problem-type:cache:not-offered", "{body}");
    let detail = body["detail"].as_str().unwrap();
    assert!(detail.contains("offers ohlcv: ask for one of price, or"), "{detail}");
    server.terminate();
}

#[test]
fn what_a_provider_can_not_be_told_is_refused_with_its_name_and_without_keys() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache.yaml");
    for (entry, part) in [
        (
            "{kind: yahoo, options: {max_bach: 3}}",
            "providers, yahoo: unknown field \"max_bach\": did you mean max_batch?",
        ),
        ("{kind: oanda, name: fx}", "providers, fx: account is missing"),
        ("{kind: csv}", "providers, csv: folder is missing"),
        ("{kind: csv, base_url: http://x}", "unknown field \"base_url\""),
        ("{kind: replay, options: {latency_ms: 3}}", "section replay"),
        ("{kind: alpha_vantage, options: {key: hunter2}}", "providers, alpha_vantage"),
        ("{kind: alpha_vantage, key: {env: NO_SUCH_KEY}}", "NO_SUCH_KEY"),
        ("{kind: yahoo}, {kind: yahoo}", "two providers are named \"yahoo\""),
        ("{kind: yahoo, quota: {per_day: 0}}", "cache.yaml:1:"),
    ] {
        fs::write(&path, format!("providers: [{entry}]\n")).unwrap();
        let flags = ["--listen=127.0.0.1:0", "--config", path.to_str().unwrap()];
        let said = refused(&mut command(&folder.path().join("data"), &flags));
        assert!(said.contains(part) && !said.contains("hunter2"), "{entry}: {said}");
    }
}

#[tokio::test]
async fn statistics_say_how_a_provider_is_and_what_it_said_last() {
    let service = InProcess::open(&["--throttle-ms=0"]).await;
    service.app.replay().faults().fail_next(1);
    service.get("/v1/quotes/AAPL").await;
    service.get("/v1/quotes?symbols=AAPL,NOPE").await;
    let provider = service.get("/v1/stats").await.json()["providers"][0].clone();
    let counts = ["calls", "keys", "answered", "unknown", "failures"].map(|name| provider[name].clone());
    assert_eq!(json!(counts), json!([2, 3, 1, 1, 1]), "{provider}");
    let error = provider["last_error"]["error"].as_str().unwrap();
    assert!(error.contains("replay failed") && provider["healthy"] == json!(true), "{provider}");
}

/// Starts a server of `configuration` in front of an upstream on a socket, which answers each path by `answer`.
async fn behind(
    configuration: impl Fn(&str) -> String,
    answer: fn(&str) -> String,
) -> (Server, tempfile::TempDir, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = asked.clone();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                match socket.read_u8().await {
                    Ok(byte) => head.push(byte),
                    Err(_) => break,
                }
            }
            let head = String::from_utf8(head).unwrap();
            let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
            seen.lock().unwrap().push(path.clone());
            let _ = socket.write_all(answer(&path).as_bytes()).await;
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache.yaml");
    fs::write(&path, configuration(&url)).unwrap();
    let server = Server::start(&folder.path().join("data"), &["--config", path.to_str().unwrap()]);
    (server, folder, asked)
}

fn said(status: &str, more: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{more}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn a_sole_provider_that_asks_for_a_day_of_silence_is_asked_sooner_and_health_says_so() {
    let one = |url: &str| {
        format!(
            "providers: [{{name: acme, kind: json, retries: 0, options: {{markets: [US], quotes: {{url: \"{url}/{{symbol}}\", price: /p}}}}}}]\n"
        )
    };
    let busy = |_: &str| said("429 Too Many Requests", "retry-after: 999999999\r\n", "");
    let (server, _folder, _asked) = behind(one, busy).await;
    assert_eq!(server.json("/health").await["status"], "healthy");
    server.json("/v1/quotes/AAPL").await;
    let health = server.json("/health").await;
    assert_eq!(
        (&health["status"], &health["providers"][0]["name"]),
        (&json!("degraded"), &json!("acme")),
        "{health}"
    );
    let provider = server.json("/v1/stats").await["providers"][0].clone();
    let now = Clock::system().now().as_micros() / 1000;
    let silent = provider["silent_until_unix_ms"].as_i64().unwrap() - now;
    assert!((200_000..=300_000).contains(&silent), "{provider}");
    assert_eq!(
        health["providers"][0]["silent_until_unix_ms"].as_i64().unwrap() / 1000,
        (now + silent) / 1000
    );
    server.terminate();
}

#[tokio::test]
async fn rule_69_through_the_service_one_instrument_is_one_call_and_its_identifier_is_sent_as_the_api_has_it()
{
    let one = |url: &str| {
        format!(
            "providers: [{{name: acme, kind: json, options: {{markets: [CRYPTO], symbols: {{names: {{BTC-USD: bitCoin}}}}, quotes: {{url: \"{url}/{{symbol}}\", price: /p}}}}}}]\n"
        )
    };
    let (server, _folder, asked) = behind(one, |_| said("200 OK", "", r#"{"p": 7}"#)).await;
    for spelling in ["BTC-USD", "btc-usd", "BTC@CRYPTO", "BTCUSD@CRYPTO", "BTC%2FUSD", "BTC_USD"] {
        let quote = server.json(&format!("/v1/quotes/{spelling}")).await;
        assert_eq!(
            (&quote["symbol"], &quote["price"]),
            (&json!("BTC@CRYPTO"), &json!(7.0)),
            "{spelling}: {quote}"
        );
    }
    assert_eq!(*asked.lock().unwrap(), ["/bitCoin"]);
    server.terminate();
}

#[tokio::test]
async fn a_symbol_that_an_api_does_not_know_by_its_status_is_unknown_and_remembered() {
    let one = |unknown: &str| {
        let options = format!(
            "markets: [US], {unknown} documents: {{fundamentals: {{url: \"URL/facts/{{symbol}}\"}}}}, quotes: {{url: \"URL/{{symbol}}\", price: /p}}"
        );
        move |url: &str| {
            format!(
                "providers: [{{name: acme, kind: json, retries: 0, options: {{{}}}}}]\n",
                options.replace("URL", url)
            )
        }
    };
    let gone = |_: &str| said("404 Not Found", "", r#"{"message": "no such symbol"}"#);
    let (server, _folder, asked) = behind(one("unknown_status: [404],"), gone).await;
    for _ in 0..3 {
        for path in ["/v1/quotes/NOPE", "/v1/fundamentals/NOPE"] {
            let answer = server.get(path).await;
            assert_eq!(answer.status(), 404, "{path}");
        }
    }
    assert_eq!(*asked.lock().unwrap(), ["/NOPE", "/facts/NOPE"]);
    server.terminate();

    let (server, _folder, _asked) = behind(one(""), gone).await;
    let answer = server.get("/v1/quotes/NOPE").await;
    assert_eq!(answer.status(), 400);
    let body: serde_json::Value = answer.json().await.unwrap();
    assert!(body.to_string().contains("set unknown_status: [404]"), "{body}");
    server.terminate();
}

#[tokio::test]
async fn days_of_which_no_bars_are_kept_are_not_days_without_trading() {
    let one = |url: &str| format!("providers: [{{kind: yahoo, base_url: \"{url}\"}}]\n");
    let minutes = |_: &str| {
        let now = Clock::system().now().as_micros() / 60_000_000 * 60;
        let times = [now - 120, now - 60];
        let body = json!({"chart": {"error": null, "result": [{
            "meta": {"symbol": "AAPL", "currency": "USD", "exchangeTimezoneName": "America/New_York"}, "timestamp": times,
            "indicators": {"quote": [{"open": [1, 1], "high": [1, 1], "low": [1, 1], "close": [1, 1], "volume": [null, 3]}]},
        }]}});
        said("200 OK", "", &body.to_string())
    };
    let (server, _folder, _asked) = behind(one, minutes).await;
    let all = server.json("/v1/bars/AAPL?interval=1m").await;
    let volumes: Vec<_> = all["bars"].as_array().unwrap().iter().map(|bar| bar["volume"].clone()).collect();
    assert_eq!(volumes, [json!(null), json!(3)], "{all}");
    let first = all["complete_from"].as_str().unwrap().to_owned();
    let problem = server.json("/v1/bars/AAPL?interval=1m&from=2020-01-02&to=2020-01-03").await;
    assert_eq!((&problem["status"], &problem["complete_from"]), (&json!(404), &json!(first)), "{problem}");
    assert!(problem["type"].as_str().unwrap().ends_with("not-kept"), "{problem}");
    server.terminate();
}
