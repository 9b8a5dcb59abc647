//! The answer about many symbols of one kind: the values, the symbols that are unknown, and those that failed.

use std::sync::Arc;

use axum::{http::HeaderMap, response::Response};
use cache_core::Error;
use cache_facade::Lookup;
use market_data::{Asset, DataType};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{json, value::RawValue};

use super::no_symbols;
use crate::{
    app::App,
    http::{
        cache_control::CacheControl,
        guard::Caller,
        problem::{Problem, public_text},
    },
    routes::response::{Annotated, AnswerRoom, cacheable, uncacheable},
};

struct List<'a> {
    data: DataType,
    values: Vec<Box<RawValue>>,
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

/// Returns the answer about assets, of which `lookups` found something or failed, in their order. `annotated` adds
/// source and age to a value; it is told the place of its asset.
pub(super) fn answer<V: Serialize>(
    (app, caller, headers): (&App, Caller, &HeaderMap),
    data: DataType,
    assets: &[Asset],
    lookups: &[Result<Lookup<V>, Error>],
    annotated: impl for<'v> Fn(usize, &'v Arc<V>, &Lookup<V>) -> Annotated<&'v Arc<V>>,
) -> Result<Response, Problem> {
    let mut list = List { data, values: Vec::new(), unknown: Vec::new(), failed: Vec::new() };
    let mut versions = Vec::new();
    let mut cache_control: Option<CacheControl> = None;
    let (mut failure, mut room, mut is_whole) = (None, AnswerRoom::new(), true);
    for (at, (asset, lookup)) in assets.iter().zip(lookups).enumerate() {
        let found = match lookup {
            Ok(found) => found,
            Err(error) => {
                failure.get_or_insert(error);
                list.failed.push(Failed { asset, error: caller.sees(error.to_string(), public_text(error)) });
                continue;
            }
        };
        let own = CacheControl::of(found).ending_after(app.until_dropped(asset, data));
        cache_control = Some(cache_control.map_or(own, |so_far| so_far.and(own)));
        let Some(value) = &found.value else {
            list.unknown.push(asset);
            continue;
        };
        match room.take(&annotated(at, value, found))? {
            Some(text) => {
                versions.push(&**value);
                list.values.push(text);
            }
            None => {
                is_whole = false;
                list.failed.push(Failed { asset, error: AnswerRoom::full() });
            }
        }
    }
    match (cache_control, failure) {
        (Some(cache_control), None) if is_whole => {
            cacheable(headers, cache_control, &(versions, &list.unknown), &list)
        }
        (Some(_), _) => uncacheable(&list),
        (None, Some(error)) => Err(Problem::from_error(error).with("failed", json!(list.failed))),
        (None, None) => Err(no_symbols()),
    }
}

impl Serialize for List<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        if self.data == DataType::Price {
            members.serialize_entry("quotes", &self.values)?;
        } else {
            members.serialize_entry("kind", &self.data)?;
            members.serialize_entry("documents", &self.values)?;
        }
        members.serialize_entry("unknown", &self.unknown)?;
        members.serialize_entry("failed", &self.failed)?;
        members.end()
    }
}
