//! Ends one value; of a user and of a session, all that is the user's.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, Uri},
    response::Response,
};
use cache_core::{Result as CacheResult, Tag};
use cache_http::{Problem, request::query::echo, response::uncacheable};
use serde_json::json;

use super::{
    Named, ValuePath,
    answer::name_of,
    conditions::{Condition, change_if},
    failure, named,
};
use crate::app::{
    App,
    own_kinds::{OwnContent, users_of},
};

/// The option that ends the entry and nothing else.
const ONLY: &str = "only";

/// `DELETE /v1/cache/{kind}/{id}`
pub(super) async fn one(
    State(app): State<Arc<App>>,
    path: ValuePath,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (named, query) = named(&app, path, &uri, &[ONLY])?;
    let entry_alone = match query.get(ONLY) {
        None => false,
        Some("entry") => true,
        Some(other) => {
            let detail = format!("only={}: the one choice is only=entry", echo(other));
            return Err(Problem::parameter(ONLY, detail));
        }
    };
    let condition = Condition::read(&headers)?;
    // Before the entry is gone, which knows whose session it is.
    let tags = if entry_alone { Vec::new() } else { tags(&named).await.map_err(|error| failure(&error))? };
    let found = remove(&named, &condition).await?;
    for tag in &tags {
        app.cache.invalidate(tag.clone()).await.map_err(|error| failure(&error))?;
    }
    let ended: Vec<&str> = tags.iter().map(Tag::as_str).collect();
    uncacheable(&json!({
        "kind": named.kind.name,
        "id": named.id.text,
        "key": name_of(&named.key),
        "found": found,
        "ended": ended,
    }))
}

/// Returns the tags that end with a value: a deleted user's, and those of the user who logs out.
async fn tags(named: &Named<'_>) -> CacheResult<Vec<Tag>> {
    match named.kind.content {
        OwnContent::User => named.kind.tags(&named.id),
        OwnContent::Session => Ok(users_of(named.kind.region.lookup(&named.key).await?.tags())),
        _ => Ok(Vec::new()),
    }
}

/// Removes the entry if the condition holds. Returns whether there was one.
async fn remove(named: &Named<'_>, condition: &Condition) -> Result<bool, Problem> {
    let (region, key) = (&named.kind.region, &named.key);
    if *condition == Condition::Nothing {
        return region.remove(key).await.map_err(|error| failure(&error));
    }
    let removed = change_if(region, key, condition, None);
    let (updated, found) = removed.await.map_err(|error| failure(&error))?;
    if updated.changed { Ok(found) } else { Err(condition.failed(updated.born)) }
}
