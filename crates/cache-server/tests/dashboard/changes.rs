//! What is clicked takes effect: after a dry run that counts it, and a confirmation that names the counts.

use serde_json::json;

use crate::Watched;

#[tokio::test]
async fn an_invalidation_by_click_is_counted_first_and_takes_effect_once_it_is_confirmed() {
    let watched = Watched::start(&[]).await;
    let (browser, server) = (&watched.browser, &watched.server);
    let is_held = async || {
        let told = server.get("/cache/keys/price:AAPL").await;
        told.status() == 200 && told.json::<serde_json::Value>().await.unwrap().get("served_from").is_some()
    };
    // By keyboard, and as the API tells it.
    browser.fill("#lookup-key", "price:AAPL\n").await;
    browser.until_text("#lookup-name", "price:AAPL").await;
    let told = browser.texts("#lookup-body tbody th").await;
    assert_eq!(told, ["Memory", "Disk"]);
    assert!(browser.text("#lookup-miss").await.contains("never there"));

    browser.click("#lookup-body .danger").await;
    browser.until("a dialog", "return document.querySelector('#confirm').open").await;
    let counted = browser.texts("#confirm-body li").await;
    assert_eq!(counted, ["Memory: 1 value", "Disk: 1 value"]);
    assert_eq!(browser.text("#confirm-yes").await, "Invalidate 1 to 2 keys");
    assert!(is_held().await, "a dry run ends nothing");
    browser.click("#confirm [value='no']").await;
    browser.until_text("#log", "left as it is").await;
    assert!(is_held().await, "nothing is done that was not confirmed");

    browser.click("#lookup-body .danger").await;
    browser.until("a dialog", "return document.querySelector('#confirm').open").await;
    browser.click("#confirm-yes").await;
    browser.until_text("#log", "Invalidated key price:AAPL: 1 in Memory, 1 in Disk").await;
    assert!(!is_held().await, "it took effect");
    // The page shows what is left of it, and why nothing is.
    browser.until_text("#lookup-body", "nothing is held of").await;
    // Each change is listed once, though the service tells of it, too.
    assert_eq!(browser.texts("#log li").await.len(), 2);
}

#[tokio::test]
async fn what_is_marked_stale_by_click_is_served_flagged_and_changes_made_elsewhere_are_listed() {
    let watched = Watched::start(&["--grace-price=3600"]).await;
    let (browser, server) = (&watched.browser, &watched.server);
    browser.js("const it = document.querySelector('#act-what'); it.value = 'patterns'; it.dispatchEvent(new Event('change'))").await;
    browser.fill("#act-name", "price:A*").await;
    browser.click("#act-form [value='soft']").await;
    browser.until("a dialog", "return document.querySelector('#confirm').open").await;
    let dry = json!({"patterns": ["price:A*"], "mode": "soft", "dry_run": true});
    let dry = server.client.post(format!("{}/cache/invalidate", server.url)).json(&dry).send().await.unwrap();
    let dry: serde_json::Value = dry.json().await.unwrap();
    let counted = browser.texts("#confirm-body li").await;
    let expected = [("Memory", "memory"), ("Disk", "disk")];
    assert_eq!(counted, expected.map(|(name, tier)| format!("{name}: {} values", dry["removed"][tier])));
    browser.click("#confirm-yes").await;
    browser.until_text("#log", "Marked stale pattern price:A*").await;
    let held = server.json("/cache/keys/price:AAPL").await;
    assert_eq!(held["places"][0]["entry"]["state"], "stale", "{held}");

    let tags = json!({"tags": ["MSFT"]});
    server.client.post(format!("{}/cache/invalidate", server.url)).json(&tags).send().await.unwrap();
    browser.until_text("#log", "Elsewhere: invalidate {\"tags\":[\"MSFT\"]}").await;
}

#[tokio::test]
async fn without_the_token_nothing_private_is_shown_and_with_it_the_page_may_change_things() {
    const TOKEN: &str = "a-token-of-many-letters";
    let watched = Watched::with_token(&[], Some(TOKEN)).await;
    let browser = &watched.browser;
    let is_shown = |css: &str| format!("return document.querySelector('{css}').checkVisibility()");
    assert_eq!(browser.js(&is_shown("#keys-locked")).await, true);
    assert_eq!(browser.js(&is_shown("#keys-open")).await, false);
    assert!(!browser.text("main").await.contains("price:AAPL"));

    let give = async |token: &str| {
        browser.click("#access").await;
        browser.fill("#token-input", &format!("{token}\n")).await;
    };
    give("another-token-of-letters").await;
    browser.until_text("#access", "Token refused").await;
    browser.until_text("#refusal", "is not that of the setting access_token").await;
    give(TOKEN).await;
    browser.until_text("#access", "Token accepted").await;
    assert_eq!(browser.js(&is_shown("#refusal")).await, false);
    assert_eq!(browser.js(&is_shown("#keys-open")).await, true);
    browser.click("#browse-form button").await;
    browser.until_text("#browse-body", "price:AAPL").await;
    assert_eq!(
        browser.js("return sessionStorage.length + localStorage.length + document.cookie.length").await,
        0
    );
    for request in browser.requests().await {
        assert!(!request["url"].as_str().unwrap().contains("token-of"), "{request}");
    }
    browser.click("#access").await;
    browser.click("#token-forget").await;
    browser.until("locked again", &is_shown("#keys-locked")).await;
}

#[tokio::test]
async fn where_no_token_is_configured_a_refused_one_is_told_from_a_wrong_one() {
    let watched = Watched::start(&[]).await;
    let browser = &watched.browser;
    // As if a proxy on this machine had sent it.
    browser.command("Network.enable", json!({})).await;
    let headers = json!({"headers": {"x-forwarded-for": "192.0.2.7"}});
    browser.command("Network.setExtraHTTPHeaders", headers).await;
    browser.open(&watched.server.url).await;
    browser.until_text("#access", "Enter token").await;
    browser.click("#access").await;
    browser.fill("#token-input", "a-token-of-many-letters\n").await;
    browser.until_text("#access", "Token refused").await;
    browser.until_text("#refusal", "only a program on the machine of the service").await;
    assert!(browser.text("#refusal").await.contains("set access_token"));
}
