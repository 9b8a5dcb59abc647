//! One endpoint of a JSON API: its URL, key and headers, and the error in its body.

use std::collections::BTreeMap;

use cache_core::{Clock, Error, ErrorKind, Result, Secret};
use serde_json::Value;

use super::{
    JsonSymbols,
    config::{JsonConfig, KeyPlace},
    pointer::Pointer,
    template::{Placeholder, Template},
    unambiguous::Unambiguous,
};
use crate::{
    Asset, DateRange, ProviderError, ProviderErrorKind,
    http::{HttpClient, HttpReply, HttpRequest},
    parse::start_of,
};

/// The endpoint of one kind of data.
#[derive(Debug)]
pub(super) struct Endpoint {
    template: Template,
    client: HttpClient,
    access: Access,
}

/// What all endpoints of an API share: headers, key, and where its errors are.
#[derive(Clone, Debug)]
pub(super) struct Access {
    headers: Vec<(String, String)>,
    key: Option<(Secret, KeyPlace)>,
    error: Option<Pointer>,
    symbols: JsonSymbols,
}

/// The values for a template's placeholders.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    pub(super) assets: &'a [&'a Asset],
    pub(super) range: DateRange,
    pub(super) interval: &'a str,
    /// Those of a document, by name.
    pub(super) parameters: &'a BTreeMap<String, String>,
}

impl Access {
    /// Reads the configuration.
    ///
    /// # Errors
    ///
    /// `Config` for an invalid header or pointer, and a key that can't be read.
    pub(super) fn new(config: &JsonConfig) -> Result<Self> {
        let key = match &config.key {
            Some(key) => Some((key.from.read()?, key.send.clone())),
            None => None,
        };
        let placed = key.iter().filter_map(|(_, place)| match place {
            KeyPlace::Header(name) => Some((name, "key.send.header")),
            _ => None,
        });
        for (name, field) in config.headers.keys().map(|name| (name, "headers")).chain(placed) {
            let sound = !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
            if !sound {
                return Err(wrong(config, format!("{field}: {:?} is no name of a header", start_of(name))));
            }
        }
        if let Some((name, _)) =
            config.headers.iter().find(|(_, value)| !value.bytes().all(|byte| (b' '..=b'~').contains(&byte)))
        {
            return Err(wrong(config, format!("headers: the value of {name:?} can't stand in a header")));
        }
        let headers =
            config.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect();
        config.symbols.check(config)?;
        let error = Pointer::optional("error", config.error.as_ref())?;
        Ok(Self { headers, key, error, symbols: config.symbols.clone() })
    }

    fn added_to(&self, call: HttpRequest) -> HttpRequest {
        let call = self.headers.iter().fold(call, |call, (name, value)| call.header(name.clone(), value));
        match &self.key {
            None => call,
            Some((key, KeyPlace::Bearer)) => call.bearer(key),
            Some((key, KeyPlace::Header(name))) => call.secret_header(name.to_ascii_lowercase(), key),
            Some((key, KeyPlace::Query(name))) => call.secret_query(name, key),
        }
    }
}

impl Endpoint {
    /// The endpoint at `url`, which is the setting `field`.
    ///
    /// # Errors
    ///
    /// `Config`, with the name of the field, if the URL is no template, has none of the placeholders in
    /// `needs`, one of those in `lacks`, or a parameter.
    pub(super) fn new(
        config: &JsonConfig,
        field: &str,
        url: &str,
        placeholders: (&[Placeholder], &[Placeholder]),
        access: &Access,
        clock: Clock,
    ) -> Result<Self> {
        let endpoint = Self::with_parameters(config, field, url, placeholders, access, clock)?;
        if let Some(name) = endpoint.parameters().next() {
            return Err(wrong(
                config,
                format!("{field}: the placeholder {{param:{name}}} has no meaning here"),
            ));
        }
        Ok(endpoint)
    }

    /// The same for documents, which may have parameters.
    ///
    /// # Errors
    ///
    /// As [`Endpoint::new`], but for parameters. There need be no placeholder if `needs` is empty.
    pub(super) fn with_parameters(
        config: &JsonConfig,
        field: &str,
        url: &str,
        placeholders: (&[Placeholder], &[Placeholder]),
        access: &Access,
        clock: Clock,
    ) -> Result<Self> {
        let template = Template::read(url).map_err(|why| wrong(config, format!("{field}: {why}")))?;
        let (needs, lacks) = placeholders;
        if !needs.is_empty() && !needs.iter().any(|placeholder| template.has(*placeholder)) {
            let needs = needs
                .iter()
                .map(|placeholder| format!("{{{}}}", placeholder.name()))
                .collect::<Vec<_>>()
                .join(" or ");
            return Err(wrong(
                config,
                format!(
                    "{field}: the URL {url:?} has no placeholder {needs}: all assets would share one URL"
                ),
            ));
        }
        if let Some(placeholder) = lacks.iter().find(|placeholder| template.has(**placeholder)) {
            return Err(wrong(
                config,
                format!("{field}: the placeholder {{{}}} has no meaning here", placeholder.name()),
            ));
        }
        let client = HttpClient::new(&config.name, config.http.settings(&template.origin), clock)?;
        Ok(Self { template, client, access: access.clone() })
    }

    /// Returns whether its URL has a placeholder.
    pub(super) fn has(&self, placeholder: Placeholder) -> bool {
        self.template.has(placeholder)
    }

    /// Returns the names of the parameters in its URL.
    pub(super) fn parameters(&self) -> impl Iterator<Item = &str> {
        self.template.parameters()
    }

    /// Makes a call, and parses the body; `None` if a value can't stand in the URL.
    ///
    /// # Errors
    ///
    /// If the call failed, the body is no JSON, or it contains an error.
    pub(super) async fn ask(&self, wanted: &Wanted<'_>) -> Result<Option<(Value, HttpReply)>, ProviderError> {
        let value = |placeholder| wanted.fill(placeholder, &self.access.symbols);
        let Some(call) = self.template.fill(value, wanted.parameters) else {
            return Ok(None);
        };
        let reply = self.client.send(&self.access.added_to(call)).await?;
        let body: Result<Value, _> = reply
            .parse(|body| serde_json::from_slice::<Unambiguous>(body).map(|Unambiguous(body)| body))
            .await?;
        let told =
            self.access.error.as_ref().zip(body.as_ref().ok()).and_then(|(error, body)| error.find(body));
        if let Some(told) = told.filter(|told| **told != Value::Bool(false) && **told != "") {
            let kind =
                if reply.is_success() { ProviderErrorKind::BadRequest } else { reply.failure().kind() };
            let told = told.as_str().map_or_else(|| told.to_string(), str::to_owned);
            return Err(reply.error(kind, &told));
        }
        let reply = reply.succeeded()?;
        match body {
            Ok(body) => Ok(Some((body, reply))),
            Err(error) => Err(reply.error(ProviderErrorKind::BadAnswer, &error.to_string())),
        }
    }
}

impl Wanted<'_> {
    fn fill(&self, placeholder: Placeholder, symbols: &JsonSymbols) -> String {
        let first = self.assets.first();
        let all = || self.assets.iter().map(|asset| symbols.name(asset)).collect::<Vec<_>>().join(",");
        match placeholder {
            Placeholder::Symbol => first.map_or_else(String::new, |asset| symbols.name(asset)),
            Placeholder::Symbols => all(),
            Placeholder::Market => first.map_or_else(String::new, |asset| asset.market.to_string()),
            Placeholder::From => self.range.from.to_string(),
            Placeholder::To => self.range.to.to_string(),
            Placeholder::Interval => self.interval.to_owned(),
        }
    }
}

/// Returns an error about the configuration of an API.
pub(super) fn wrong(config: &JsonConfig, message: String) -> Error {
    Error::new(ErrorKind::Config, "json", format!("{}: {message}", config.name))
}
