//! The providers of the service: the configured ones in a registry, or a replay of recorded days.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use cache_config::{ConfigErrors, Origin, Values, YamlValue, shortened};
use cache_core::{Clock, Error, ErrorKind, Result, Secret};
use market_data::{Adapter, JsonConfig, Provider, Quota, Registry, ReplayProvider, SecretSource};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::{
    config::Config,
    settings::{KEY_FORM, ProviderEntry, ProviderKind},
};

/// The registry of providers, and the replay.
#[derive(Debug)]
pub(crate) struct Providers {
    /// The replay of recorded days, whether or not the registry has it.
    pub(crate) replay: Arc<ReplayProvider>,
    pub(crate) registry: Arc<Registry>,
}

/// An entry's provider; `None` for the replay of recorded days.
type Opened = Option<(Arc<dyn Provider>, Quota)>;

impl Providers {
    /// Opens the configured providers.
    ///
    /// # Errors
    ///
    /// `Config` with all that is wrong with them: invalid options, missing API keys and folders.
    pub(crate) fn open(config: &Config, clock: &Clock) -> Result<Self> {
        let settings = &config.settings;
        let replay = Arc::new(ReplayProvider::new(settings.replay(), clock.clone())?);
        let entries = &settings.providers.providers;
        let mut errors = ConfigErrors::default();
        let opened = open_all(entries, &config.values, clock, &mut errors);
        let opened =
            errors.or(opened).map_err(|errors| Error::new(ErrorKind::Config, "start", errors.to_string()))?;
        let mut builder = Registry::builder(clock.clone());
        if entries.is_empty() {
            builder = builder.provider(replay.clone(), settings.replay_provider_settings());
        }
        for (entry, opened) in entries.iter().zip(opened) {
            let mut provider_settings = entry.provider_settings();
            let provider: Arc<dyn Provider> = match opened {
                None => replay.clone(),
                Some((provider, usual_quota)) => {
                    if provider_settings.quota == Quota::default() {
                        provider_settings.quota = usual_quota;
                    }
                    provider
                }
            };
            builder = builder.provider_as(entry.name(), provider, provider_settings);
        }
        Ok(Self { replay, registry: Arc::new(builder.build()?) })
    }
}

/// Adds invalid settings and options of the entries to `errors`, without opening any provider.
pub(crate) fn check(entries: &[ProviderEntry], values: &Values, errors: &mut ConfigErrors) {
    let mut names: HashSet<&str> = HashSet::new();
    for (number, entry) in entries.iter().enumerate() {
        let place = Place { values, number, name: entry.name() };
        if !place.lacks("name") && !names.insert(entry.name()) {
            let shown = shortened(entry.name());
            let what = format!("two providers are named {shown:?}: give each its own name");
            place.add("name", what, errors);
        }
        let is_whole = !place.lacks("backoff_ms") && !place.lacks("backoff_max_ms");
        for (field, why) in entry.provider_settings().invalid_fields() {
            if field != "backoff_ms" || is_whole {
                place.add(field, format!("{field} {why}"), errors);
            }
        }
        if !place.lacks_access() {
            adapter(entry, &place, errors);
        }
    }
}

/// Opens the providers of all entries, and adds to `errors` what is wrong besides what [`check`] finds. If
/// there is nothing, there is one for each entry.
pub(crate) fn open_all(
    entries: &[ProviderEntry],
    values: &Values,
    clock: &Clock,
    errors: &mut ConfigErrors,
) -> Vec<Opened> {
    let mut opened = Vec::new();
    for (number, entry) in entries.iter().enumerate() {
        let place = Place { values, number, name: entry.name() };
        if place.lacks_access() {
            continue;
        }
        match adapter(entry, &place, &mut ConfigErrors::default()) {
            Some(None) => opened.push(None),
            Some(Some(adapter)) => match adapter.clone().open(clock.clone()) {
                Ok(provider) => opened.push(Some((provider, adapter.usual_quota()))),
                Err(why) => explain(&adapter, entry, &place, &why, clock, errors),
            },
            // The options were refused by the check.
            None => {}
        }
    }
    opened
}

/// Adds all reasons why a provider can't be opened to `errors`: opening stops at the first, so the parts are tried
/// apart, and without the key if that is what is missing.
fn explain(
    adapter: &Adapter,
    entry: &ProviderEntry,
    place: &Place<'_>,
    why: &Error,
    clock: &Clock,
    errors: &mut ConfigErrors,
) {
    let mut reasons: Vec<String> = Vec::new();
    let mut whole = adapter.clone();
    if let Some(Err(missing)) = entry.key.as_ref().map(SecretSource::read) {
        place.add("key", missing.to_string(), errors);
        give_key(&mut whole);
    } else {
        reasons.push(why.to_string());
    }
    for part in parts(&whole) {
        if let Err(why) = part.open(clock.clone()) {
            reasons.push(why.to_string());
        }
    }
    let mut told: Vec<&String> = Vec::new();
    for reason in &reasons {
        if !told.contains(&reason) {
            place.add(&place.field_of(entry, reason), reason, errors);
            told.push(reason);
        }
    }
}

/// Returns the adapter, or each of the parts of a JSON API by itself.
fn parts(adapter: &Adapter) -> Vec<Adapter> {
    let Adapter::Json(config) = adapter else { return vec![adapter.clone()] };
    let empty = JsonConfig { quotes: None, series: None, documents: BTreeMap::new(), ..(**config).clone() };
    let mut parts = Vec::new();
    if config.quotes.is_some() {
        parts.push(JsonConfig { quotes: config.quotes.clone(), ..empty.clone() });
    }
    if config.series.is_some() {
        parts.push(JsonConfig { series: config.series.clone(), ..empty.clone() });
    }
    for (data, document) in &config.documents {
        parts.push(JsonConfig { documents: BTreeMap::from([(*data, document.clone())]), ..empty.clone() });
    }
    if parts.is_empty() {
        parts.push(empty);
    }
    parts.into_iter().map(|part| Adapter::Json(Box::new(part))).collect()
}

/// Gives an adapter a key that opens it, so that what else is wrong is found.
fn give_key(adapter: &mut Adapter) {
    let given = SecretSource::Given(Secret::from("none"));
    match adapter {
        Adapter::Oanda(config) => config.token = given,
        Adapter::AlphaVantage(config) => config.key = given,
        Adapter::Json(config) => {
            if let Some(key) = &mut config.key {
                key.from = given;
            }
        }
        Adapter::Yahoo(_) | Adapter::Csv(_) => {}
    }
}

/// The place of an entry in the configuration.
struct Place<'a> {
    values: &'a Values,
    number: usize,
    name: &'a str,
}

impl Place<'_> {
    fn origin(&self, field: &str) -> Origin {
        self.values.origin_within("providers", &format!("{}.{field}", self.number))
    }

    /// Whether the field's value was refused, so that the entry is without it.
    fn lacks(&self, field: &str) -> bool {
        self.values.is_left_out("providers", &self.number.to_string(), field)
    }

    /// Whether a field was refused without which the entry can't be opened as it is meant.
    fn lacks_access(&self) -> bool {
        ["key", "base_url", "options"].iter().any(|field| self.lacks(field))
    }

    fn add(&self, field: &str, what: impl std::fmt::Display, errors: &mut ConfigErrors) {
        errors.add(&self.origin(field), format_args!("providers, {}: {what}", shortened(self.name)));
    }

    /// Returns the field that a reason names, for its line: `options.quotes.url`.
    fn field_of(&self, entry: &ProviderEntry, reason: &str) -> String {
        let named = |field: &str| reason.contains(field);
        if entry.base_url.is_some() && named("base URL") {
            return "base_url".to_owned();
        }
        let below = ["quotes.url", "series.url"].into_iter().find(|field| named(field));
        let option = entry.options.keys().map(String::as_str).find(|option| named(option));
        below.or(option).map_or_else(|| "options".to_owned(), |field| format!("options.{field}"))
    }
}

/// Returns the adapter of an entry, `Some(None)` for the replay of recorded days; `None` if `errors` says why
/// there is none.
fn adapter(entry: &ProviderEntry, place: &Place<'_>, errors: &mut ConfigErrors) -> Option<Option<Adapter>> {
    Some(Some(match entry.kind {
        ProviderKind::Replay => return refuse_options(entry, place, errors).then_some(None),
        ProviderKind::Yahoo => Adapter::Yahoo(adapter_settings(entry, place, errors)?),
        ProviderKind::Oanda => Adapter::Oanda(adapter_settings(entry, place, errors)?),
        ProviderKind::AlphaVantage => Adapter::AlphaVantage(adapter_settings(entry, place, errors)?),
        ProviderKind::Json => Adapter::Json(Box::new(adapter_settings(entry, place, errors)?)),
        ProviderKind::Csv => Adapter::Csv(adapter_settings(entry, place, errors)?),
    }))
}

/// Deserializes the adapter's settings from the entry: its options, and its other fields by the adapter's names.
fn adapter_settings<C: DeserializeOwned>(
    entry: &ProviderEntry,
    place: &Place<'_>,
    errors: &mut ConfigErrors,
) -> Option<C> {
    let mut fields = entry.options.clone();
    let mut set = |name: &str, value: serde_json::Value| match fields.insert(name.to_owned(), value.into()) {
        Some(_) => {
            let what = format!("{name} is among the options: move it to the provider itself");
            place.add(&format!("options.{name}"), what, errors);
            None
        }
        None => Some(()),
    };
    set("name", json!(entry.name()))?;
    if let Some(url) = &entry.base_url {
        set("base_url", json!(url))?;
    }
    let needs_key = matches!(entry.kind, ProviderKind::Oanda | ProviderKind::AlphaVantage);
    match (&entry.key, entry.kind) {
        (None, ProviderKind::Oanda) => set("token", json!({"env": ""}))?,
        (None, ProviderKind::AlphaVantage) => set("key", json!({"env": ""}))?,
        (None, _) => {}
        (Some(key), ProviderKind::Oanda) => set("token", json!(key))?,
        (Some(key), ProviderKind::Json) => {
            let send = fields.remove("send_key").unwrap_or_else(|| json!("bearer").into());
            let from = ("from".to_owned(), json!(key).into());
            fields.insert("key".to_owned(), YamlValue::map([from, ("send".to_owned(), send)]));
        }
        (Some(key), _) => set("key", json!(key))?,
    }
    let what = format!("providers, {}", shortened(place.name));
    let settings = YamlValue::map(fields).read_into(&place.origin(""), &what, errors);
    if needs_key && entry.key.is_none() {
        place.add("", format!("key is missing: give {KEY_FORM}"), errors);
        return None;
    }
    settings
}

/// Refuses options of a replay, whose settings are in the section `replay`.
fn refuse_options(entry: &ProviderEntry, place: &Place<'_>, errors: &mut ConfigErrors) -> bool {
    let without = entry.options.is_empty() && entry.base_url.is_none() && entry.key.is_none();
    if !without {
        place.add("", "a replay takes no options, base_url or key: set it up in the section replay", errors);
    }
    without
}
