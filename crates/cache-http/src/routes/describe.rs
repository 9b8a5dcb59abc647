//! The description of the routes.

use axum::{extract::State, http::Uri, response::Response};

use crate::{
    management::Management, openapi, problem::Problem, request::query::QueryParams, response::uncacheable,
};

/// `GET /openapi.json`
pub(super) async fn show(State(management): State<Management>, uri: Uri) -> Result<Response, Problem> {
    QueryParams::read(uri.query(), &[])?;
    let (title, version) = management.parts().title;
    let own = management.parts().operations.iter().cloned();
    let operations = openapi::operations(&management).into_iter().chain(own);
    uncacheable(&openapi::describe(title, version, operations))
}
