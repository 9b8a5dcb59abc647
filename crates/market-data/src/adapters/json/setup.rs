//! The description of a JSON API while it is read: what its parts share, and all that is wrong with it.

use std::{fmt, sync::Arc};

use cache_core::{Clock, Error, ErrorKind, Result};
use jiff::tz::TimeZone;

use super::{JsonProvider, config::JsonConfig, endpoint::Access, pointer::Pointer};

/// What is wrong with one field of a [`JsonConfig`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonConfigError {
    /// The field: `documents.dividend.url`; empty for the whole.
    pub field: String,
    /// What is wrong with which field, and what to do.
    pub message: String,
}

impl fmt::Display for JsonConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for JsonConfigError {}

impl JsonConfig {
    /// Returns all that [`JsonProvider::new`] would refuse, each with its field.
    ///
    /// ```
    /// use market_data::JsonConfig;
    ///
    /// let config: JsonConfig = serde_json::from_str(r#"{
    ///     "name": "acme", "markets": ["US"],
    ///     "quotes": {"url": "https://api.acme.example/quotes", "price": "last"}
    /// }"#)?;
    /// let fields: Vec<String> = config.errors().into_iter().map(|error| error.field).collect();
    /// assert_eq!(fields, ["quotes.url", "quotes.price"]);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[must_use]
    pub fn errors(&self) -> Vec<JsonConfigError> {
        let mut setup = Setup::new(self, Clock::system());
        JsonProvider::read(&mut setup);
        setup.errors
    }
}

/// What is read of a description, and shared by all of its parts. A part with an error goes on to be read, so that
/// its others are found; no provider is made of it.
#[derive(Debug)]
pub(super) struct Setup<'a> {
    pub(super) config: &'a JsonConfig,
    pub(super) clock: Clock,
    pub(super) zone: TimeZone,
    pub(super) access: Access,
    errors: Vec<JsonConfigError>,
}

impl<'a> Setup<'a> {
    /// Reads what all parts share.
    pub(super) fn new(config: &'a JsonConfig, clock: Clock) -> Self {
        let (zone, access) = (TimeZone::UTC, Access::default());
        let mut setup = Self { config, clock, zone, access, errors: Vec::new() };
        setup.access = Access::new(&mut setup);
        if let Some(name) = &config.zone {
            match TimeZone::get(name) {
                Ok(zone) => setup.zone = zone,
                Err(_) => {
                    let wanted = "name one such as Europe/London";
                    setup.error("zone", format!("zone: there is no time zone {name:?}: {wanted}"));
                }
            }
        }
        setup
    }

    /// Adds an error about a field, once.
    pub(super) fn error(&mut self, field: impl Into<String>, message: impl Into<String>) {
        let error = JsonConfigError { field: field.into(), message: message.into() };
        if !self.errors.iter().any(|known| known.message == error.message) {
            self.errors.push(error);
        }
    }

    /// Reads the pointer of a field; what is no JSON pointer is an error.
    pub(super) fn pointer(&mut self, field: impl Into<Arc<str>>, path: &str) -> Pointer {
        let field = field.into();
        Pointer::new(Arc::clone(&field), path).unwrap_or_else(|why| {
            self.error(&*field, format!("{field}: {why}"));
            Pointer::whole(field)
        })
    }

    /// Reads the pointer of a field that may be left out.
    pub(super) fn optional(&mut self, field: impl Into<Arc<str>>, path: Option<&String>) -> Option<Pointer> {
        path.map(|path| self.pointer(field, path))
    }

    /// Returns what was made of the description.
    ///
    /// # Errors
    ///
    /// `Config`, with all that is wrong.
    pub(super) fn end<T>(self, made: Option<T>) -> Result<T> {
        match made.filter(|_| self.errors.is_empty()) {
            Some(made) => Ok(made),
            None => {
                let all: Vec<&str> = self.errors.iter().map(|error| error.message.as_str()).collect();
                let message = format!("{}: {}", self.config.name, all.join("; "));
                Err(Error::new(ErrorKind::Config, "json", message))
            }
        }
    }
}
