//! Pictures of the page for the docs, and how long it keeps the browser busy, when they are asked for.

use std::{
    env, fs,
    path::Path,
    time::{Duration, Instant},
};

use crate::{browser::Browser, nested::application, process};

/// Set by `cargo xtask screenshots`.
const ASKED: &str = "CACHE_WRITE_SCREENSHOTS";
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/img");
/// How long the service is asked for data before the pictures are taken.
const LOAD: Duration = Duration::from_secs(100);
const SYMBOLS: [&str; 12] =
    ["AAPL", "AMZN", "MSFT", "GOOG", "FB", "INTC", "JPM", "BAC", "DIS", "GE", "T", "EWG"];

const CONFIG: &str = "memory: {mib: 4}
warming: {enabled: true}
ttl: {price: 15}
grace: {price: 60}
replay: {latency_ms: 40}
providers:
  - {name: acme, kind: replay, price_per_call: 0.002, quota: {per_minute: 600, per_day: 8000}}
";

/// Asks for data as users do: a few symbols often, others now and then, more and less of them in time.
async fn load(url: &str) {
    let (client, began) = (reqwest::Client::new(), Instant::now());
    for n in 0_u64.. {
        if began.elapsed() > LOAD {
            return;
        }
        // Any order that looks like none, and is always the same.
        let mixed = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33;
        let symbol = SYMBOLS[((mixed % 144) as f64).sqrt() as usize % SYMBOLS.len()];
        let path = match mixed % 10 {
            0..6 => format!("quotes/{symbol}"),
            6 | 7 => format!("bars/{symbol}?interval=1d&from=2017-0{}-01&to=2017-09-01", 1 + mixed % 7),
            8 => format!("technical/{symbol}?function=SMA&period={}", 5 + mixed % 20),
            _ => "quotes?symbols=AAPL,MSFT,GOOG".to_owned(),
        };
        let _ = client.get(format!("{url}/v1/{path}")).send().await;
        let pause = 14.0 + 8.0 * (began.elapsed().as_secs_f64() / 9.0).sin();
        tokio::time::sleep(Duration::from_millis(pause as u64)).await;
    }
}

fn write(name: &str, picture: &[u8]) {
    fs::create_dir_all(FOLDER).unwrap();
    let file = Path::new(FOLDER).join(name);
    fs::write(&file, picture).unwrap();
    println!("{name}: {} KB", picture.len() / 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_are_taken_when_they_are_asked_for() {
    if env::var_os(ASKED).is_none() {
        return;
    }
    let data = tempfile::tempdir().unwrap();
    let config = data.path().join("cache.yaml");
    fs::write(&config, CONFIG).unwrap();
    let mut command = process::command(data.path(), &[&format!("--config={}", config.display())]);
    let server = process::Server::run(command.env_remove("CACHE_WARMING_ENABLED"));
    let browser = Browser::start(1180, 900).await;
    browser.prefer("light").await;
    browser.open(&server.url).await;
    let url = server.url.clone();
    let loading = tokio::spawn(async move { load(&url).await });
    tokio::time::sleep(LOAD * 9 / 10).await;
    // All but the access, which says where the picture was taken.
    browser.js("document.querySelector('#access').hidden = true").await;
    write("dashboard-light.png", &browser.picture(1180, 1300).await);
    browser.prefer("dark").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    write("dashboard-dark.png", &browser.picture(1180, 1300).await);
    browser.prefer("light").await;
    browser.resize(360, 800, true).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    write("dashboard-phone.png", &browser.picture(360, 1400).await);
    loading.await.unwrap();
}

/// The machine may be busy, so this is told, and no rule.
#[tokio::test(flavor = "multi_thread")]
async fn how_long_the_page_keeps_a_browser_busy_is_told_when_it_is_asked_for() {
    if env::var_os(ASKED).is_none() {
        return;
    }
    let address = application(10_000).await;
    let browser = Browser::traced(1320, 1000).await;
    browser.open(&format!("http://{address}/admin")).await;
    browser.fill("#browse-pattern", "note:*\n").await;
    for page in 2..6 {
        browser.until_text("#browse-place", "50 keys").await;
        browser.click("#browse-next").await;
        browser.until_text("#browse-place", &format!("page {page},")).await;
    }
    tokio::time::sleep(Duration::from_secs(10)).await;
    let tasks = browser.tasks().await;
    println!("longest tasks with 10,000 keys, in ms of the processor and in all: {:.0?}", &tasks[..4]);
}
