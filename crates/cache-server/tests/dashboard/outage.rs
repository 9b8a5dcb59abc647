//! A server that is gone is shown as gone, and the page comes back by itself.

use serde_json::json;

use crate::{
    Watched,
    process::{Server, command},
};

#[tokio::test]
async fn a_dead_server_is_shown_as_dead_and_the_page_comes_back_by_itself() {
    let Watched { server, browser, _data: data } = Watched::start(&[]).await;
    let (url, address) = (server.url.clone(), server.address().to_owned());
    assert_eq!(browser.text("#connection-text").await, "Live");
    server.kill();
    browser.until("gone", "return document.body.dataset.connection === 'gone'").await;
    assert!(browser.text("#connection").await.contains("Service gone since"));
    assert_eq!(browser.js("return document.title").await, "Service gone");
    let before = browser.text("#tiles").await;
    assert!(before.contains("Hit rate"), "what was known is still shown: {before}");
    // It is dated, and nothing of it is green.
    browser.until_text("#state-line .tone-bad", "The service has not answered since").await;
    assert!(browser.text("#state-line .tone-old").await.starts_with(" As of "));
    assert_eq!(browser.texts("#state-line .tone-good").await, [""; 0]);
    browser.until_text("#health-as-of", "as of ").await;
    let green = "const colour = (it) => getComputedStyle(it).color;
        const probe = document.body.appendChild(Object.assign(document.createElement('i'), {style: 'color: var(--good)'}));
        return [...document.querySelectorAll('main *')].filter((it) => it.checkVisibility() && colour(it) === colour(probe)).length";
    assert_eq!(browser.js(green).await, 0);

    let mut command = command(data.path(), &["--listen", &address]);
    let server = Server::spawn(command.stdout(std::process::Stdio::null()), &url);
    server.wait_until_reachable().await;
    browser.until("live again", "return document.body.dataset.connection === 'live'").await;
    browser.until_text("#state-line", "Idle").await;
}

#[tokio::test]
async fn charts_and_rates_bridge_neither_a_restart_nor_an_outage() {
    let watched = Watched::start(&[]).await;
    // Each second: the time, when the service was started, its reads and calls of its provider.
    let script = "return import(new URL('dashboard/js/history.js', document.baseURI)).then(({History, sums}) => {
        const history = new History();
        const come = ([at, from_unix_s, reads, calls]) => history.add({at_unix_ms: at * 1000, providers: [{calls}], traffic: {
            from_unix_s, answers: [], since_start: {reads, hits: 0, failed: 0, calls: 0, calls_saved: 0, memory_hits: 0}}});
        for (let at = 100; at <= 110; at += 1) come([at, 1, 1000 + 10 * (at - 100), 50]);
        const told = [history.rate('reads', 5)];
        // Started anew.
        [[112, 111, 3, 0], [113, 111, 5, 1]].forEach(come);
        told.push(history.points.slice(-3).map((it) => it.more?.reads ?? null));
        told.push(history.rate('reads', 10), sums(history.unbroken(60)).of('calls'));
        // No figures for half a minute.
        [[143, 111, 905, 2], [144, 111, 906, 4]].forEach(come);
        told.push(history.points.slice(-3).map((it) => it.more?.reads ?? null));
        told.push(history.rate('reads', 10), sums(history.unbroken(60)).of('calls'));
        return told;
    })";
    let told = watched.browser.js(script).await;
    assert_eq!(told, json!([10, [10, null, 2], 2, 1, [2, null, 1], 1, 2]));
}

#[tokio::test]
async fn a_server_that_hangs_is_told_from_one_that_answers() {
    let watched = Watched::start(&[]).await;
    watched.server.signal("-STOP");
    watched.browser.until("slow", "return document.body.dataset.connection === 'slow'").await;
    assert!(watched.browser.text("#connection").await.contains("No figures since"));
    watched.browser.until_text("#state-line .tone-bad", "No figures since").await;
    // A request that gets no answer says so, here after less than the usual patience.
    watched
        .browser
        .js("const usual = AbortSignal.timeout; AbortSignal.timeout = () => usual.call(AbortSignal, 50)")
        .await;
    watched.browser.fill("#lookup-key", "price:AAPL\n").await;
    watched.browser.until_text("#lookup-body .error", "no answer within 20 s").await;
    watched.server.signal("-CONT");
    watched.browser.until("live again", "return document.body.dataset.connection === 'live'").await;
}
