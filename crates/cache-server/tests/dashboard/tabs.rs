//! A browser keeps few connections to a service, all its tabs together.

use crate::Watched;

/// How many tabs are open beside the first: as many as a browser keeps connections to a host.
const TABS: usize = 6;

#[tokio::test]
async fn hidden_pages_let_their_streams_go_and_the_one_that_is_shown_can_do_anything() {
    let watched = Watched::start(&[]).await;
    let (browser, url) = (&watched.browser, &watched.server.url);
    let first = browser.tab().await;
    for _ in 0..TABS {
        browser.set_hidden(true).await;
        browser.until("paused", "return document.body.dataset.connection === 'paused'").await;
        browser.new_tab().await;
        browser.open(url).await;
    }
    browser.fill("#lookup-key", "price:AAPL\n").await;
    browser.until_text("#lookup-name", "price:AAPL").await;

    // What is shown again goes on by itself, with figures of now.
    browser.switch_to(&first).await;
    let shown = watched.server.json("/cache/overview").await["at_unix_ms"].as_i64().unwrap();
    assert_eq!(browser.text("#connection-text").await, "Paused while this page is hidden");
    browser.set_hidden(false).await;
    browser.until("figures of now", &format!("return Number(document.body.dataset.shown) >= {shown}")).await;
    assert_eq!(browser.text("#connection-text").await, "Live");
}
