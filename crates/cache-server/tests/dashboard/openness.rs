//! The page is for everybody, light, and keeps to itself.

use crate::Watched;

/// How much may be transferred until the page is painted.
const MAX_FIRST_PAINT: u64 = 100_000;
/// Whether the charts are drawn.
const FOUR_CHARTS: &str = "return document.querySelectorAll('.plot canvas').length === 4";

/// Opens what can be opened, so that all of the page is looked at.
async fn open_all(watched: &Watched) {
    let browser = &watched.browser;
    browser.fill("#lookup-key", "price:AAPL\n").await;
    browser.until_text("#lookup-name", "price:AAPL").await;
    browser.click("#browse-form button").await;
    browser.until_text("#browse-body", "price:AAPL").await;
    browser.js("document.querySelectorAll('details').forEach((it) => { it.open = true; })").await;
    watched.shown_overview().await;
}

#[tokio::test]
async fn axe_finds_no_serious_fault_in_light_and_dark_wide_and_narrow() {
    let watched = Watched::start(&[]).await;
    let browser = &watched.browser;
    open_all(&watched).await;
    for (scheme, width, is_mobile) in
        [("light", 1320, false), ("dark", 1320, false), ("light", 360, true), ("dark", 360, true)]
    {
        browser.prefer(scheme).await;
        browser.resize(width, 800, is_mobile).await;
        watched.shown_overview().await;
        let faults = browser.faults().await;
        assert!(faults.is_empty(), "{scheme}, {width}: {faults:#?}");
        let too_wide = browser.js("return document.documentElement.scrollWidth - innerWidth").await;
        assert_eq!(too_wide, 0, "{width}: nothing is wider than the window");
    }
    // Dialogs, too.
    browser.click("#lookup-body .danger").await;
    browser.until("a dialog", "return document.querySelector('#confirm').open").await;
    assert_eq!(browser.faults().await, [""; 0]);
    browser.click("#confirm [value='no']").await;
    browser.click("#access").await;
    assert_eq!(browser.faults().await, [""; 0]);
}

#[tokio::test]
async fn the_page_complains_of_nothing_asks_nobody_else_and_is_light() {
    let watched = Watched::start(&[]).await;
    let (browser, url) = (&watched.browser, &watched.server.url);
    let bytes = "return [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]\
                 .filter((it) => !it.name.includes('/cache/')).reduce((sum, it) => sum + it.transferSize, 0)";
    let bytes = browser.js(bytes).await.as_u64().unwrap();
    println!("first paint: {bytes} bytes");
    assert!((20_000..MAX_FIRST_PAINT).contains(&bytes), "{bytes} bytes");
    open_all(&watched).await;
    browser.click("[data-span='day']").await;
    browser.click("[data-span='live']").await;
    browser.click("#advice-try").await;
    browser.until("it was tried", "return !document.querySelector('#advice-try').disabled").await;
    browser.prefer("dark").await;
    watched.shown_overview().await;
    assert_eq!(browser.complaints().await, [""; 0]);
    let requests = browser.requests().await;
    assert!(requests.len() > 15, "{requests:?}");
    for request in requests {
        let asked = request["url"].as_str().unwrap();
        assert!(asked.starts_with(&format!("{url}/")), "{asked}");
    }
    browser.until("four charts", FOUR_CHARTS).await;
}

#[tokio::test]
async fn a_chart_that_was_hidden_while_the_colours_changed_is_drawn_when_it_is_shown() {
    let watched = Watched::start(&[]).await;
    let browser = &watched.browser;
    browser.until("four charts", FOUR_CHARTS).await;
    for scheme in ["dark", "light"] {
        browser.click("[data-span='day']").await;
        browser.until("waits hidden", "return document.querySelector('#chart-waits').hidden").await;
        browser.prefer(scheme).await;
        browser.until("three charts", "return document.querySelectorAll('.plot canvas').length === 3").await;
        browser.click("[data-span='live']").await;
        browser.until("four charts", FOUR_CHARTS).await;
    }
}
