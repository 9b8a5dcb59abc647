//! The figures of the page are those of the API.

use serde_json::Value;

use crate::Watched;

/// A number of the API, as the page writes it as long as it is small.
fn text(value: &Value) -> String {
    let text = value.as_u64().unwrap().to_string();
    assert!(text.len() < 4, "{text} would have a separator");
    text
}

/// A share of the API, as the page writes it.
fn percent(value: &Value) -> String {
    let percent = value.as_f64().unwrap() * 100.0;
    if percent == 0.0 || percent == 100.0 { format!("{percent:.0} %") } else { format!("{percent:.1} %") }
}

#[tokio::test]
async fn the_values_on_the_page_are_those_of_the_api() {
    let watched = Watched::start(&[]).await;
    let (browser, server) = (&watched.browser, &watched.server);
    let overview = watched.shown_overview().await;
    let all = &overview["traffic"]["since_start"];
    // The same as elsewhere.
    let brief = server.json("/cache/metrics").await;
    assert_eq!((&brief["total_operations"], &brief["hits"]), (&all["reads"], &all["hits"]));
    let stats = server.json("/v1/stats").await;
    assert_eq!(stats["memory"]["entries"], overview["memory"]["entries"]);
    assert_eq!(stats["providers"][0]["calls"], overview["providers"][0]["calls"]);

    let rate = browser.text("[data-tile='Hit rate']").await;
    let since_start =
        format!("{} of {} reads since the start", percent(&all["hit_rate"]), text(&all["reads"]));
    assert!(rate.contains(&since_start), "{rate}: {since_start}");
    // What providers were called for, and not what computed kinds loaded.
    let made = text(&overview["providers"][0]["calls"]);
    assert_eq!(browser.text("[data-tile='Provider calls'] .value").await, format!("{made}since the start"));
    let calls = browser.text("[data-tile='Provider calls']").await;
    let told = format!("{} loads saved since the start", text(&all["calls_saved"]));
    assert!(calls.contains(&told), "{calls}: {told}");

    let rows = browser.texts("#sources-body tbody tr").await;
    let memory = format!("Memory{}", text(&all["memory_hits"]));
    assert!(rows[0].starts_with(&memory), "{rows:?}: {memory}");
    let loaded = overview["traffic"]["answers"].as_array().unwrap();
    let loaded = loaded.iter().find(|from| from["source"] == "loader").unwrap();
    let loader = format!("Providers{}", text(&loaded["count"]));
    assert!(rows.iter().any(|row| row.starts_with(&loader)), "{rows:?}: {loader}");

    let misses = overview["traffic"]["sources"].as_array().unwrap();
    let misses = misses.iter().find(|source| source["name"] == "memory").unwrap();
    let never = text(&misses["misses"]["never_there"]);
    let told = browser.text("[data-cause='never_there'] .num").await;
    assert!(told.starts_with(&format!("{never} ·")), "{told}: {never}");

    let kinds = browser.texts("#kinds-body tbody tr").await;
    for kind in overview["traffic"]["kinds"].as_array().unwrap().iter().filter(|kind| kind["reads"] != 0) {
        let name = kind["kind"].as_str().unwrap();
        let row =
            format!("{name}{}{}{}", text(&kind["reads"]), percent(&kind["hit_rate"]), text(&kind["calls"]));
        assert!(kinds.iter().any(|told| told.starts_with(&row)), "{kinds:?}: {row}");
    }
    let entries = format!("{} entries", text(&overview["memory"]["entries"]));
    assert!(browser.text("[data-tier='memory']").await.contains(&entries), "{entries}");
    let provider = &overview["providers"][0];
    let told = browser.text("[data-provider]").await;
    assert!(
        told.contains(&format!("{} calls for {} keys", text(&provider["calls"]), text(&provider["keys"]))),
        "{told}"
    );

    // Each market is told, and those that are open as such.
    let markets = overview["markets"].as_array().unwrap();
    assert_eq!(browser.texts(".clock li").await.len(), markets.len());
    for market in markets {
        let code = market["code"].as_str().unwrap();
        let is_open =
            browser.js(&format!("return document.querySelector('[data-market=\"{code}\"]').className")).await;
        assert_eq!(is_open == "open", market["open"] == true, "{code}");
    }
}

#[tokio::test]
async fn a_new_operator_learns_who_answers_why_reads_miss_what_is_at_risk_and_what_to_change() {
    // A quota that is used up by what was asked for.
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("cache.yaml");
    let entry = "providers: [{name: scarce, kind: replay, quota: {per_day: 6}, price_per_call: 0.5}]\n";
    std::fs::write(&file, entry).unwrap();
    let watched = Watched::start(&[&format!("--config={}", file.display())]).await;
    let (browser, server) = (&watched.browser, &watched.server);
    for n in 0..120 {
        let _ = server.get(&format!("/v1/quotes/NONE{n}")).await;
    }
    for _ in 0..120 {
        server.get("/v1/quotes/AAPL").await;
    }
    watched.shown_overview().await;
    // Reads that fail are the worst, and why they do comes with it; a provider without calls is not well.
    browser.until_text("#state-line .tone-bad", "Failing").await;
    browser.until_text("#state-line", "of the last minute failed; scarce has no calls left of 6").await;
    browser.until_text("[data-tile='Failed reads']", " of ").await;
    browser.until_text("#health-body", "not asked").await;
    browser.until_text("#health-body", "quota of 6 calls a day used up").await;
    let providers = browser.texts("#health-body li").await;
    assert!(providers.iter().any(|fact| fact.starts_with("✕Provider scarce")), "{providers:?}");
    browser.until_text("[data-tile='Provider calls'] .value", "6since the start").await;
    browser.until_text("#sources-body", "Memory answers most").await;
    assert_eq!(browser.texts("#misses-body .what").await[0], "Never there");
    assert!(browser.text("#misses-body").await.contains("fetch beforehand"));
    browser.until_text("#providers-body", "0 of 6 calls a day left").await;
    browser.until_text("[data-provider='scarce']", "used up").await;
    // Causes come before what they show in.
    let advice = browser.texts("#advice-body .advice li").await;
    let place = |part: &str| advice.iter().position(|text| text.contains(part));
    let (refused, few) = (place("scarce was not asked"), place("Few reads are hits"));
    assert!(refused.is_some_and(|at| at <= 1) && few.is_none_or(|at| refused < Some(at)), "{advice:?}");
    let more = browser.text("#state-more").await;
    assert!(more.contains("First to change:"), "{more}");
    // Money is told, as there is a price.
    assert!(browser.text("[data-tile='Money saved']").await.contains("3.00 spent"));
}
