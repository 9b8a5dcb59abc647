//! The banner: what the service serves, from where, and requests to try.

use std::{fmt::Write, net::SocketAddr};

use cache_market::MarketRegions;
use market_data::DataType;

use crate::{
    app::App,
    demo::REQUESTS_PER_SECOND,
    settings::{ProviderEntry, Settings},
};

/// Returns the text printed at the start. Programs read its line `listening on http://ADDR`, or
/// `https://ADDR`.
#[must_use]
pub fn banner(settings: &Settings, app: &App, bound: SocketAddr, demo_load: bool) -> String {
    let mut text = String::new();
    // Writing to a string can't fail.
    let _ = write(&mut text, settings, app, bound, demo_load);
    text
}

fn write(
    text: &mut String,
    settings: &Settings,
    app: &App,
    bound: SocketAddr,
    demo_load: bool,
) -> std::fmt::Result {
    writeln!(text, "cache-server {}", env!("CARGO_PKG_VERSION"))?;
    let scheme = if settings.tls.certificate.is_some() { "https" } else { "http" };
    writeln!(text, "listening on {scheme}://{bound}")?;
    writeln!(text)?;
    let names: Vec<&str> = settings.providers.providers.iter().map(ProviderEntry::name).collect();
    let kinds: Vec<&str> =
        MarketRegions::kinds().filter(|data| !app.offers(*data).is_empty()).map(DataType::as_str).collect();
    writeln!(text, "  serves    {}", kinds.join(" "))?;
    if names.is_empty() {
        let symbols: Vec<&str> = app.replay().symbols().collect();
        writeln!(text, "  of        {}", symbols.join(" "))?;
    }
    writeln!(text, "  keeps     {}", app.own_kinds.names().collect::<Vec<_>>().join(" "))?;
    writeln!(
        text,
        "  tiers     memory ({} MiB), disk ({} MiB){}, then the provider",
        settings.cache.memory.mib,
        settings.cache.disk.mib,
        settings.cache.shared_tiers().map(|name| format!(", {name}")).collect::<String>()
    )?;
    if names.is_empty() {
        let replay = &settings.replay;
        writeln!(
            text,
            "  provider  replay of recorded days, 2012 to 2024: {} ms a call, {} quotes a call, {} calls a second, {} % fail",
            replay.latency_ms,
            replay.batch,
            replay.rate,
            replay.failure_rate * 100.0
        )?;
    } else {
        writeln!(text, "  providers {}", names.join(", "))?;
    }
    writeln!(text, "  warming   {}", warming(settings))?;
    if demo_load {
        writeln!(
            text,
            "  demo      asks itself for what was talked about in 2015, about {REQUESTS_PER_SECOND} requests a second"
        )?;
    }
    writeln!(text, "  TTL       quotes {}, bars {}", ttl(settings.ttl.price), ttl(settings.ttl.ohlcv))?;
    writeln!(text, "  data      {}", settings.cache.disk.dir.display())?;
    writeln!(text)?;
    writeln!(text, "try")?;
    let host = reachable(bound);
    writeln!(text, "  curl '{scheme}://{host}/v1/quotes?symbols=AAPL,MSFT'")?;
    writeln!(text, "  curl '{scheme}://{host}/v1/bars/AAPL?interval=1d&from=2017-08-01&to=2017-09-01'")?;
    writeln!(text, "  curl '{scheme}://{host}/v1/kinds'")?;
    writeln!(text, "  curl '{scheme}://{host}/v1/stats'")?;
    writeln!(text, "  cache-server top --url {scheme}://{host}")
}

/// What is loaded before anybody asks, in a few words.
fn warming(settings: &Settings) -> String {
    let warming = &settings.warming;
    if !warming.enabled {
        return "off: CACHE_WARMING_ENABLED=true switches it on".to_owned();
    }
    let popular = warming.popular.len();
    format!("on: of {popular} popular symbols those on offer at the start, then what is asked for most")
}

/// A TTL in a few words.
fn ttl(seconds: Option<u64>) -> String {
    let most = seconds.map(|seconds| format!("{seconds} s, at most "));
    format!("{}until their market can change them", most.unwrap_or_default())
}

/// Returns an address that clients can connect to, if the service listens on all.
pub(crate) fn reachable(mut bound: SocketAddr) -> SocketAddr {
    if bound.ip().is_unspecified() {
        let local =
            if bound.is_ipv4() { [127, 0, 0, 1].into() } else { std::net::Ipv6Addr::LOCALHOST.into() };
        bound.set_ip(local);
    }
    bound
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_means_all_is_not_one_to_ask_at() {
        for (bound, host) in [
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:80", "[::1]:80"),
            ("127.0.0.1:80", "127.0.0.1:80"),
            ("192.0.2.7:80", "192.0.2.7:80"),
        ] {
            assert_eq!(reachable(bound.parse().unwrap()).to_string(), host);
        }
    }
}
