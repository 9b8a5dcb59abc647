//! The providers of the service: the configured ones in a registry, or a replay of recorded days.

use std::sync::Arc;

use cache_config::{ConfigErrors, Origin, read_value};
use cache_core::{Clock, Error, ErrorKind, Result};
use market_data::{Adapter, Provider, Quota, Registry, ReplayProvider};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::settings::{ProviderEntry, ProviderKind, Settings};

/// The registry of providers, and the replay.
#[derive(Debug)]
pub(crate) struct Providers {
    /// The replay of recorded days, whether or not the registry has it.
    pub(crate) replay: Arc<ReplayProvider>,
    pub(crate) registry: Arc<Registry>,
}

impl Providers {
    /// Opens the configured providers.
    ///
    /// # Errors
    ///
    /// `Config` if a provider's options are invalid or its API key is missing.
    pub(crate) fn open(settings: &Settings, clock: &Clock) -> Result<Self> {
        let replay = Arc::new(ReplayProvider::new(settings.replay(), clock.clone())?);
        let entries = &settings.providers.providers;
        let mut builder = Registry::builder(clock.clone());
        if entries.is_empty() {
            builder = builder.provider(replay.clone(), settings.replay_provider_settings());
        }
        for entry in entries {
            let mut provider_settings = entry.provider_settings();
            let provider: Arc<dyn Provider> = match adapter(entry) {
                Ok(None) => replay.clone(),
                Ok(Some(adapter)) => {
                    if provider_settings.quota == Quota::default() {
                        provider_settings.quota = adapter.usual_quota();
                    }
                    adapter.open(clock.clone())?
                }
                Err(why) => {
                    let message = format!("{}: {why}", entry.name());
                    return Err(Error::new(ErrorKind::Config, "providers", message));
                }
            };
            builder = builder.provider_as(entry.name(), provider, provider_settings);
        }
        Ok(Self { replay, registry: Arc::new(builder.build()?) })
    }
}

/// Adds invalid options of the entries to `errors`, without opening any provider.
pub(crate) fn check(entries: &[ProviderEntry], origin: &Origin, errors: &mut ConfigErrors) {
    for entry in entries {
        if let Err(why) = adapter(entry) {
            errors.add(origin, format_args!("providers, {}: {why}", entry.name()));
        }
    }
}

/// Returns the adapter of an entry; `None` for the replay of recorded days.
fn adapter(entry: &ProviderEntry) -> Result<Option<Adapter>, String> {
    Ok(Some(match entry.kind {
        ProviderKind::Replay => return refuse_options(entry).map(|()| None),
        ProviderKind::Yahoo => Adapter::Yahoo(adapter_settings(entry)?),
        ProviderKind::Oanda => Adapter::Oanda(adapter_settings(entry)?),
        ProviderKind::AlphaVantage => Adapter::AlphaVantage(adapter_settings(entry)?),
        ProviderKind::Json => Adapter::Json(Box::new(adapter_settings(entry)?)),
        ProviderKind::Csv => Adapter::Csv(adapter_settings(entry)?),
    }))
}

/// Deserializes the adapter's settings from the entry: its options, and its other fields by the adapter's names.
fn adapter_settings<C: DeserializeOwned>(entry: &ProviderEntry) -> Result<C, String> {
    let mut fields: Map<String, Value> = entry.options.clone().into_iter().collect();
    let mut set = |name: &str, value: Value| match fields.insert(name.to_owned(), value) {
        Some(_) => Err(format!("{name} is among the options: move it to the provider itself")),
        None => Ok(()),
    };
    set("name", json!(entry.name()))?;
    if let Some(url) = &entry.base_url {
        set("base_url", json!(url))?;
    }
    match (&entry.key, entry.kind) {
        (None, _) => {}
        (Some(key), ProviderKind::Oanda) => set("token", json!(key))?,
        (Some(key), ProviderKind::Json) => {
            let send = fields.remove("send_key").unwrap_or_else(|| json!("bearer"));
            fields.insert("key".to_owned(), json!({"from": key, "send": send}));
        }
        (Some(key), _) => set("key", json!(key))?,
    }
    read_value(&Value::Object(fields))
}

/// Refuses options of a replay, whose settings are in the section `replay`.
fn refuse_options(entry: &ProviderEntry) -> Result<(), String> {
    let without = entry.options.is_empty() && entry.base_url.is_none() && entry.key.is_none();
    if without {
        Ok(())
    } else {
        Err("a replay takes no options, base_url or key: set it up in the section replay".to_owned())
    }
}
