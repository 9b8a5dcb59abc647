//! Whether every tier answers.

use std::sync::Arc;

use axum::{extract::State, http::Uri, response::Response};
use serde::Serialize;

use crate::{
    app::App,
    http::{problem::Problem, query::Query},
    routes::response::uncacheable,
};

/// `GET /health`. A degraded service still serves, so it answers 200 too.
pub(super) async fn show(State(app): State<Arc<App>>, uri: Uri) -> Result<Response, Problem> {
    Query::read(uri.query(), &[])?;
    let health = app.cache.health();
    let memory = Tier { name: "memory", healthy: true, error: None };
    let others = health.tiers.iter().map(|tier| Tier {
        name: tier.name,
        healthy: tier.error.is_none(),
        error: tier.error.as_ref().map(ToString::to_string),
    });
    let tiers = std::iter::once(memory).chain(others).collect();
    let bus = health.bus.map(|bus| Tier {
        name: bus.name,
        healthy: bus.connected,
        error: bus.error.as_ref().map(ToString::to_string),
    });
    uncacheable(&Health { status: if health.healthy { "healthy" } else { "degraded" }, tiers, bus })
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
    tiers: Vec<Tier>,
    /// By what other nodes are heard; left out if by nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    bus: Option<Tier>,
}

#[derive(Serialize)]
struct Tier {
    name: &'static str,
    healthy: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}
