//! Who is asked for data: the providers that are configured, one after another, or else a replay of recorded days.

use std::sync::Arc;

use cache_config::{ConfigErrors, Origin, read_value};
use cache_core::{Clock, Error, ErrorKind, Result};
use market_data::{Adapter, Provider, Quota, Registry, ReplayProvider};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::settings::{ProviderEntry, ProviderKind, Settings};

/// Who is asked for data.
#[derive(Debug)]
pub(crate) struct Upstream {
    /// What replays recorded days, whether or not it is asked.
    pub(crate) replay: Arc<ReplayProvider>,
    pub(crate) registry: Arc<Registry>,
}

impl Upstream {
    /// Makes the providers that `settings` name.
    ///
    /// # Errors
    ///
    /// `Config` for one that can't be made: its options can't hold, or its key is not there.
    pub(crate) fn open(settings: &Settings, clock: &Clock) -> Result<Self> {
        let replay = Arc::new(ReplayProvider::new(settings.replay(), clock.clone())?);
        let entries = &settings.providers.providers;
        let mut builder = Registry::builder(clock.clone());
        if entries.is_empty() {
            builder = builder.provider(replay.clone(), settings.treatment());
        }
        for entry in entries {
            let mut treatment = entry.treatment();
            let provider: Arc<dyn Provider> = match adapter(entry) {
                Ok(None) => replay.clone(),
                Ok(Some(adapter)) => {
                    if treatment.quota == Quota::default() {
                        treatment.quota = adapter.usual_quota();
                    }
                    adapter.open(clock.clone())?
                }
                Err(why) => {
                    let message = format!("{}: {why}", entry.name());
                    return Err(Error::new(ErrorKind::Config, "providers", message));
                }
            };
            builder = builder.provider_as(entry.name(), provider, treatment);
        }
        Ok(Self { replay, registry: Arc::new(builder.build()?) })
    }
}

/// Notes what can't hold of the providers' options, without making any.
pub(crate) fn check(entries: &[ProviderEntry], origin: &Origin, faults: &mut ConfigErrors) {
    for entry in entries {
        if let Err(why) = adapter(entry) {
            faults.add(origin, format_args!("providers, {}: {why}", entry.name()));
        }
    }
}

/// What speaks to an entry's upstream; nothing for the replay of recorded days.
fn adapter(entry: &ProviderEntry) -> Result<Option<Adapter>, String> {
    Ok(Some(match entry.kind {
        ProviderKind::Replay => return nothing_else(entry).map(|()| None),
        ProviderKind::Yahoo => Adapter::Yahoo(fitted(entry)?),
        ProviderKind::Oanda => Adapter::Oanda(fitted(entry)?),
        ProviderKind::AlphaVantage => Adapter::AlphaVantage(fitted(entry)?),
        ProviderKind::Json => Adapter::Json(Box::new(fitted(entry)?)),
        ProviderKind::Csv => Adapter::Csv(fitted(entry)?),
    }))
}

/// What the adapter of its kind is told: its options, and what every entry has under the adapter's own names.
fn fitted<C: DeserializeOwned>(entry: &ProviderEntry) -> Result<C, String> {
    let mut told: Map<String, Value> = entry.options.clone().into_iter().collect();
    let mut tell = |name: &str, value: Value| match told.insert(name.to_owned(), value) {
        Some(_) => Err(format!("{name} is among the options: give it beside them")),
        None => Ok(()),
    };
    tell("name", json!(entry.name()))?;
    if let Some(url) = &entry.base_url {
        tell("base_url", json!(url))?;
    }
    match (&entry.key, entry.kind) {
        (None, _) => {}
        (Some(key), ProviderKind::Oanda) => tell("token", json!(key))?,
        (Some(key), ProviderKind::Json) => {
            let send = told.remove("send_key").unwrap_or_else(|| json!("bearer"));
            told.insert("key".to_owned(), json!({"from": key, "send": send}));
        }
        (Some(key), _) => tell("key", json!(key))?,
    }
    read_value(&Value::Object(told))
}

/// Recorded days are replayed as `replay` says, not as an entry does.
fn nothing_else(entry: &ProviderEntry) -> Result<(), String> {
    let nothing = entry.options.is_empty() && entry.base_url.is_none() && entry.key.is_none();
    if nothing { Ok(()) } else { Err("its options stand in the section replay: move them there".to_owned()) }
}
