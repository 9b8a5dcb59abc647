//! The answer about many symbols of one kind: the values, the symbols that are unknown, and those that failed.

use std::sync::Arc;

use axum::{http::HeaderMap, response::Response};
use cache_core::Error;
use cache_facade::{Lookup, Source};
use cache_http::{
    Problem, ProblemKind,
    guard::Caller,
    public_text,
    response::{cache_control::CacheControl, cacheable, etag::ETag, uncacheable_text},
};
use market_data::{Asset, DataType};
use serde::Serialize;
use serde_json::json;

use super::{no_symbols, not_cached};
use crate::{
    app::{App, value_texts::ValueText},
    routes::response::{Annotation, ObjectList, json as written},
};

/// What of a list has no value.
#[derive(Default, Serialize)]
struct Without<'a> {
    unknown: Vec<&'a Asset>,
    failed: Vec<Failed<'a>>,
}

/// An asset of a list that could not be looked up.
#[derive(Serialize)]
struct Failed<'a> {
    #[serde(rename = "symbol")]
    asset: &'a Asset,
    error: String,
}

/// Returns the answer about assets, of which `lookups` found something or failed, in their order. `told` writes a
/// value, and tells its source and age; it is given the place of its asset.
pub(super) fn answer<V>(
    (app, caller, headers): (&App, Caller, &HeaderMap),
    data: DataType,
    assets: &[Asset],
    lookups: &[Result<Lookup<V>, Error>],
    told: impl Fn(usize, &Arc<V>, &Lookup<V>) -> serde_json::Result<(Arc<ValueText>, Annotation)>,
) -> Result<Response, Problem> {
    let mut values = ObjectList::after(&match data {
        DataType::Price => r#"{"quotes":"#.to_owned(),
        data => format!(r#"{{"kind":"{data}","documents":"#),
    });
    let mut without = Without::default();
    let mut etag = ETag::of(data.as_str());
    let mut cache_control: Option<CacheControl> = None;
    let (mut failure, mut is_whole) = (None, true);
    for (at, (asset, lookup)) in assets.iter().zip(lookups).enumerate() {
        let found = match lookup {
            Ok(found) => found,
            Err(error) => {
                failure.get_or_insert(error);
                let error = caller.sees(error.to_string(), public_text(error));
                without.failed.push(Failed { asset, error });
                continue;
            }
        };
        if found.source == Source::Nowhere {
            without.failed.push(Failed { asset, error: not_cached(&asset.to_string()) });
            is_whole = false;
            continue;
        }
        let own = CacheControl::of(found).ending_after(app.until_dropped(asset, data));
        cache_control = Some(cache_control.map_or(own, |so_far| so_far.and(own)));
        let Some(value) = &found.value else {
            without.unknown.push(asset);
            continue;
        };
        let (text, annotation) = told(at, value, found).map_err(|error| Problem::unwritable(&error))?;
        if values.push(&[&text.json, &written(&annotation)?]) {
            etag = etag.and(text.etag);
        } else {
            is_whole = false;
            without.failed.push(Failed { asset, error: ObjectList::full() });
        }
    }
    match (cache_control, failure) {
        (Some(cache_control), None) if is_whole => {
            let etag = etag.and(ETag::of(written(&without.unknown)?));
            Ok(cacheable(headers, cache_control, etag, body(values, &without)?))
        }
        (Some(_), _) => Ok(uncacheable_text(body(values, &without)?)),
        (None, Some(error)) => Err(Problem::from_error(error).with("failed", json!(without.failed))),
        (None, None) if without.failed.is_empty() => Err(no_symbols()),
        (None, None) => {
            let problem = Problem::new(ProblemKind::NOT_CACHED, not_cached("the symbols"));
            Err(problem.with("failed", json!(without.failed)))
        }
    }
}

/// Returns the whole body: the values, and what has none.
fn body(values: ObjectList, without: &Without<'_>) -> Result<Vec<u8>, Problem> {
    let (mut body, rest) = (values.end(), written(without)?);
    body.push(b',');
    body.extend_from_slice(rest.strip_prefix(b"{").unwrap_or(&rest));
    Ok(body)
}
