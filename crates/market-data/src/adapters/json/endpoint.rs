//! One endpoint of a JSON API: its URL, key and headers, and the error in its body.

use std::collections::BTreeMap;

use cache_core::Secret;
use serde_json::Value;

use super::{
    JsonSymbols,
    config::KeyPlace,
    pointer::Pointer,
    setup::Setup,
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

/// What all endpoints of an API share: headers, key, where its errors are, and how it says that it knows nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Access {
    headers: Vec<(String, String)>,
    key: Option<(Secret, KeyPlace)>,
    error: Option<Pointer>,
    unknown_status: Vec<u16>,
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
    pub(super) fn new(setup: &mut Setup<'_>) -> Self {
        let config = setup.config;
        let key = config.key.as_ref().and_then(|key| match key.from.read() {
            Ok(secret) => Some((secret, key.send.clone())),
            Err(why) => {
                setup.error("key", why.to_string());
                None
            }
        });
        let placed = config.key.iter().filter_map(|key| match &key.send {
            KeyPlace::Header(name) => Some((name, "key.send.header")),
            _ => None,
        });
        for (name, field) in config.headers.keys().map(|name| (name, "headers")).chain(placed) {
            let sound = !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
            if !sound {
                setup.error(field, format!("{field}: {:?} is no name of a header", start_of(name)));
            }
        }
        for (name, value) in &config.headers {
            if !value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
                let message = format!("headers: the value of {name:?} can't stand in a header");
                setup.error("headers", message);
            }
        }
        for status in &config.unknown_status {
            // By these an upstream speaks of the client or of itself, and by a success it answers.
            if !matches!(status, 400..500) || matches!(status, 401 | 403 | 407 | 408 | 429) {
                let wanted =
                    "name statuses of 400 to 499, such as 404, but none of 401, 403, 407, 408 and 429";
                let message =
                    format!("unknown_status: {status} can't say that a symbol is unknown: {wanted}");
                setup.error("unknown_status", message);
            }
        }
        config.symbols.check(setup);
        Self {
            headers: config
                .headers
                .iter()
                .map(|(name, value)| (name.to_ascii_lowercase(), value.clone()))
                .collect(),
            key,
            error: setup.optional("error", config.error.as_ref()),
            unknown_status: config.unknown_status.clone(),
            symbols: config.symbols.clone(),
        }
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
    /// The endpoint at `url`, which is the setting `field`. `placeholders` are those of which its URL needs one,
    /// if there are any, and those that mean nothing in it; so do parameters.
    ///
    /// `None` if no call could be made of the URL.
    pub(super) fn new(
        setup: &mut Setup<'_>,
        field: &str,
        url: &str,
        placeholders: (&[Placeholder], &[Placeholder]),
    ) -> Option<Self> {
        let endpoint = Self::with_parameters(setup, field, url, placeholders, "")?;
        for name in endpoint.parameters() {
            setup.error(field, format!("{field}: the placeholder {{param:{name}}} has no meaning here"));
        }
        Some(endpoint)
    }

    /// The same for documents, which may have parameters. `remedy` says what else may be done if the URL lacks
    /// what it needs.
    pub(super) fn with_parameters(
        setup: &mut Setup<'_>,
        field: &str,
        url: &str,
        placeholders: (&[Placeholder], &[Placeholder]),
        remedy: &str,
    ) -> Option<Self> {
        let template = match Template::read(url) {
            Ok(template) => template,
            Err(why) => {
                setup.error(field, format!("{field}: {why}"));
                return None;
            }
        };
        let (needs, lacks) = placeholders;
        if !needs.is_empty() && !needs.iter().any(|placeholder| template.has(*placeholder)) {
            let needs: Vec<_> =
                needs.iter().map(|placeholder| format!("{{{}}}", placeholder.name())).collect();
            let needs = needs.join(" or ");
            let why = format!("has no placeholder {needs}: all assets would share one URL{remedy}");
            setup.error(field, format!("{field}: the URL {url:?} {why}"));
        }
        for placeholder in lacks.iter().filter(|placeholder| template.has(**placeholder)) {
            let name = placeholder.name();
            setup.error(field, format!("{field}: the placeholder {{{name}}} has no meaning here"));
        }
        let config = setup.config;
        let settings = config.http.settings(&template.origin);
        match HttpClient::new(&config.name, settings, setup.clock.clone()) {
            Ok(client) => Some(Self { template, client, access: setup.access.clone() }),
            Err(why) => {
                setup.error("http", why.to_string());
                None
            }
        }
    }

    /// Returns whether its URL has a placeholder.
    pub(super) fn has(&self, placeholder: Placeholder) -> bool {
        self.template.has(placeholder)
    }

    /// Returns the names of the parameters in its URL.
    pub(super) fn parameters(&self) -> impl Iterator<Item = &str> {
        self.template.parameters()
    }

    /// Makes a call, and parses the body; `None` if the API knows nothing of what is wanted: by its status, or
    /// since a value can't stand in the URL.
    ///
    /// # Errors
    ///
    /// If the call failed, the body is no JSON, or it contains an error.
    pub(super) async fn ask(&self, wanted: &Wanted<'_>) -> Result<Option<(Value, HttpReply)>, ProviderError> {
        let value = |placeholder| wanted.fill(placeholder, &self.access.symbols);
        let Some(call) = self.template.fill(value, wanted.parameters) else {
            return self.nothing_of(wanted.assets.len(), "can't be asked for");
        };
        let reply = self.client.send(&self.access.added_to(call)).await?;
        if self.access.unknown_status.contains(&reply.status) {
            return self.nothing_of(wanted.assets.len(), "doesn't know");
        }
        let body: Result<Value, _> = reply
            .parse(|body| serde_json::from_slice::<Unambiguous>(body).map(|Unambiguous(body)| body))
            .await?;
        let told =
            self.access.error.as_ref().zip(body.as_ref().ok()).and_then(|(error, body)| error.find(body));
        if let Some(told) = told.filter(|told| **told != Value::Bool(false) && **told != "") {
            let told = told.as_str().map_or_else(|| told.to_string(), str::to_owned);
            let kind = if reply.is_success() { kind_of(&told) } else { reply.failure().kind() };
            return Err(with_remedy(&reply, reply.error(kind, &told)));
        }
        if !reply.is_success() {
            return Err(with_remedy(&reply, reply.failure()));
        }
        match body {
            Ok(body) => Ok(Some((body, reply))),
            Err(error) => Err(reply.error(ProviderErrorKind::BadAnswer, &error.to_string())),
        }
    }

    /// Tells that the API knows nothing of what is wanted: of one symbol, it is unknown; of several, nobody knows
    /// which of them is, so the call is refused, to be made again for fewer.
    pub(super) fn nothing_of<T>(&self, many: usize, why: &str) -> Result<Option<T>, ProviderError> {
        if many <= 1 {
            return Ok(None);
        }
        let message = format!("{} {why} one of {many} symbols, and doesn't say which", self.client.name());
        Err(ProviderError::new(ProviderErrorKind::BadRequest, message))
    }
}

/// Returns what kind of error a text beside a status of 200 tells of: a used-up quota and a bad key are the
/// upstream's words for what other APIs have a status for; all else is about what was asked for.
fn kind_of(told: &str) -> ProviderErrorKind {
    let told = told.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| told.contains(word));
    if has(&[
        "quota",
        "rate limit",
        "rate-limit",
        "ratelimit",
        "limit reached",
        "limit exceeded",
        "too many",
        "throttl",
    ]) || (told.contains("limit") && told.contains("exceed"))
    {
        ProviderErrorKind::Throttled { retry_after: None }
    } else if has(&[
        "api key",
        "apikey",
        "api_key",
        "api-key",
        "unauthori",
        "forbidden",
        "permission",
        "credential",
    ]) {
        ProviderErrorKind::Refused
    } else {
        ProviderErrorKind::BadRequest
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

/// Adds to the error of a status by which many an API says that it doesn't know a symbol what makes it an answer.
fn with_remedy(reply: &HttpReply, error: ProviderError) -> ProviderError {
    if reply.status != 404 {
        return error;
    }
    let remedy = "if that says that it doesn't know the symbol, set unknown_status: [404]";
    ProviderError::new(error.kind(), format!("{}; {remedy}", error.message()))
}
