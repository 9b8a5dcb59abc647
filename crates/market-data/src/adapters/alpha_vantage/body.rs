//! Bodies: sections by name, or a refusal.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, value::RawValue};

use super::refusal::Refusal;
use crate::{
    Invalid,
    parse::{ParseError, start_of},
};

/// A body by sections: `"Global Quote"`, `"Meta Data"`, `"Time Series (Daily)"`.
pub(super) struct Body<'a>(BTreeMap<String, &'a RawValue>);

/// Why a body holds no data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Nothing {
    Refused(Refusal),
    Flawed(ParseError),
}

impl From<ParseError> for Nothing {
    fn from(why: ParseError) -> Self {
        Self::Flawed(why)
    }
}

impl From<Invalid> for Nothing {
    fn from(why: Invalid) -> Self {
        Self::Flawed(why.into())
    }
}

impl<'a> Body<'a> {
    /// Splits a body into sections.
    ///
    /// # Errors
    ///
    /// If it refuses, or isn't a JSON object.
    pub(super) fn read(body: &'a [u8]) -> Result<Self, Nothing> {
        let sections: BTreeMap<String, &RawValue> =
            serde_json::from_slice(body).map_err(|error| ParseError::json("the answer", &error))?;
        for key in ["Error Message", "Information", "Note"] {
            let text = sections.get(key).map(|text| serde_json::from_str(text.get()).unwrap_or_default());
            if let Some(refusal) = text.and_then(|text| Refusal::read(key, text)) {
                return Err(Nothing::Refused(refusal));
            }
        }
        Ok(Self(sections))
    }

    /// Returns whether it holds nothing, as where a symbol is unknown.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the whole as it was told.
    ///
    /// # Errors
    ///
    /// If a part of it can't be a value.
    pub(super) fn whole(&self) -> Result<Map<String, Value>, ParseError> {
        let part = |(key, part): (&String, &&RawValue)| match serde_json::from_str(part.get()) {
            Ok(value) => Ok((key.clone(), value)),
            Err(error) => Err(ParseError::json(start_of(key), &error)),
        };
        self.0.iter().map(part).collect()
    }

    /// Returns the section whose name begins with `name`, and its whole name.
    ///
    /// # Errors
    ///
    /// If there is none, or it isn't a `T`.
    pub(super) fn section<T: DeserializeOwned>(&self, name: &str) -> Result<(&str, T), ParseError> {
        let found = self.0.iter().find(|(key, _)| key.starts_with(name));
        let (key, section) = found.ok_or_else(|| ParseError::new(format!("the answer holds no {name:?}")))?;
        let section = serde_json::from_str(section.get()).map_err(|error| ParseError::json(name, &error))?;
        Ok((key, section))
    }
}

/// A section of texts, whose names are numbered differently from endpoint to endpoint: `6. Time Zone`.
pub(super) struct Texts(BTreeMap<String, serde_json::Value>);

impl<'de> serde::Deserialize<'de> for Texts {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BTreeMap::deserialize(deserializer).map(Self)
    }
}

impl Texts {
    /// Returns whether the section is empty.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the text called `name`, whatever number stands before it.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub(super) fn get(&self, name: &str) -> Result<&str, ParseError> {
        let is_it =
            |key: &str| key.trim_start_matches(|char: char| char.is_ascii_digit()).get(2..) == Some(name);
        let text = self.0.iter().find(|(key, _)| is_it(key)).and_then(|(_, text)| text.as_str());
        text.ok_or_else(|| ParseError::new(format!("the answer has no {name:?}")))
    }
}
