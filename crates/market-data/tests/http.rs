//! What the client that adapters share promises, shown over real connections.

mod upstream;

use std::{io::Write, time::Duration};

use cache_core::{Clock, Secret};
use flate2::{Compression, write::GzEncoder};
use market_data::{
    ProviderError, ProviderErrorKind,
    http::{HttpClient, HttpClientConfig, HttpReply, HttpRequest},
};
use upstream::{Answer, Upstream};

const SECRET: &str = "hunter2/key+1";

fn client(upstream: &Upstream, change: impl FnOnce(&mut HttpClientConfig)) -> HttpClient {
    let mut settings = HttpClientConfig::new(format!("{}/api", upstream.url()));
    change(&mut settings);
    HttpClient::new("example", settings, Clock::manual()).unwrap()
}

fn secret() -> Secret {
    Secret::from(SECRET)
}

fn call() -> HttpRequest {
    HttpRequest::get(["quotes"]).query("symbols", "A,B").secret_query("apikey", &secret()).bearer(&secret())
}

async fn ask(upstream: &Upstream) -> Result<HttpReply, ProviderError> {
    client(upstream, |_| {}).send(&call()).await
}

fn assert_hidden(shown: &str) {
    let encoded: String = url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
    assert!(!shown.contains("hunter2") && !shown.contains(&encoded), "{shown}");
}

#[tokio::test]
async fn a_call_goes_under_the_base_with_its_secrets_and_its_answer_comes_whole() {
    let upstream =
        Upstream::saying([Answer::new(200, "[1]").header("set-cookie", "a=1").header("Set-Cookie", "b=2")])
            .await;
    let reply = ask(&upstream).await.unwrap().succeeded().unwrap();
    assert_eq!((reply.status, &reply.body[..]), (200, &b"[1]"[..]));
    assert_eq!(reply.headers("set-cookie").collect::<Vec<_>>(), ["a=1", "b=2"]);
    let asked = upstream.asked().remove(0);
    assert_eq!((asked.path(), asked.query("symbols").as_deref()), ("/api/quotes", Some("A,B")));
    assert_eq!(asked.query("apikey").as_deref(), Some(SECRET));
    assert_eq!(asked.header("authorization"), Some(format!("Bearer {SECRET}").as_str()));
    assert!(asked.header("user-agent").unwrap().starts_with("cache-market/"));
}

#[tokio::test]
async fn failures_are_told_apart_by_status() {
    for (status, fault) in [
        (301, ProviderErrorKind::BadAnswer),
        (400, ProviderErrorKind::BadRequest),
        (401, ProviderErrorKind::Refused),
        (403, ProviderErrorKind::Refused),
        (404, ProviderErrorKind::BadRequest),
        (408, ProviderErrorKind::TimedOut),
        (429, ProviderErrorKind::Throttled { retry_after: None }),
        (500, ProviderErrorKind::Broken),
        (503, ProviderErrorKind::Broken),
        (599, ProviderErrorKind::Broken),
    ] {
        let upstream = Upstream::saying([Answer::new(status, "Too  Many\r\nRequests")]).await;
        let error = ask(&upstream).await.unwrap().succeeded().unwrap_err();
        assert_eq!(error.kind(), fault, "{status}");
        assert_eq!(error.message(), format!("example answered {status}: Too Many Requests"));
        assert_eq!(upstream.calls(), 1, "the client itself never tries again");
    }
}

#[tokio::test]
async fn retry_after_is_read_as_seconds_or_a_date_of_the_clock() {
    // The manual clock stands at the beginning of 2020.
    for (status, text, seconds) in
        [(429, "30", 30), (503, "7", 7), (429, "Wed, 01 Jan 2020 00:02:00 GMT", 120)]
    {
        let upstream = Upstream::saying([Answer::new(status, "").header("retry-after", text)]).await;
        let error = ask(&upstream).await.unwrap().failure();
        assert_eq!(
            error.kind(),
            ProviderErrorKind::Throttled { retry_after: Some(Duration::from_secs(seconds)) }
        );
    }
}

#[tokio::test]
async fn a_secret_that_the_upstream_repeats_is_struck_out() {
    let echo = format!(
        "{}\u{7}Key {SECRET} is over its limit at ?apikey=hunter2%2Fkey%2B1 {}",
        "x".repeat(100),
        SECRET
    );
    let upstream = Upstream::saying([Answer::new(429, echo)]).await;
    let reply = ask(&upstream).await.unwrap();
    assert!(reply.excerpt().contains("Key … is over its limit"), "{}", reply.excerpt());
    assert_hidden(&reply.excerpt());
    assert_hidden(&format!(
        "{reply:?} {} {}",
        reply.failure(),
        reply.error(ProviderErrorKind::BadAnswer, SECRET)
    ));
    assert_hidden(&format!("{:?} {:?}", call(), client(&upstream, |_| {})));
}

#[tokio::test]
async fn no_failure_to_be_answered_shows_a_secret() {
    let gone = {
        let upstream = Upstream::saying([]).await;
        HttpClientConfig::new(upstream.url())
    };
    let client = HttpClient::new("example", gone, Clock::manual()).unwrap();
    let unreachable = client.send(&call()).await.unwrap_err();
    assert_eq!(unreachable.kind(), ProviderErrorKind::Unreachable);
    assert!(unreachable.message().starts_with("example can't be reached at 127.0.0.1: "), "{unreachable}");

    let dropped = ask(&Upstream::saying([Answer::dropped()]).await).await.unwrap_err();
    let cut = ask(&Upstream::saying([Answer::new(200, "[1, 2]").cut(3)]).await).await.unwrap_err();
    let no_gzip = Answer::new(200, "[1, 2]").header("content-encoding", "gzip");
    let no_gzip = ask(&Upstream::saying([no_gzip]).await).await.unwrap_err();
    for error in [&dropped, &cut, &no_gzip] {
        assert_eq!(error.kind(), ProviderErrorKind::Unreachable, "{error}");
        assert!(error.message().starts_with("example broke off its response: "), "{error}");
    }
    for error in [unreachable, dropped, cut, no_gzip] {
        assert_hidden(&format!("{error} {error:?} {}", cache_core::Error::from(error.clone())));
    }
}

#[tokio::test]
async fn an_upstream_that_says_nothing_is_waited_for_no_longer_than_allowed() {
    let upstream = Upstream::saying([Answer::silent()]).await;
    let client = client(&upstream, |settings| settings.timeout = Duration::from_millis(50));
    let error = client.send(&call()).await.unwrap_err();
    assert_eq!((error.kind(), upstream.calls()), (ProviderErrorKind::TimedOut, 1));
    assert_hidden(&format!("{error:?}"));
}

#[tokio::test]
async fn a_body_is_read_up_to_its_bound_compressed_or_not() {
    let zip = |len: usize| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&vec![b' '; len]).unwrap();
        Answer::new(200, encoder.finish().unwrap()).header("content-encoding", "gzip")
    };
    for (answer, fits) in [
        (Answer::new(200, vec![b' '; 1000]), true),
        (Answer::new(200, vec![b' '; 1001]), false),
        (zip(1000), true),
        (zip(1001), false),
        (zip(50_000_000), false),
    ] {
        let upstream = Upstream::saying([answer]).await;
        let outcome = client(&upstream, |settings| settings.max_body = 1000).send(&call()).await;
        match outcome {
            Ok(reply) => assert!(fits && reply.body.len() == 1000),
            Err(error) => {
                assert!(!fits && error.kind() == ProviderErrorKind::BadAnswer, "{error}");
                assert!(error.message().contains("more than 1000 bytes"), "{error}");
            }
        }
        assert!(upstream.asked()[0].header("accept-encoding").unwrap().contains("gzip"));
    }
}

#[tokio::test]
async fn redirects_are_followed_at_home_and_no_key_leaves_it() {
    let stranger = Upstream::saying([Answer::new(200, "stolen")]).await;
    let away = Answer::new(302, "").header("location", format!("{}/x", stranger.url()));
    let home = Answer::new(302, "").header("location", "/api/other");
    let upstream = Upstream::saying([home.clone(), Answer::new(200, "found"), away]).await;
    let client = client(&upstream, |_| {});
    assert_eq!(&client.send(&call()).await.unwrap().body[..], b"found");
    assert_eq!(upstream.asked()[1].path(), "/api/other");
    let stopped = client.send(&call()).await.unwrap();
    assert_eq!((stopped.status, stranger.calls()), (302, 0));

    let round = Upstream::saying([home]).await;
    assert_eq!(ask(&round).await.unwrap().status, 302);
    assert_eq!(round.calls(), 4, "the first and three more");
}

#[tokio::test]
async fn a_recorded_exchange_is_answered_as_it_was() {
    let text = r#"{"url": "https://x", "status": 404, "headers": {"content-encoding": "br", "x-a": ["1", "2"]}, "body": "{\"a\":1}"}"#;
    let upstream = Upstream::saying([Answer::recorded(text)]).await;
    let reply = ask(&upstream).await.unwrap();
    assert_eq!((reply.status, &reply.body[..]), (404, &br#"{"a":1}"#[..]));
    assert_eq!(reply.headers("x-a").collect::<Vec<_>>(), ["1", "2"]);
}

#[test]
fn a_base_that_is_none_is_refused_and_its_password_not_shown() {
    for (base, why) in [
        ("", "is invalid"),
        ("api.example.com", "is invalid"),
        ("ftp://x/", "is a ftp URL"),
        ("data:text", "is a data URL"),
        ("https://me:hunter2@x/", "leave that out"),
        ("https://x/?key=hunter2", "leave that out"),
        ("https://x/#hunter2", "leave that out"),
    ] {
        let error = HttpClient::new("example", HttpClientConfig::new(base), Clock::manual()).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(why) && text.contains("example") && !text.contains("hunter2"), "{text}");
    }
    let settings = HttpClientConfig { user_agent: "a\nb".into(), ..HttpClientConfig::new("http://x") };
    assert!(HttpClient::new("example", settings, Clock::manual()).is_err());
}

/// Compressed to a few KiB, each would become more than a gigabyte of values.
#[tokio::test]
async fn a_body_of_few_bytes_and_many_values_is_refused_while_it_is_read() {
    let many = |value: &str| format!("[{}1]", value.repeat((15 << 20) / value.len()));
    for body in [many("1,"), many("{\"a\":{}},"), many("[],"), many("\"\",")] {
        let mut zip = GzEncoder::new(Vec::new(), Compression::best());
        zip.write_all(body.as_bytes()).unwrap();
        let zipped = zip.finish().unwrap();
        assert!(zipped.len() < 64 << 10, "{}", zipped.len());
        let upstream = Upstream::saying([Answer::new(200, zipped).header("content-encoding", "gzip")]).await;
        let error = ask(&upstream).await.unwrap_err();
        assert_eq!(error.kind(), ProviderErrorKind::BadAnswer);
        assert!(error.message().contains("500000 values"), "{error}");
    }
    let deep = Upstream::saying([Answer::new(200, "[".repeat(100))]).await;
    assert!(ask(&deep).await.unwrap_err().message().contains("nested more than 64"));
    let bound = Upstream::saying([Answer::new(200, "[1,2,3,4]")]).await;
    assert!(client(&bound, |settings| settings.max_items = 4).send(&call()).await.is_ok());
    assert!(client(&bound, |settings| settings.max_items = 3).send(&call()).await.is_err());
}
