//! The body of a put, as a client writes it, and what a kind makes of it.

use std::fmt;

use cache_core::{Fetched, Key, Timestamp};
use cache_http::{Problem, ProblemKind, request::json_object::json_object};
use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::key_of;
use crate::{
    app::{
        json_text::JsonText,
        own_kinds::{OwnContent, OwnId, OwnKind, Terms},
    },
    http::problems,
    settings::{OwnLife, OwnSpan},
};

/// The most tags that a value may be given.
const MAX_TAGS: usize = 16;
/// The most parameters that name a response in a body.
const MAX_PARAMETERS: usize = 64;
/// The shortest life, in milliseconds.
const MIN_LIFE_MS: u128 = 1;

/// `{"value": ..., "ttl": "5m", "stale_for": 60, "tags": ["a"], "user": "17", "asset": "AAPL"}`; `id` and
/// `parameters` in a batch alone.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PutBody<'a> {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    parameters: Option<Parameters>,
    #[serde(borrow)]
    value: &'a RawValue,
    #[serde(default)]
    ttl: Option<OwnLife>,
    #[serde(default)]
    stale_for: Option<OwnSpan>,
    #[serde(default)]
    tags: Option<Few<String, MAX_TAGS>>,
    /// Whose it is; `null` is nobody's, which is not the same as to say nothing.
    #[serde(default, deserialize_with = "stated")]
    user: Option<Option<String>>,
    #[serde(default)]
    asset: Option<String>,
}

fn stated<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// A value that is ready to be put.
pub(super) struct Put<'a> {
    pub(super) id: OwnId,
    pub(super) key: Key,
    pub(super) text: &'a str,
    pub(super) fetched: Fetched<JsonText>,
}

/// An item of a batch that is to be carried out, or why not.
pub(super) type Item<T> = Result<T, Box<Refused>>;

/// An item of a batch that is not carried out.
pub(super) struct Refused {
    /// The id that it names, if it does.
    pub(super) id: Option<String>,
    pub(super) problem: Problem,
}

impl<'a> PutBody<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Problem> {
        json_object(bytes).map_err(|error| {
            let form =
                r#"{"value": {"any": "JSON"}, "ttl": "5m", "tags": ["a"]}, of which only value is needed"#;
            invalid(format!("the body is not valid: {error}; give {form}"))
        })
    }

    /// Returns what is to be put under the id that a path names.
    pub(super) fn under(
        self,
        kind: &OwnKind,
        id: OwnId,
        key: Key,
        now: Timestamp,
    ) -> Result<Put<'a>, Problem> {
        if self.id.is_some() || self.parameters.is_some() {
            return Err(invalid("the path says what is put: leave id and parameters out of the body"));
        }
        self.prepared(kind, id, key, now)
    }

    /// Returns what is to be put under the id that the body itself names.
    pub(super) fn item(mut self, kind: &OwnKind, now: Timestamp) -> Item<Put<'a>> {
        let Some(text) = self.id.take() else {
            return Err(refused(None, invalid("the item has no id: give {\"id\": ..., \"value\": ...}")));
        };
        let parameters = self.parameters.take();
        let shown = text.clone();
        let put = id_of(kind, text, parameters).and_then(|id| {
            let key = key_of(kind, &id)?;
            self.prepared(kind, id, key, now)
        });
        put.map_err(|problem| refused(Some(shown), problem))
    }

    fn prepared(self, kind: &OwnKind, id: OwnId, key: Key, now: Timestamp) -> Result<Put<'a>, Problem> {
        let text = self.value.get();
        if text.len() > kind.max_value {
            let detail = format!(
                "the value is {} bytes long, the limit of {} is {}: split it, or raise {}",
                text.len(),
                kind.name,
                kind.max_value,
                if kind.content == OwnContent::Other {
                    "max_value_bytes of its own_kinds"
                } else {
                    "limits.max_value_kib"
                },
            );
            return Err(Problem::new(ProblemKind::BODY_TOO_LARGE, detail));
        }
        let value = JsonText::of(self.value).map_err(invalid)?;
        if self.ttl.is_some_and(|ttl| kind.span(ttl).as_millis() < MIN_LIFE_MS) {
            let remedy =
                "give at least 0.001, or leave it out for the usual life; to remove a value, DELETE it";
            return Err(invalid(format!("ttl is 0, with which nothing is kept: {remedy}")));
        }
        if kind.content == OwnContent::Session && self.user.is_none() {
            let why = "without, neither a logout nor the end of its user would end it";
            return Err(invalid(format!(
                "the session says no user: give \"user\": \"17\", or \"user\": null if it is nobody's; {why}"
            )));
        }
        let asset = self.asset.map(|asset| match kind.content {
            OwnContent::Signal => asset.parse().map_err(|error| invalid(format!("asset: {error}"))),
            OwnContent::Narrative => Err(invalid("the asset of a narrative is its id: leave asset out")),
            _ => Err(invalid(format!("asset is for signals, not for {}: use tags", kind.name))),
        });
        let terms = Terms {
            life: self.ttl,
            stale_for: self.stale_for.map(OwnSpan::span),
            tags: self.tags.map(|Few(tags)| tags).unwrap_or_default(),
            user: self.user.flatten(),
            asset: asset.transpose()?,
        };
        let fetched = kind.fetched((&id, &key), value, terms, now);
        let fetched = fetched.map_err(|error| invalid(format!("the tags can't be made: {error}")))?;
        Ok(Put { id, key, text, fetched })
    }
}

/// Returns the id of an item of a batch.
pub(super) fn id_of(kind: &OwnKind, text: String, parameters: Option<Parameters>) -> Result<OwnId, Problem> {
    match parameters {
        Some(_) if kind.content != OwnContent::Response => {
            Err(invalid(format!("parameters are for api, not for {}: leave them out", kind.name)))
        }
        parameters => Ok(OwnId { text, parameters: parameters.map(|given| given.0).unwrap_or_default() }),
    }
}

pub(super) fn refused(id: Option<String>, problem: Problem) -> Box<Refused> {
    Box::new(Refused { id, problem })
}

pub(super) fn invalid(detail: impl Into<String>) -> Problem {
    Problem::new(problems::INVALID_ENTRY, detail)
}

/// A list of at most `MAX` items: a longer one is refused before the rest of it is read.
pub(super) struct Few<T, const MAX: usize>(pub(super) Vec<T>);

// By hand, since a derive would ask the same of items.
impl<T, const MAX: usize> Default for Few<T, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for Few<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(FewVisitor::<T, MAX>(std::marker::PhantomData))
    }
}

struct FewVisitor<T, const MAX: usize>(std::marker::PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for FewVisitor<T, MAX> {
    type Value = Few<T, MAX>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {MAX} items")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut few = Vec::new();
        while let Some(item) = items.next_element()? {
            if few.len() == MAX {
                return Err(A::Error::custom(format!("the list has more than {MAX} items, the limit")));
            }
            few.push(item);
        }
        Ok(Few(few))
    }
}

/// The parameters of a response: `{"symbol": "AAPL", "limit": "10"}`.
pub(super) struct Parameters(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Parameters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ParametersVisitor)
    }
}

struct ParametersVisitor;

impl<'de> Visitor<'de> for ParametersVisitor {
    type Value = Parameters;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object of at most {MAX_PARAMETERS} texts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Parameters, A::Error> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        while let Some((name, value)) = members.next_entry::<String, String>()? {
            if pairs.iter().any(|(seen, _)| *seen == name) {
                return Err(A::Error::custom(format!("the parameter {name:?} is given twice")));
            }
            if pairs.len() == MAX_PARAMETERS {
                let limit = format!("there are more than {MAX_PARAMETERS} parameters, the limit");
                return Err(A::Error::custom(limit));
            }
            pairs.push((name, value));
        }
        Ok(Parameters(pairs))
    }
}
