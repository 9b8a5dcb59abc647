//! A router that an application nests, without providers and markets, with many keys whose names are unkind.

use std::net::SocketAddr;

use axum::{Router, routing::get};
use cache_analytics::Analytics;
use cache_core::Clock;
use cache_facade::Cache;
use cache_http::Management;
use tokio::net::TcpListener;

use crate::browser::Browser;

const UNKIND: &str = "<img src=x onerror=document.title='harmed'>&amp;\"' ";

/// Serves an application whose cache holds so many keys, and the unkind one. Returns its address.
pub(crate) async fn application(keys: usize) -> SocketAddr {
    let clock = Clock::system();
    let analytics = Analytics::new(clock.clone());
    let cache = Cache::builder().clock(clock).observer(analytics.clone()).build().await.unwrap();
    let notes = cache.region::<String>("note").ttl("1h").open().unwrap();
    notes.put(UNKIND, "text".to_owned()).await.unwrap();
    for n in 0..keys {
        notes.put(&format!("n{n:05}"), "text".to_owned()).await.unwrap();
    }
    for _ in 0..2000 {
        notes.get(UNKIND).await.unwrap();
    }
    let management = Management::builder(&cache).analytics(analytics).build();
    let app =
        Router::new().route("/", get(|| async { "an application" })).nest("/admin", management.router(None));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let _cache = cache;
        axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nested_page_works_without_providers_and_takes_keys_with_markup_for_text() {
    let address = application(10_000).await;
    let browser = Browser::start(1320, 1000).await;
    browser.open(&format!("http://{address}/admin")).await;
    for absent in ["providers", "markets", "warming"] {
        let is_hidden =
            browser.js(&format!("return document.querySelector('#{absent}').checkVisibility()")).await;
        assert_eq!(is_hidden, false, "{absent}: nobody tells of it");
    }
    browser.until_text("#sources-body", "Memory answers most").await;
    let key = format!("note:{UNKIND}");
    browser.until_text("#hot-body", &key).await;

    // Ten thousand keys, a page at a time.
    browser.fill("#browse-pattern", "note:*\n").await;
    browser.until_text("#browse-place", "page 1, 50 keys").await;
    let first = browser.texts("#browse-body tbody th").await;
    assert_eq!(first.len(), 50);
    browser.click("#browse-next").await;
    browser.until_text("#browse-place", "page 2, 50 keys").await;
    let second = browser.texts("#browse-body tbody th").await;
    assert!(second.iter().all(|key| !first.contains(key)), "{second:?}");
    browser.click("#browse-back").await;
    browser.until_text("#browse-place", "page 1, 50 keys").await;
    assert_eq!(browser.texts("#browse-body tbody th").await, first);

    // What looks like markup is a name, wherever it is shown, and is looked up and ended like any other.
    browser.fill("#lookup-key", &format!("{key}\n")).await;
    browser.until_text("#lookup-name", &key).await;
    browser.click("#lookup-body .danger").await;
    browser.until("a dialog", "return document.querySelector('#confirm').open").await;
    assert!(browser.text("#confirm-h").await.contains(&key));
    browser.click("#confirm-yes").await;
    browser.until_text("#log", &format!("Invalidated key {key}: 1 in Memory")).await;
    assert_eq!(browser.js("return document.querySelectorAll('main img').length").await, 0);
    assert_ne!(browser.js("return document.title").await, "harmed");
    let complaints = browser.complaints().await;
    assert!(complaints.iter().all(|told| told.contains("404")), "{complaints:?}");
    for request in browser.requests().await {
        let asked = request["url"].as_str().unwrap();
        assert!(asked.starts_with(&format!("http://{address}/admin")), "{asked}");
    }
}
