//! The dashboard as it is sent: to browsers, compressed or not, once for each version, and what it may do.

use std::io::Read;

use axum::{
    body::Body,
    http::{HeaderValue, Request},
};
use flate2::read::GzDecoder;
use serde_json::json;

use crate::fixture::in_process::{InProcess, Reply};

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

async fn get(service: &InProcess, path: &str, headers: &[(&str, &str)]) -> Reply {
    let mut request = Request::get(path).body(Body::empty()).unwrap();
    for (name, value) in headers {
        let name: axum::http::HeaderName = name.parse().unwrap();
        request.headers_mut().insert(name, HeaderValue::from_str(value).unwrap());
    }
    service.send(request).await
}

/// Returns the paths of the parts that the page names.
fn parts(html: &str) -> Vec<&str> {
    let begins = html.split(['"']).filter_map(|text| text.strip_prefix("./"));
    begins.filter(|path| path.starts_with("dashboard/")).collect()
}

#[tokio::test]
async fn browsers_get_the_page_and_programs_the_index() {
    let service = InProcess::open_at("2024-07-02T16:00:00Z", &[]).await;
    let index = service.get("/").await;
    assert_eq!((index.json()["name"].clone(), index.header("vary")), (json!("cache-server"), "accept"));
    let page = get(&service, "/", &[("accept", BROWSER)]).await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "text/html; charset=utf-8"));
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{policy}");
    assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
    let html = String::from_utf8(page.body.clone()).unwrap();
    for inline in ["<style", " style=", " onclick", "javascript:", "http:", "https:"] {
        let shown = html.replace("http://www.w3.org/2000/svg", "");
        assert!(!shown.contains(inline), "the policy refuses {inline}");
    }
    assert_eq!(html.matches("<script").count(), html.matches("src=\"./dashboard/").count());
    assert_eq!(service.get("/?x=1").await.status, 400);
}

#[tokio::test]
async fn each_part_is_there_and_is_sent_once_and_compressed_to_those_who_take_it() {
    let service = InProcess::open_at("2024-07-02T16:00:00Z", &[]).await;
    let page = get(&service, "/", &[("accept", BROWSER)]).await;
    let html = String::from_utf8(page.body).unwrap();
    let mut paths = parts(&html);
    paths.sort_unstable();
    paths.dedup();
    assert!(paths.len() >= 8, "{paths:?}");
    // What a script imports is there, too.
    for script in
        ["main", "charts", "connection", "history", "keys", "actions", "state", "surroundings", "words"]
    {
        let text = get(&service, &format!("/dashboard/js/{script}.js"), &[]).await;
        assert_eq!(text.status, 200, "{script}");
        let text = String::from_utf8(text.body).unwrap();
        assert!(!text.contains("innerHTML") && !text.contains("insertAdjacentHTML"), "{script}");
        for import in text.lines().filter_map(|line| line.split("from \"./").nth(1)) {
            let file = import.split('"').next().unwrap();
            assert_eq!(
                get(&service, &format!("/dashboard/js/{file}"), &[]).await.status,
                200,
                "{script}: {file}"
            );
        }
    }
    for path in paths.into_iter().map(|path| format!("/{path}")).chain(["/".to_owned()]) {
        let plain = get(&service, &path, &[("accept", BROWSER)]).await;
        assert_eq!((plain.status.as_u16(), plain.header("cache-control")), (200, "no-cache"), "{path}");
        assert_eq!(plain.header("x-content-type-options"), "nosniff", "{path}");
        let small = get(&service, &path, &[("accept", BROWSER), ("accept-encoding", "gzip")]).await;
        assert_eq!(small.header("content-encoding"), "gzip", "{path}");
        let mut text = Vec::new();
        GzDecoder::new(&*small.body).read_to_end(&mut text).unwrap();
        assert_eq!(text, plain.body, "{path}");
        let known = [("accept", BROWSER), ("if-none-match", plain.header("etag"))];
        let again = get(&service, &path, &known).await;
        assert_eq!((again.status.as_u16(), again.body.len()), (304, 0), "{path}");
    }
    for path in ["/dashboard/", "/dashboard/none.js", "/dashboard/../Cargo.toml", "/dashboard/js"] {
        assert_eq!(get(&service, path, &[]).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn the_overview_has_what_the_other_routes_tell() {
    let service = InProcess::open_at("2024-07-02T16:00:00Z", &[]).await;
    for symbol in ["AAPL", "MSFT", "AAPL"] {
        service.get(&format!("/v1/quotes/{symbol}")).await;
    }
    let overview = service.get("/cache/overview").await.json();
    let brief = service.get("/cache/metrics").await.json();
    let all = &overview["traffic"]["since_start"];
    assert_eq!((&all["reads"], &all["hits"]), (&brief["total_operations"], &brief["hits"]));
    let stats = service.get("/v1/stats").await.json();
    assert_eq!(overview["providers"][0]["calls"], stats["providers"][0]["calls"]);
    assert_eq!(overview["memory"]["weight"], stats["memory"]["weight"]);
    let answers = overview["traffic"]["answers"].as_array().unwrap();
    let loaded = answers.iter().find(|from| from["source"] == "loader").unwrap();
    assert_eq!((&loaded["count"], &all["loaded"]), (&json!(2), &json!(2)), "{overview}");
    let nyse =
        overview["markets"].as_array().unwrap().iter().find(|market| market["code"] == "XNYS").unwrap();
    assert_eq!((&nyse["open"], &nyse["next_close_unix_ms"]), (&json!(true), &json!(1_719_950_400_000_i64)));
    let told = service.get("/cache/keys/price:AAPL").await.json();
    assert_eq!(told["last_miss"]["cause"], "never_there", "{told}");
    assert_eq!(service.get("/cache/events?overview=maybe").await.status, 400);
}
