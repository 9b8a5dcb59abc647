//! Fixture: headless Chromium with one page, by the WebDriver protocol.

use std::time::{Duration, Instant};

use base64::{Engine, prelude::BASE64_STANDARD};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use servers::{ChromeDriver, axe_script};

/// The timeout of anything that the page should do soon.
const PATIENCE: Duration = Duration::from_secs(30);

/// What WebDriver calls an element in JSON.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

pub(crate) struct Browser {
    client: Client,
    session: String,
    /// Ends Chromium, too, when it is dropped.
    _driver: ChromeDriver,
}

impl Browser {
    /// Starts Chromium in a window of the given size.
    pub(crate) async fn start(width: u32, height: u32) -> Self {
        Self::with_log(json!({"enableNetwork": true}), width, height).await
    }

    /// Starts Chromium, and traces what it does, rather than its requests.
    pub(crate) async fn traced(width: u32, height: u32) -> Self {
        let categories = "toplevel,devtools.timeline,disabled-by-default-devtools.timeline";
        let wanted = json!({"enableNetwork": false, "enablePage": false, "traceCategories": categories});
        Self::with_log(wanted, width, height).await
    }

    async fn with_log(logged: Value, width: u32, height: u32) -> Self {
        let driver = tokio::task::spawn_blocking(ChromeDriver::start).await.unwrap().unwrap();
        let client = Client::new();
        let options = json!({
            "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"],
            "perfLoggingPrefs": logged,
        });
        let wanted = json!({
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        });
        let mut browser = Self { client, session: driver.url(), _driver: driver };
        let made =
            browser.send(Method::POST, "/session", &json!({"capabilities": {"alwaysMatch": wanted}})).await;
        browser.session = format!("{}/session/{}", browser.session, made["sessionId"].as_str().unwrap());
        browser.resize(width, height, false).await;
        browser
    }

    /// Opens a page, and waits until it shows figures.
    pub(crate) async fn open(&self, url: &str) {
        self.post("/url", json!({"url": url})).await;
        self.until(
            "figures",
            "return document.body.dataset.connection === 'live' && !!document.body.dataset.shown",
        )
        .await;
    }

    async fn send(&self, method: Method, path: &str, body: &Value) -> Value {
        let request = self.client.request(method.clone(), format!("{}{path}", self.session));
        let request = if method == Method::GET { request } else { request.json(body) };
        let response = request.timeout(2 * PATIENCE).send().await.unwrap();
        let is_success = response.status().is_success();
        let mut answer: Value = response.json().await.unwrap();
        assert!(is_success, "{path} of {body}: {answer}");
        answer["value"].take()
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        self.send(Method::POST, path, &body).await
    }

    /// Runs a script in the page, and returns what it returns.
    pub(crate) async fn js(&self, script: &str) -> Value {
        self.post("/execute/sync", json!({"script": script, "args": []})).await
    }

    /// Waits until a script returns true.
    pub(crate) async fn until(&self, what: &str, script: &str) {
        let began = Instant::now();
        while self.js(script).await != true {
            if began.elapsed() > PATIENCE {
                let page = self.js("return document.body.innerText").await;
                panic!("{what}: not within {PATIENCE:?}; the page: {page}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until the text of an element contains another.
    pub(crate) async fn until_text(&self, css: &str, part: &str) {
        let script = format!(
            "return (document.querySelector({})?.textContent ?? '').includes({})",
            json!(css),
            json!(part)
        );
        self.until(&format!("{part:?} in {css}"), &script).await;
    }

    /// Returns the text of an element.
    pub(crate) async fn text(&self, css: &str) -> String {
        let text =
            self.js(&format!("return document.querySelector({})?.textContent ?? ''", json!(css))).await;
        text.as_str().unwrap().to_owned()
    }

    /// Returns the texts of all elements.
    pub(crate) async fn texts(&self, css: &str) -> Vec<String> {
        let script =
            format!("return [...document.querySelectorAll({})].map((it) => it.textContent)", json!(css));
        serde_json::from_value(self.js(&script).await).unwrap()
    }

    async fn element(&self, css: &str) -> String {
        let found = self.post("/element", json!({"using": "css selector", "value": css})).await;
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    /// Clicks an element as a user does: it must be in view, and nothing over it.
    pub(crate) async fn click(&self, css: &str) {
        self.js(&format!("document.querySelector({})?.scrollIntoView({{block: 'center'}})", json!(css)))
            .await;
        let element = self.element(css).await;
        self.post(&format!("/element/{element}/click"), json!({})).await;
    }

    /// Types into an element, in place of what it holds. A `\n` is the key Enter.
    pub(crate) async fn fill(&self, css: &str, text: &str) {
        self.js(&format!("document.querySelector({}).value = ''", json!(css))).await;
        let element = self.element(css).await;
        self.post(&format!("/element/{element}/value"), json!({"text": text.replace('\n', "\u{e007}")}))
            .await;
    }

    /// Returns the handle of the tab that commands go to.
    pub(crate) async fn tab(&self) -> String {
        let handle = self.send(Method::GET, "/window", &Value::Null).await;
        handle.as_str().unwrap().to_owned()
    }

    /// Opens a tab, and has commands go to it.
    pub(crate) async fn new_tab(&self) {
        let made = self.post("/window/new", json!({"type": "tab"})).await;
        self.switch_to(made["handle"].as_str().unwrap()).await;
    }

    /// Brings a tab to the front, and has commands go to it.
    pub(crate) async fn switch_to(&self, handle: &str) {
        self.post("/window", json!({"handle": handle})).await;
        self.command("Page.bringToFront", json!({})).await;
    }

    /// Tells the page that it is hidden, or shown again, as a browser does whose user looks at another tab.
    pub(crate) async fn set_hidden(&self, is_hidden: bool) {
        self.js(&format!(
            "Object.defineProperty(document, 'hidden', {{configurable: true, get: () => {is_hidden}}}); \
             document.dispatchEvent(new Event('visibilitychange'))"
        ))
        .await;
    }

    /// Sends a command of Chromium's own protocol.
    pub(crate) async fn command(&self, name: &str, params: Value) -> Value {
        self.post("/goog/cdp/execute", json!({"cmd": name, "params": params})).await
    }

    pub(crate) async fn resize(&self, width: u32, height: u32, is_mobile: bool) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_mobile});
        self.command("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// Sets whether the user prefers `light` or `dark`.
    pub(crate) async fn prefer(&self, scheme: &str) {
        let feature = json!({"name": "prefers-color-scheme", "value": scheme});
        self.command("Emulation.setEmulatedMedia", json!({"features": [feature]})).await;
    }

    /// Returns what the page complained of on its console since it was last asked.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let entries = self.post("/se/log", json!({"type": "browser"})).await;
        let entries = entries.as_array().unwrap().iter();
        entries.map(|entry| entry["message"].as_str().unwrap().to_owned()).collect()
    }

    /// Returns how long each task of the page took since it was last asked, the longest first: of the processor's
    /// time, and of all time, in milliseconds. The browser must be [traced](Self::traced).
    pub(crate) async fn tasks(&self) -> Vec<(f64, f64)> {
        let logged = self.performance_log().await;
        let events = logged.iter().filter(|message| message["method"] == "Tracing.dataCollected");
        let events: Vec<&Value> = events.map(|message| &message["params"]).collect();
        let named = |name: &'static str| events.iter().filter(move |event| event["name"] == name).copied();
        let thread = |event: &Value| (event["pid"].clone(), event["tid"].clone());
        // The thread of the page is the one that calls functions of scripts.
        let page = named("FunctionCall").next().map(thread).expect("a traced page");
        let millis = |micros: &Value| micros.as_f64().unwrap_or_default() / 1000.0;
        let tasks = named("RunTask").filter(|event| thread(event) == page);
        let mut tasks: Vec<_> = tasks.map(|task| (millis(&task["tdur"]), millis(&task["dur"]))).collect();
        tasks.sort_by(|a, b| b.0.total_cmp(&a.0));
        tasks
    }

    /// Returns what was sent over the network since it was last asked, with headers.
    pub(crate) async fn requests(&self) -> Vec<Value> {
        let messages = self.performance_log().await.into_iter();
        let sent = messages.filter(|message| message["method"] == "Network.requestWillBeSent");
        sent.map(|message| message["params"]["request"].clone()).collect()
    }

    async fn performance_log(&self) -> Vec<Value> {
        let entries = self.post("/se/log", json!({"type": "performance"})).await;
        let entries = entries.as_array().unwrap().iter();
        let messages = entries.map(|entry| {
            let mut text: Value = serde_json::from_str(entry["message"].as_str().unwrap()).unwrap();
            text["message"].take()
        });
        messages.collect()
    }

    /// Returns what axe-core finds that users are kept out by, seriously or wholly.
    pub(crate) async fn faults(&self) -> Vec<String> {
        self.js(&format!("{};", axe_script().unwrap())).await;
        let run = "const done = arguments[0]; axe.run(document, {resultTypes: ['violations']}).then((found) => \
                   done(found.violations.filter((it) => ['serious', 'critical'].includes(it.impact)).map((it) => \
                   `${it.id}: ${it.help}: ${it.nodes.map((node) => node.html + ' ' + node.failureSummary).join(' | ')}`)))";
        let found = self.post("/execute/async", json!({"script": run, "args": []})).await;
        serde_json::from_value(found).unwrap()
    }

    /// Returns a picture of the top of the page as a PNG, of three quarters of its size, or of all on a phone.
    pub(crate) async fn picture(&self, width: u32, height: u32) -> Vec<u8> {
        let clip = json!({"x": 0, "y": 0, "width": width, "height": height, "scale": if width > 400 { 0.75 } else { 1.0 }});
        let params = json!({"captureBeyondViewport": true, "clip": clip, "optimizeForSpeed": false});
        let taken = self.command("Page.captureScreenshot", params).await;
        BASE64_STANDARD.decode(taken["data"].as_str().unwrap()).unwrap()
    }
}
