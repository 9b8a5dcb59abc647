//! Reads one value.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use cache_core::Tag;
use cache_facade::Lookup;
use cache_http::{
    Problem, ProblemKind,
    request::query::echo,
    response::{NotModifiedBody, cache_control::CacheControl, json},
};
use market_data::{Asset, DataType};

use super::{
    Named, ValuePath,
    answer::{Answer, name_of},
    conditions::{is_known, version_tag},
    failure, named,
};
use crate::app::{App, json_text::JsonText};

/// `GET /v1/cache/{kind}/{id}`
pub(super) async fn one(
    State(app): State<Arc<App>>,
    path: ValuePath,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (named, _) = named(&app, path, &uri, &[])?;
    let lookup = named.kind.region.lookup(&named.key).await.map_err(|error| failure(&error))?;
    if lookup.value.is_none() {
        return Err(absent(&name_of(&named.key)));
    }
    let mut answered = kept_by(&app, &named, &lookup);
    answered.insert(header::ETAG, version_tag(lookup.born));
    if is_known(lookup.born, &headers) {
        return Ok((StatusCode::NOT_MODIFIED, answered, Body::new(NotModifiedBody)).into_response());
    }
    Ok((answered, json(&Answer::read(&named.names(), &lookup))?).into_response())
}

/// Returns the problem of a value that isn't there.
pub(super) fn absent(key: &str) -> Problem {
    let detail = format!("nothing is under {:?}: it was never put, was ended, or is over", echo(key));
    Problem::new(ProblemKind::NO_SUCH_ENTRY, detail)
}

/// Returns the headers that say for how long a client may keep an answer: not at all what is one person's.
fn kept_by(app: &App, named: &Named<'_>, lookup: &Lookup<JsonText>) -> HeaderMap {
    if named.kind.is_personal() {
        return HeaderMap::from_iter([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))]);
    }
    let about = lookup.tags().iter().filter_map(subject);
    let dropped = about.filter_map(|(data, asset)| app.until_dropped(&asset, data)).min();
    CacheControl::of(lookup).ending_after(dropped).private_headers()
}

/// Returns whose events end what carries a tag, if it is one of data about an asset: `narrative:AAPL`.
fn subject(tag: &Tag) -> Option<(DataType, Asset)> {
    let (data, asset) = tag.as_str().split_once(':')?;
    Some((data.parse().ok()?, asset.parse().ok()?))
}
