//! All figures of the dashboard in one body.

use axum::{
    Extension,
    extract::State,
    http::{Uri, header},
    response::{IntoResponse, Response},
};

use crate::{
    guard::{Caller, MayReadPrivate},
    management::{Management, Viewer},
    problem::Problem,
    request::query::QueryParams,
};

/// `GET /cache/overview`: what the dashboard shows, but for single keys
pub(super) async fn show(
    State(management): State<Management>,
    Extension(caller): Extension<Caller>,
    Extension(MayReadPrivate(may_read_private)): Extension<MayReadPrivate>,
    uri: Uri,
) -> Result<Response, Problem> {
    QueryParams::read(uri.query(), &[])?;
    let text = management.overview(Viewer { caller, may_read_private }).await?;
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, text.to_string()).into_response())
}
