//! Stores one value.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use cache_core::{Fetched, Key, Result as CacheResult};
use cache_facade::{Op, Region, Updated};
use cache_http::{Problem, response::json};

use super::{
    Named, ValuePath,
    answer::{Answer, Names},
    conditions::{Condition, change_if, version_tag},
    failure, named,
    put_body::{Put, PutBody},
};
use crate::app::{App, json_text::JsonText};

/// `PUT /v1/cache/{kind}/{id}` of `{"value": {"name": "Ada"}, "ttl": "5m"}`
pub(super) async fn one(
    State(app): State<Arc<App>>,
    path: ValuePath,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let (Named { kind, id, key }, _) = named(&app, path, &uri, &[])?;
    let condition = Condition::read(&headers)?;
    let Put { id, key, fetched, .. } = PutBody::read(&body)?.under(kind, id, key, app.now())?;
    let tags = fetched.tags.clone();
    let replaced = Arc::new(AtomicBool::new(false));
    let updated = store(&kind.region, &key, fetched, &condition, &replaced);
    let updated = updated.await.map_err(|error| failure(&error))?;
    if !updated.changed && condition != Condition::Nothing {
        return Err(condition.failed(updated.born));
    }
    // A look at what was put is no read, unless memory has no room for it.
    let lookup = match kind.region.peek_lookup(&key) {
        Some(lookup) => lookup,
        None => kind.region.lookup(&key).await.map_err(|error| failure(&error))?,
    };
    let names = Names { kind, id: &id, key: &key };
    let answer = json(&Answer::put(&names, updated.born, &lookup, &tags))?;
    let status = if replaced.load(Ordering::Relaxed) { StatusCode::OK } else { StatusCode::CREATED };
    let mut answered = HeaderMap::from_iter([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))]);
    answered.extend(updated.born.map(|born| (header::ETAG, version_tag(born))));
    Ok((status, answered, answer).into_response())
}

/// Puts a value if the condition holds. `replaced` is set if a fresh value was there.
async fn store(
    region: &Region<JsonText>,
    key: &Key,
    fetched: Fetched<JsonText>,
    condition: &Condition,
    replaced: &Arc<AtomicBool>,
) -> CacheResult<Updated<JsonText>> {
    match condition {
        Condition::Absent => region.put_if_absent(key, fetched).await,
        Condition::OneOf(_) | Condition::NoneOf(_) => {
            let (updated, was_there) = change_if(region, key, condition, Some(&fetched)).await?;
            replaced.store(was_there, Ordering::Relaxed);
            Ok(updated)
        }
        Condition::Nothing | Condition::Present => {
            let (seen, needs_one) = (Arc::clone(replaced), *condition == Condition::Present);
            let change = move |there: Option<Arc<JsonText>>| {
                seen.store(there.is_some(), Ordering::Relaxed);
                if there.is_none() && needs_one { Op::Keep } else { Op::Put(fetched.clone()) }
            };
            region.compute(key, change).await
        }
    }
}
