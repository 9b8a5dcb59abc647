//! The form of an answer about one value: the same for a read, a put and an item of a batch.

use cache_core::{Key, Tag, Timestamp};
use cache_facade::{Lookup, Source};
use cache_http::{Problem, guard::Caller, request::query::echo};
use serde::Serialize;

use super::Named;
use crate::app::{
    json_text::JsonText,
    own_kinds::{OwnId, OwnKind},
};

/// One value, or what is known of it after a put.
#[derive(Serialize)]
pub(super) struct Answer<'a> {
    /// The status of an item of a batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    kind: &'a str,
    id: &'a str,
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a JsonText>,
    /// The version: when it was put, in microseconds since 1970. `null` if nothing is there any more.
    born: Option<i64>,
    age_ms: u64,
    fresh_for_ms: u64,
    source: &'static str,
    stale: bool,
    tags: Vec<&'a str>,
}

/// An item of a batch that failed.
#[derive(Serialize)]
pub(super) struct Failed {
    status: u16,
    id: Option<String>,
    error: String,
}

impl<'a> Answer<'a> {
    /// Returns what a read found, with its value.
    pub(super) fn read(named: &Names<'a>, lookup: &'a Lookup<JsonText>) -> Self {
        Self { value: lookup.value.as_deref(), ..Self::of(named, lookup) }
    }

    /// Returns what a put stored: of what is there now if that is still this version.
    pub(super) fn put(
        named: &Names<'a>,
        born: Option<Timestamp>,
        lookup: &'a Lookup<JsonText>,
        tags: &'a [Tag],
    ) -> Self {
        if born == Some(lookup.born) && lookup.value.is_some() {
            return Self::of(named, lookup);
        }
        let tags = tags.iter().map(Tag::as_str).collect();
        Self { born: born.map(Timestamp::as_micros), tags, ..Self::nothing(named) }
    }

    fn of(named: &Names<'a>, lookup: &'a Lookup<JsonText>) -> Self {
        let ms = |span: std::time::Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        Self {
            born: Some(lookup.born.as_micros()),
            age_ms: ms(lookup.age),
            fresh_for_ms: ms(lookup.fresh_for),
            source: lookup.source.as_str(),
            stale: lookup.stale,
            tags: lookup.tags().iter().map(Tag::as_str).collect(),
            ..Self::nothing(named)
        }
    }

    /// The answer about what is not there.
    fn nothing(named: &Names<'a>) -> Self {
        Self {
            status: None,
            kind: &named.kind.name,
            id: &named.id.text,
            key: name_of(named.key),
            value: None,
            born: None,
            age_ms: 0,
            fresh_for_ms: 0,
            source: Source::Nowhere.as_str(),
            stale: false,
            tags: Vec::new(),
        }
    }

    /// Returns the same as an item of a batch.
    pub(super) fn with_status(self, status: u16) -> Self {
        Self { status: Some(status), ..self }
    }
}

/// What a value is called.
pub(super) struct Names<'a> {
    pub(super) kind: &'a OwnKind,
    pub(super) id: &'a OwnId,
    pub(super) key: &'a Key,
}

impl Named<'_> {
    pub(super) fn names(&self) -> Names<'_> {
        Names { kind: self.kind, id: &self.id, key: &self.key }
    }
}

impl Failed {
    pub(super) fn new(id: Option<&str>, problem: &Problem, caller: Caller) -> Self {
        Self { status: problem.status().as_u16(), id: id.map(echo), error: problem.detail(caller).to_owned() }
    }
}

/// Returns the key as other parts of the service name it: without the namespace.
pub(super) fn name_of(key: &Key) -> String {
    format!("{}:{}", key.kind(), key.id())
}
