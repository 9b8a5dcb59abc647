//! Removes, puts and gets many values of one kind, in this order, each step in one call of the cache.

use std::{collections::HashSet, sync::Arc};

use axum::{
    Extension,
    body::Bytes,
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderMap, Uri},
    response::Response,
};
use cache_core::{Key, Result as CacheResult, Tag, Timestamp};
use cache_facade::Lookup;
use cache_http::{
    Problem, ProblemKind,
    guard::Caller,
    request::{
        json_object::json_object,
        query::{QueryParams, echo},
    },
    response::uncacheable,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{
    BATCH,
    answer::{Answer, Failed, Names, name_of},
    conditions::Condition,
    failure,
    get::absent,
    key_of, kind_of,
    put_body::{Few, Item, Parameters, Put, PutBody, id_of, invalid, refused},
};
use crate::{
    app::{
        App,
        json_text::JsonText,
        own_kinds::{OwnId, OwnKind},
    },
    http::access::OWN_PATH,
};

/// The most items of a batch, all lists together.
const MAX_ITEMS: usize = 200;
/// How long the values of an answer may be together, in bytes. A single one may be longer.
const MAX_ANSWER: usize = 4 << 20;

/// `{"remove": ["1"], "put": [{"id": "2", "value": 1}], "get": ["3", {"id": "e", "parameters": {"a": "b"}}]}`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BatchBody<'a> {
    #[serde(default, borrow)]
    remove: Few<&'a RawValue, MAX_ITEMS>,
    #[serde(default, borrow)]
    put: Few<&'a RawValue, MAX_ITEMS>,
    #[serde(default, borrow)]
    get: Few<&'a RawValue, MAX_ITEMS>,
}

/// An item that is named by an object.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ItemName {
    id: String,
    #[serde(default)]
    parameters: Option<Parameters>,
}

#[derive(Serialize)]
struct Batch<'a> {
    kind: &'a str,
    /// How many of the removed keys had a value.
    removed: u64,
    remove: Vec<Outcome<'a>>,
    put: Vec<Outcome<'a>>,
    get: Vec<Outcome<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Outcome<'a> {
    Removed { status: u16, id: &'a str, key: String },
    There(Answer<'a>),
    Failed(Failed),
}

/// What is left of a put once its value is in the cache.
struct Stored<'a> {
    id: OwnId,
    key: Key,
    text: &'a str,
    tags: Vec<Tag>,
}

/// `POST /v1/cache/{kind}:batch`
pub(super) async fn batch(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    path: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    QueryParams::read(uri.query(), &[])?;
    if Condition::read(&headers)? != Condition::Nothing {
        let detail = "a batch has no condition: leave If-Match and If-None-Match out, or put and remove the value by itself";
        return Err(Problem::parameter("If-Match", detail));
    }
    let kind = kind_of_batch(&app, path)?;
    let body = read(&body)?;
    let now = app.now();
    let puts: Vec<Item<Put<'_>>> = body.put.0.iter().map(|raw| put_item(kind, raw, now)).collect();
    refuse_repeated(&puts)?;
    let removes: Vec<Item<(OwnId, Key)>> = body.remove.0.iter().map(|raw| name_item(kind, raw)).collect();
    let gets: Vec<Item<(OwnId, Key)>> = body.get.0.iter().map(|raw| name_item(kind, raw)).collect();

    let removed = kind.region.remove_many(&keys(&removes)).await;
    let (puts, stored) = store(kind, puts).await;
    let put_keys: Vec<Key> = puts.iter().flatten().map(|put| put.key.clone()).collect();
    let lookups = look_up(kind, put_keys, keys(&gets)).await;
    let mut lookups = lookups.iter();
    let mut next = || lookups.next().unwrap_or_else(|| unreachable!("one answer a key"));

    let failed = |id: Option<&str>, problem: &Problem| Outcome::Failed(Failed::new(id, problem, caller));
    let mut answer = Batch { kind: &kind.name, removed: 0, remove: vec![], put: vec![], get: vec![] };
    answer.removed = removed.as_ref().copied().unwrap_or(0);
    for item in &removes {
        answer.remove.push(match (item, &removed) {
            (Ok((id, key)), Ok(_)) => Outcome::Removed { status: 200, id: &id.text, key: name_of(key) },
            (Ok((id, _)), Err(error)) => failed(Some(&id.text), &failure(error)),
            (Err(refused), _) => failed(refused.id.as_deref(), &refused.problem),
        });
    }
    for item in &puts {
        answer.put.push(match item {
            Ok(put) => match after_put(next(), put.text, &stored) {
                Ok((born, lookup)) => {
                    let names = Names { kind, id: &put.id, key: &put.key };
                    Outcome::There(Answer::put(&names, born, lookup, &put.tags).with_status(200))
                }
                Err(problem) => failed(Some(&put.id.text), &problem),
            },
            Err(refused) => failed(refused.id.as_deref(), &refused.problem),
        });
    }
    let mut length = 0;
    for item in &gets {
        answer.get.push(match item {
            Ok((id, key)) => match got(next(), key, &mut length) {
                Ok(lookup) => Outcome::There(Answer::read(&Names { kind, id, key }, lookup).with_status(200)),
                Err(problem) => failed(Some(&id.text), &problem),
            },
            Err(refused) => failed(refused.id.as_deref(), &refused.problem),
        });
    }
    uncacheable(&answer)
}

/// Returns the kind in a path such as `/v1/cache/users:batch`.
fn kind_of_batch(app: &App, path: Result<Path<String>, PathRejection>) -> Result<&OwnKind, Problem> {
    let Path(text) = path.map_err(|rejection| {
        Problem::parameter("kind", format!("the kind in the path can't be read: {rejection}"))
    })?;
    let name = text.strip_suffix(BATCH).ok_or_else(|| {
        let detail = format!(
            "POST takes a batch, at {OWN_PATH}{{kind}}{BATCH}, not {:?}: to store one value, PUT it at {OWN_PATH}{{kind}}/{{id}}",
            echo(&text)
        );
        Problem::new(ProblemKind::NO_SUCH_PATH, detail)
    })?;
    kind_of(app, name)
}

fn read(body: &[u8]) -> Result<BatchBody<'_>, Problem> {
    let read: BatchBody<'_> = json_object(body).map_err(|error| {
        let form = r#"{"remove": ["1"], "put": [{"id": "2", "value": 1}], "get": ["3"]}"#;
        invalid(format!("the body is not valid: {error}; give {form}"))
    })?;
    let count = read.remove.0.len() + read.put.0.len() + read.get.0.len();
    match count {
        0 => Err(invalid("the batch is empty: give remove, put or get")),
        1..=MAX_ITEMS => Ok(read),
        _ => Err(invalid(format!("the batch has {count} items, the limit is {MAX_ITEMS}: send it in parts"))),
    }
}

fn put_item<'a>(kind: &OwnKind, raw: &'a RawValue, now: Timestamp) -> Item<Put<'a>> {
    PutBody::read(raw.get().as_bytes()).map_err(|problem| refused(None, problem))?.item(kind, now)
}

/// Reads `"17"`, or `{"id": "v1/quotes", "parameters": {"symbol": "AAPL"}}`.
fn name_item(kind: &OwnKind, raw: &RawValue) -> Item<(OwnId, Key)> {
    let text = raw.get();
    let name = match text.starts_with('"') {
        true => serde_json::from_str(text).map(|id| ItemName { id, parameters: None }),
        false => json_object(text.as_bytes()),
    };
    let ItemName { id, parameters } = name.map_err(|error| {
        let form = r#"give "17" or {"id": "v1/quotes", "parameters": {"symbol": "AAPL"}}"#;
        refused(None, invalid(format!("the item names nothing: {error}; {form}")))
    })?;
    let shown = id.clone();
    let named = id_of(kind, id, parameters).and_then(|id| {
        let key = key_of(kind, &id)?;
        Ok((id, key))
    });
    named.map_err(|problem| refused(Some(shown), problem))
}

/// Of two puts of one key in a batch nobody can say which is to be the later.
fn refuse_repeated(puts: &[Item<Put<'_>>]) -> Result<(), Problem> {
    let mut seen = HashSet::new();
    match puts.iter().flatten().find(|put| !seen.insert(&put.key)) {
        None => Ok(()),
        Some(put) => {
            let what = format!("{:?} is put twice in one batch: put it once", echo(&put.id.text));
            Err(invalid(what))
        }
    }
}

fn keys(items: &[Item<(OwnId, Key)>]) -> Vec<Key> {
    items.iter().flatten().map(|(_, key)| key.clone()).collect()
}

/// Puts what can be, in one call.
async fn store<'a>(kind: &OwnKind, puts: Vec<Item<Put<'a>>>) -> (Vec<Item<Stored<'a>>>, CacheResult<()>) {
    let mut values = Vec::with_capacity(puts.len());
    let stored = puts.into_iter().map(|put| {
        put.map(|Put { id, key, text, fetched }| {
            let tags = fetched.tags.clone();
            values.push((key.clone(), fetched));
            Stored { id, key, text, tags }
        })
    });
    let stored = stored.collect();
    let outcome = if values.is_empty() { Ok(()) } else { kind.region.put_many(values).await };
    (stored, outcome)
}

/// Returns what is there of what was put, then of what is asked for. A look at what was put is no read, unless
/// memory has no room for it.
async fn look_up(kind: &OwnKind, put: Vec<Key>, asked: Vec<Key>) -> Vec<CacheResult<Lookup<JsonText>>> {
    let in_memory: Vec<_> = put.iter().map(|key| kind.region.peek_lookup(key)).collect();
    let elsewhere = put.into_iter().zip(&in_memory).filter(|(_, there)| there.is_none());
    let wanted: Vec<Key> = elsewhere.map(|(key, _)| key).chain(asked).collect();
    let mut found = kind.region.lookup_many(&wanted).await.into_iter();
    let mut all: Vec<_> =
        in_memory.into_iter().filter_map(|there| there.map(Ok).or_else(|| found.next())).collect();
    all.extend(found);
    all
}

/// What is there after a put, and of which version. No version if it is another value, which somebody put since.
fn after_put<'a>(
    lookup: &'a CacheResult<Lookup<JsonText>>,
    text: &str,
    stored: &CacheResult<()>,
) -> Result<(Option<Timestamp>, &'a Lookup<JsonText>), Problem> {
    match (lookup, stored) {
        (Ok(there), _) if there.value.as_ref().is_some_and(|value| value.as_str() == text) => {
            Ok((Some(there.born), there))
        }
        (_, Err(error)) | (Err(error), Ok(())) => Err(failure(error)),
        (Ok(there), Ok(())) => Ok((None, there)),
    }
}

/// What a read found. `length` is that of the values so far.
fn got<'a>(
    lookup: &'a CacheResult<Lookup<JsonText>>,
    key: &Key,
    length: &mut usize,
) -> Result<&'a Lookup<JsonText>, Problem> {
    let there = lookup.as_ref().map_err(failure)?;
    let value = there.value.as_ref().ok_or_else(|| absent(&name_of(key)))?;
    let longer = *length + value.as_str().len();
    if *length > 0 && longer > MAX_ANSWER {
        let detail = format!(
            "the answer would have more than {MAX_ANSWER} bytes of values: get this one in another batch"
        );
        return Err(Problem::new(ProblemKind::BODY_TOO_LARGE, detail));
    }
    *length = longer;
    Ok(there)
}
