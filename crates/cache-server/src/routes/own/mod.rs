//! Values that an application keeps here by itself, under `/v1/cache`.

mod answer;
mod batch;
mod conditions;
mod get;
mod put;
mod put_body;
mod remove;

use std::sync::Arc;

use axum::{
    Router,
    extract::{DefaultBodyLimit, Path, rejection::PathRejection},
    http::Uri,
    routing::{get, post},
};
use cache_core::{Error, ErrorKind, Key};
use cache_http::{
    Problem, ProblemKind,
    request::query::{QueryParams, echo},
};

use crate::{
    app::{
        App,
        own_kinds::{OwnContent, OwnId, OwnKind},
    },
    http::access::OWN_PATH,
    http::problems,
};

/// What follows the kind in the path of a batch.
const BATCH: &str = ":batch";

/// The parts of a path that names a value.
type ValuePath = Result<Path<(String, String)>, PathRejection>;

/// Returns the routes. The guard has limited their bodies.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/cache/{kind}", post(batch::batch))
        .route("/v1/cache/{kind}/{id}", get(get::one).put(put::one).delete(remove::one))
        .layer(DefaultBodyLimit::disable())
}

/// Returns the methods that a path takes, as a header lists them and as a sentence does.
pub(super) fn allowed(path: &str) -> (&'static str, &'static str) {
    match path.trim_start_matches(OWN_PATH).contains('/') {
        true => ("GET, HEAD, PUT, DELETE", "GET, HEAD, PUT or DELETE"),
        false => ("POST", "POST"),
    }
}

/// The value that a path names.
struct Named<'a> {
    kind: &'a OwnKind,
    id: OwnId,
    key: Key,
}

/// Returns what a path names, and the options of its query, which are `known`. The query of a response has its
/// parameters instead.
fn named<'a, 'q>(
    app: &'a App,
    path: ValuePath,
    uri: &Uri,
    known: &[&'q str],
) -> Result<(Named<'a>, QueryParams<'q>), Problem> {
    let Path((kind, text)) = path.map_err(|rejection| {
        Problem::parameter("id", format!("the kind and id in the path can't be read: {rejection}"))
    })?;
    let kind = kind_of(app, &kind)?;
    let mut id = OwnId::new(text);
    let query = match kind.content {
        OwnContent::Response => {
            id.parameters = QueryParams::read_any(uri.query())?;
            QueryParams::read(None, &[])?
        }
        OwnContent::User | OwnContent::Session => QueryParams::read(uri.query(), known)?,
        _ => QueryParams::read(uri.query(), &[])?,
    };
    let key = key_of(kind, &id)?;
    Ok((Named { kind, id, key }, query))
}

fn kind_of<'a>(app: &'a App, name: &str) -> Result<&'a OwnKind, Problem> {
    app.own_kinds.get(name).ok_or_else(|| {
        let known = app.own_kinds.names().collect::<Vec<_>>().join(", ");
        let detail = format!(
            "there is no kind {:?}: there are {known}; the setting own_kinds adds others",
            echo(name)
        );
        Problem::new(problems::NO_SUCH_KIND, detail)
    })
}

fn key_of(kind: &OwnKind, id: &OwnId) -> Result<Key, Problem> {
    // What the deletion of a user ends is found by a tag, which is shorter than a key.
    let is_sound = if kind.content == OwnContent::User { kind.tags(id).map(drop) } else { Ok(()) };
    let key = is_sound.and_then(|()| kind.key(id));
    key.map_err(|error| Problem::parameter("id", format!("the id {:?}: {error}", echo(&id.text))))
}

/// Returns the problem of a write or a read that failed.
fn failure(error: &Error) -> Problem {
    match error.kind() {
        ErrorKind::Limit | ErrorKind::Codec => Problem::caused(problems::NOT_STORED, error),
        // Other writes of the key came in between time and again.
        ErrorKind::Unavailable => Problem::caused(ProblemKind::BUSY, error),
        _ => Problem::from_error(error),
    }
}
