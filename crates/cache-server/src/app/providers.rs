//! The providers of the service: the configured ones in a registry, or a replay of recorded days.

use std::{collections::HashSet, sync::Arc};

use cache_config::{ConfigErrors, Origin, Values, YamlValue, shortened};
use cache_core::{Clock, Error, ErrorKind, Result, Secret};
use cache_market::MarketRegions;
use market_data::{
    Adapter, DataType, Provider, ProviderSettings, Quota, Registry, ReplayProvider, SecretSource,
};
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
    /// `Config` with all that is wrong with them: invalid options, missing API keys and folders; and for settings
    /// of a shared tier that can't be used.
    pub(crate) fn open(config: &Config, clock: &Clock) -> Result<Self> {
        let settings = &config.settings;
        let replay = Arc::new(ReplayProvider::new(settings.replay(), clock.clone())?);
        let entries = &settings.providers.providers;
        let mut errors = ConfigErrors::default();
        let opened = open_all(entries, &config.values, clock, &mut errors);
        let opened =
            errors.or(opened).map_err(|errors| Error::new(ErrorKind::Config, "start", errors.to_string()))?;
        let mut members: Vec<(String, Arc<dyn Provider>, ProviderSettings)> = Vec::new();
        if entries.is_empty() {
            members.push((replay.name().to_owned(), replay.clone(), settings.replay_provider_settings()));
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
            members.push((entry.name().to_owned(), provider, provider_settings));
        }
        let mut builder = Registry::builder(clock.clone());
        // Without a quota nothing is counted, and no connection is opened for it.
        if members.iter().any(|(.., settings)| settings.quota != Quota::default())
            && let Some(store) = settings.cache.quota_store(clock)?
        {
            builder = builder.quota_store(store);
        }
        for (name, provider, settings) in members {
            builder = builder.provider_as(name, provider, settings);
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
        if let Some(price) = entry.price_per_call.filter(|price| !(price.is_finite() && *price >= 0.0)) {
            place.add("price_per_call", format!("price_per_call is {price}: give 0 or more"), errors);
        }
        let is_whole = !place.lacks("backoff_ms") && !place.lacks("backoff_max_ms");
        for (field, why) in entry.provider_settings().invalid_fields() {
            if field != "backoff_ms" || is_whole {
                place.add(field, format!("{field} {why}"), errors);
            }
        }
        if !place.lacks_access()
            && let Some(Some(Adapter::Json(config))) = adapter(entry, &place, errors)
        {
            for data in config.documents.keys().filter(|data| data.is_document()) {
                if !MarketRegions::has(*data) {
                    place.add(&format!("options.documents.{data}"), never_asked(*data), errors);
                }
            }
        }
    }
}

/// Returns why the service can't have documents of a kind that are no market data: an application writes them.
fn never_asked(data: DataType) -> String {
    format!(
        "documents.{data}: no provider is asked for it: leave it out, and put such values under /v1/cache"
    )
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

/// Adds all reasons why a provider can't be opened to `errors`. All of a JSON API are known at once; opening
/// another stops at the first, so it is tried without the key if that is what is missing.
fn explain(
    adapter: &Adapter,
    entry: &ProviderEntry,
    place: &Place<'_>,
    why: &Error,
    clock: &Clock,
    errors: &mut ConfigErrors,
) {
    let missing = entry.key.as_ref().and_then(|key| key.read().err());
    if let Some(missing) = &missing {
        place.add("key", place.without_name(missing), errors);
    }
    let found = if let Adapter::Json(config) = adapter { config.errors() } else { Vec::new() };
    for error in &found {
        match error.field.as_str() {
            // It is told above.
            "key" => {}
            // As the field is called here.
            "key.send.header" => {
                let message = error.message.replace("key.send.header", "send_key.header");
                place.add("options.send_key.header", message, errors);
            }
            field => place.add(&format!("options.{field}"), error, errors),
        }
    }
    if !found.is_empty() {
        return;
    }
    let why = match missing {
        None => Some(place.without_name(why)),
        Some(_) => {
            let mut with_key = adapter.clone();
            give_key(&mut with_key);
            with_key.open(clock.clone()).err().map(|why| place.without_name(&why))
        }
    };
    if let Some(why) = why {
        place.add(&place.field_of(entry, &why), why, errors);
    }
}

/// Gives an adapter a key that opens it, so that what else is wrong is found.
fn give_key(adapter: &mut Adapter) {
    let given = SecretSource::Given(Secret::from("none"));
    match adapter {
        Adapter::Oanda(config) => config.token = given,
        Adapter::AlphaVantage(config) => config.key = given,
        Adapter::Json(_) | Adapter::Yahoo(_) | Adapter::Csv(_) => {}
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

    /// Returns a reason without the names of the operation and of the provider, which an error names already.
    fn without_name(&self, why: &Error) -> String {
        let told = why.to_string();
        let without = |told: &str, name: &str| {
            told.strip_prefix(name).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(told).to_owned()
        };
        without(&without(&told, why.operation()), self.name)
    }

    /// Returns the field that a reason names, for its line: `options.folder`.
    fn field_of(&self, entry: &ProviderEntry, reason: &str) -> String {
        let named = |field: &str| reason.contains(field);
        if entry.base_url.is_some() && named("base URL") {
            return "base_url".to_owned();
        }
        let option = entry.options.keys().map(String::as_str).find(|option| named(option));
        option.map_or_else(|| "options".to_owned(), |field| format!("options.{field}"))
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
