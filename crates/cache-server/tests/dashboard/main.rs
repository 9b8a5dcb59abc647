//! The dashboard in a real browser: what it shows is what the API tells, what is clicked takes effect, and nobody
//! is kept out.

mod browser;
mod changes;
mod figures;
mod nested;
mod openness;
mod outage;
mod pictures;
mod tabs;

#[path = "../service/fixture/process.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod process;

use serde_json::Value;
use tempfile::TempDir;

use self::{
    browser::Browser,
    process::{Server, command},
};

/// The service with a page that looks at it.
pub(crate) struct Watched {
    pub(crate) server: Server,
    pub(crate) browser: Browser,
    _data: TempDir,
}

impl Watched {
    /// Starts the service with these flags, asks for some data, and opens its page.
    pub(crate) async fn start(flags: &[&str]) -> Self {
        Self::with_token(flags, None).await
    }

    pub(crate) async fn with_token(flags: &[&str], token: Option<&str>) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut command = command(data.path(), flags);
        command.envs(token.map(|token| ("CACHE_ACCESS_TOKEN", token)));
        let server = Server::run(command.arg("--provider-latency-ms=5"));
        load(&server).await;
        let browser = Browser::start(1320, 1000).await;
        browser.open(&server.url).await;
        Self { server, browser, _data: data }
    }

    /// Returns the overview of a moment that the page shows, too.
    pub(crate) async fn shown_overview(&self) -> Value {
        let overview = self.server.json("/cache/overview").await;
        let at = overview["at_unix_ms"].as_i64().unwrap();
        let is_shown = format!("return Number(document.body.dataset.shown) >= {at}");
        self.browser.until("figures of now", &is_shown).await;
        overview
    }
}

/// Asks for what is there, twice, and for what is not, and waits until the disk has it.
pub(crate) async fn load(server: &Server) {
    let paths = ["quotes/AAPL", "quotes/MSFT", "quotes/AMZN", "bars/AAPL?interval=1d", "quotes/NOPE"];
    for _ in 0..2 {
        for path in paths {
            let _ = server.get(&format!("/v1/{path}")).await;
        }
    }
    server.until("values on disk", |stats| stats["disk"]["entries"].as_u64() >= Some(4)).await;
}
