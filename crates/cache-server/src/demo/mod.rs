//! The demo load: recorded demand, asked of the service itself over HTTP, so that a first look shows life.

mod demand;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use cache_core::{Error, ErrorKind, Result};
use cache_tls::{Check, TlsClient};
use reqwest::{Client, redirect::Policy};
use tokio::{
    sync::Semaphore,
    task::JoinHandle,
    time::{Instant, sleep_until},
};

use self::demand::{Demand, path};
use crate::cli::reachable;
use crate::settings::{ProviderKind, Settings};

/// How many requests a second it comes to, on average.
pub(crate) const REQUESTS_PER_SECOND: u32 = 25;
/// How many requests are under way at most. What would come beside is left out.
const CONNECTIONS: usize = 8;
/// The longest pause between two requests: nights are short here.
const MAX_PAUSE: Duration = Duration::from_millis(500);
/// The shortest one: a burst of posts is none of requests.
const MIN_PAUSE: Duration = Duration::from_millis(15);
/// How long a request may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Requests that are made until this is dropped.
#[derive(Debug)]
pub(crate) struct DemoLoad(JoinHandle<()>);

impl DemoLoad {
    /// Returns why it can't be used with these settings: providers that are paid or limited would be called.
    ///
    /// # Errors
    ///
    /// `Config`, with the provider and the remedy.
    pub(crate) fn check(settings: &Settings) -> Result<()> {
        let is_free = |kind| matches!(kind, ProviderKind::Replay | ProviderKind::Csv);
        let providers = &settings.providers.providers;
        match providers.iter().find(|provider| !is_free(provider.kind)) {
            None => Ok(()),
            Some(provider) => {
                let (name, kind) = (provider.name(), provider.kind.as_str());
                let message = format!(
                    "--demo-load can't be used: the provider {name} ({kind}) is real, and the demo would spend its quota; \
                     leave out --demo-load, or start without providers to see the replay"
                );
                Err(Error::new(ErrorKind::Config, "start", message))
            }
        }
    }

    /// Begins to ask the service that listens on `bound`, by TLS if it serves by TLS.
    ///
    /// # Errors
    ///
    /// `Config` if there can be no HTTP client.
    pub(crate) fn start(bound: SocketAddr, tls: bool) -> Result<Self> {
        let client = Client::builder()
            // It asks itself, over the loopback, by an address that its certificate need not name.
            .use_preconfigured_tls(TlsClient::new().check(Check::Nothing).even_without_roots().config()?)
            .redirect(Policy::none())
            .no_proxy()
            .pool_max_idle_per_host(CONNECTIONS)
            .timeout(TIMEOUT)
            .user_agent(concat!("cache-server-demo/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| {
                Error::caused(ErrorKind::Config, "start", "the demo can't make requests", error)
            })?;
        let base = format!("{}://{}", if tls { "https" } else { "http" }, reachable(bound));
        Ok(Self(tokio::spawn(replay(client, base))))
    }
}

impl Drop for DemoLoad {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Asks for what was talked about, again and again.
async fn replay(client: Client, base: String) {
    let demand = Demand::recorded();
    let turns = Arc::new(Semaphore::new(CONNECTIONS));
    let mut next = Instant::now();
    let mut number = 0;
    loop {
        for (pause, symbol) in demand.paced(REQUESTS_PER_SECOND) {
            next += pause.clamp(MIN_PAUSE, MAX_PAUSE);
            // After a halt, as of a machine that slept, nothing is made up for.
            next = next.max(Instant::now());
            sleep_until(next).await;
            number += 1;
            let Ok(turn) = Arc::clone(&turns).try_acquire_owned() else { continue };
            let request = client.get(format!("{base}{}", path(number, symbol)));
            tokio::spawn(async move {
                let _turn = turn;
                // How it was answered is what the service counts.
                if let Ok(answer) = request.send().await {
                    let _ = answer.bytes().await;
                }
            });
        }
    }
}
