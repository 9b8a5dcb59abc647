//! The keys of the cache: which there are, and what is held of one.

use std::time::Duration;

use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::Uri,
    response::Response,
};
use cache_core::{Error, ErrorKind, Key};
use cache_facade::{HeldEntry, KeyReport};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    management::Management,
    problem::{Problem, ProblemKind},
    request::query::{QueryParams, echo},
    response::uncacheable,
};

/// How many keys a page has, unless its request says otherwise.
const USUAL_LIMIT: usize = 100;
/// How many keys a page has at most.
const MAX_LIMIT: usize = 1000;

/// A key, and where it is held.
#[derive(Serialize, ToSchema)]
pub(crate) struct HeldKey {
    key: String,
    kind: String,
    id: String,
    /// Where a read of it would be answered from; left out if nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    served_from: Option<&'static str>,
    /// Why memory could last not answer a read of it; left out if that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(inline, nullable = false)]
    last_miss: Option<KeyMiss>,
    #[schema(inline)]
    places: Vec<Place>,
}

/// Why memory could not answer a read of a key, and when.
#[derive(Clone, Serialize, ToSchema)]
struct KeyMiss {
    /// `never_there`, `expired`, `evicted`, ...
    cause: &'static str,
    at_unix_ms: i64,
}

/// A page of keys.
#[derive(Serialize, ToSchema)]
pub(crate) struct KeyPageBody {
    #[schema(inline)]
    keys: Vec<HeldKey>,
    /// What to give as `after` for the next page; null if this is the last.
    next: Option<String>,
    /// The tiers that can't list what they hold, or failed.
    #[schema(inline)]
    passed_over: Vec<PassedOver>,
}

/// A tier that is left out of a page.
#[derive(Serialize, ToSchema)]
struct PassedOver {
    name: &'static str,
    error: Option<String>,
}

/// What memory or a tier has of a key.
#[derive(Serialize, ToSchema)]
struct Place {
    name: &'static str,
    held: bool,
    /// What it has; left out if nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(inline, nullable = false)]
    entry: Option<Entry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// An entry without its value.
#[derive(Serialize, ToSchema)]
struct Entry {
    /// What a read would make of it: `fresh`, `stale`, `expired`, ...
    state: &'static str,
    born_unix_ms: i64,
    /// For how long it is still fresh; left out if without end.
    #[serde(skip_serializing_if = "Option::is_none")]
    fresh_for_ms: Option<u64>,
    /// For how long it may be served stale after that.
    #[serde(skip_serializing_if = "Option::is_none")]
    stale_for_ms: Option<u64>,
    tags: Vec<String>,
    /// Whether it is the knowledge that there is no value.
    absent: bool,
    bytes: u64,
}

impl Entry {
    fn of(entry: &HeldEntry) -> Self {
        Self {
            state: entry.judgement.as_str(),
            born_unix_ms: entry.born.as_micros() / 1000,
            fresh_for_ms: millis(entry.life_left),
            stale_for_ms: millis(entry.grace_left),
            tags: entry.tags.iter().map(|tag| tag.as_str().to_owned()).collect(),
            absent: entry.absent,
            bytes: entry.bytes,
        }
    }
}

impl HeldKey {
    fn of(report: &KeyReport) -> Self {
        let place = |name, entry: Option<&HeldEntry>, error: Option<&Error>| Place {
            name,
            held: entry.is_some(),
            entry: entry.map(Entry::of),
            error: error.map(ToString::to_string),
        };
        let memory = place("memory", report.memory.as_ref(), None);
        let tiers = report.tiers.iter().map(|tier| place(tier.tier, tier.held.as_ref(), tier.error.as_ref()));
        let (kind, id) = (report.key.kind().to_owned(), report.key.id().to_owned());
        Self {
            key: format!("{kind}:{id}"),
            kind,
            id,
            served_from: report.served_from().map(|(place, _)| place),
            last_miss: None,
            places: std::iter::once(memory).chain(tiers).collect(),
        }
    }
}

fn millis(span: Duration) -> Option<u64> {
    (span != Duration::MAX).then(|| u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
}

/// `GET /cache/keys?pattern=price:A*&limit=100&after=`: a page of the keys that match
pub(super) async fn list(State(management): State<Management>, uri: Uri) -> Result<Response, Problem> {
    let params = QueryParams::read(uri.query(), &["pattern", "after", "limit"])?;
    let pattern = params.get_non_empty("pattern").unwrap_or("*");
    let limit = limit(params.get_non_empty("limit"))?;
    let after = params.get_non_empty("after");
    let _turn = management.turns().walk()?;
    let page = management.cache().keys(pattern, after, limit).await.map_err(|error| {
        let name = if after.is_some() && error.to_string().contains("cursor") { "after" } else { "pattern" };
        match error.kind() {
            ErrorKind::Config | ErrorKind::Limit => Problem::parameter(name, error.to_string()),
            _ => Problem::from_error(&error),
        }
    })?;
    let keys: Vec<HeldKey> = page.keys.iter().map(HeldKey::of).collect();
    let passed_over = page.passed_over.iter().map(|passed| PassedOver {
        name: passed.tier,
        error: passed.error.as_ref().map(ToString::to_string),
    });
    uncacheable(&KeyPageBody { keys, next: page.next.clone(), passed_over: passed_over.collect() })
}

fn limit(text: Option<&str>) -> Result<usize, Problem> {
    let Some(text) = text else { return Ok(USUAL_LIMIT) };
    match text.parse() {
        Ok(limit @ 1..=MAX_LIMIT) => Ok(limit),
        _ => {
            let detail = format!("limit={} is none: give a number from 1 to {MAX_LIMIT}", echo(text));
            Err(Problem::parameter("limit", detail))
        }
    }
}

/// `GET /cache/keys/{kind}:{id}`: what memory and each tier have of a key
pub(super) async fn one(
    State(management): State<Management>,
    key: Result<Path<String>, PathRejection>,
    uri: Uri,
) -> Result<Response, Problem> {
    QueryParams::read(uri.query(), &[])?;
    let Path(key) = key.map_err(|rejection| {
        Problem::parameter("key", format!("the key in the path can't be read: {rejection}"))
    })?;
    let (kind, id) = split(&key)?;
    let report = management.cache().inspect(kind, id).await.map_err(|error| match error.kind() {
        ErrorKind::Config | ErrorKind::Limit => Problem::parameter("key", error.to_string()),
        _ => Problem::from_error(&error),
    })?;
    let miss = management.analytics().and_then(|analytics| analytics.last_miss(&report.key));
    let miss =
        miss.map(|miss| KeyMiss { cause: miss.cause.as_str(), at_unix_ms: miss.at.as_micros() / 1000 });
    let held = HeldKey { last_miss: miss.clone(), ..HeldKey::of(&report) };
    if held.places.iter().all(|place| !place.held && place.error.is_none()) {
        let detail = format!("nothing is held of {:?}: it was never put, was ended, or is over", echo(&key));
        let problem = Problem::new(ProblemKind::NO_SUCH_ENTRY, detail);
        return Err(match miss {
            Some(miss) => problem.with("last_miss", json!(miss)),
            None => problem,
        });
    }
    uncacheable(&held)
}

/// Splits the text of a key into kind and id.
pub(super) fn split(key: &str) -> Result<(&str, &str), Problem> {
    let form = || {
        let detail = format!("{:?} is no key: give its kind and its id, as in price:AAPL", echo(key));
        Problem::parameter("key", detail)
    };
    let (kind, id) = key.split_once(':').ok_or_else(form)?;
    Key::new(kind, id).map_err(|error| Problem::parameter("key", error.to_string()))?;
    Ok((kind, id))
}
