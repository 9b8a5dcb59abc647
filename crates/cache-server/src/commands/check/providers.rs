//! Asks each provider of a configuration for one quote.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use cache_config::ConfigErrors;
use cache_core::Clock;
use futures_util::future::join_all;
use market_data::{
    Answer, Asset, DataType, Interval, Provider, ProviderError, ProviderErrorKind, ReplayProvider, SeriesId,
};
use tokio::time::timeout;

use super::{Asked, Trouble};
use crate::{app::providers::open_all, config::Config, settings::ProviderEntry};

/// What is asked for, unless a provider names what it has: the first that it covers.
const SYMBOLS: [&str; 4] = ["AAPL", "EUR/USD@FX", "BTC@CRYPTO", "SPY"];

/// Asks all of them at the same time.
pub(super) async fn ask(config: &Config) -> Vec<Asked> {
    let clock = Clock::system();
    let settings = &config.settings;
    let replay: Arc<dyn Provider> = match ReplayProvider::new(settings.replay(), clock.clone()) {
        Ok(replay) => Arc::new(replay),
        Err(error) => {
            let trouble = Trouble::new(error.to_string(), "look at the section replay");
            return vec![Asked::since(Instant::now(), "replay", Err(trouble))];
        }
    };
    let entries = &settings.providers.providers;
    if entries.is_empty() {
        let limit = Duration::from_millis(settings.limits.load_timeout_ms);
        return vec![ask_one("replay", replay, limit).await];
    }
    // The configuration was read to start: what can't be opened was refused.
    let opened = open_all(entries, &config.values, &clock, &mut ConfigErrors::default());
    let asking = entries.iter().zip(opened).map(|(entry, opened)| {
        let provider = opened.map_or_else(|| Arc::clone(&replay), |(provider, _)| provider);
        ask_one(entry.name(), provider, limit_of(entry))
    });
    join_all(asking).await
}

fn limit_of(entry: &ProviderEntry) -> Duration {
    Duration::from_millis(entry.provider_settings().timeout_ms)
}

async fn ask_one(name: &str, provider: Arc<dyn Provider>, limit: Duration) -> Asked {
    let (begun, name) = (Instant::now(), format!("provider {name}"));
    let Some((data, asset)) = question(&*provider) else {
        return Asked::since(
            begun,
            name,
            Ok("opened, and not asked: it offers no quotes and no bars".to_owned()),
        );
    };
    let asked = timeout(limit, async {
        match data {
            DataType::Price => {
                provider.quotes(std::slice::from_ref(&asset)).await.map(|answers| answer(answers.first()))
            }
            _ => {
                let id = SeriesId::new(asset.clone(), Interval::Day);
                provider.series(&[id]).await.map(|answers| answer(answers.first()))
            }
        }
    });
    let outcome = match asked.await {
        Err(_) => Err(Trouble::new(
            format!("it did not answer within {limit:?}"),
            "look at its base_url and at the network, or raise its timeout_ms",
        )),
        Ok(Err(error)) | Ok(Ok(Err(error))) => Err(trouble(&error)),
        Ok(Ok(Ok(known))) => Ok(format!("{data} of {asset}{}", if known { "" } else { ": it knows none" })),
    };
    Asked::since(begun, name, outcome)
}

/// Returns whether the provider has the value.
fn answer<V>(answer: Option<&Answer<V>>) -> Result<bool, ProviderError> {
    match answer {
        Some(Answer::Value(_)) => Ok(true),
        Some(Answer::Unknown) | None => Ok(false),
        Some(Answer::Failed(error)) => Err(error.clone()),
    }
}

/// Returns what to ask for.
fn question(provider: &dyn Provider) -> Option<(DataType, Asset)> {
    [DataType::Price, DataType::Ohlcv].into_iter().find_map(|data| {
        let offer = provider.offer(data)?;
        let named = offer.named_assets().and_then(|assets| assets.iter().next().cloned());
        let known =
            || SYMBOLS.iter().filter_map(|text| text.parse().ok()).find(|asset| provider.covers(data, asset));
        Some((data, named.or_else(known)?))
    })
}

fn trouble(error: &ProviderError) -> Trouble {
    let remedy = match error.kind() {
        ProviderErrorKind::Refused => "look whether its key is right and may read such data",
        ProviderErrorKind::Throttled { .. } | ProviderErrorKind::HeldBack { .. } => {
            "its quota is used up, perhaps by others with the same key: wait, and set its quota to what is left to this service"
        }
        ProviderErrorKind::Unreachable => {
            "look at its base_url, at name resolution, and whether this machine may connect to it"
        }
        ProviderErrorKind::TimedOut => "look at the network, or raise its timeout_ms",
        ProviderErrorKind::Broken => "it has a fault of its own: try again later",
        _ => "look whether its kind, base_url and options fit its API",
    };
    Trouble::new(error.to_string(), remedy)
}
