//! The health of each tier and of the bus.

use std::sync::Arc;

use axum::{extract::State, http::Uri, response::Response};
use serde::Serialize;

use crate::{
    app::App,
    http::{problem::Problem, query::QueryParams},
    routes::response::uncacheable,
};

/// `GET /health`. The status is 200 even if the service is degraded, as it still serves.
pub(super) async fn show(State(app): State<Arc<App>>, uri: Uri) -> Result<Response, Problem> {
    QueryParams::read(uri.query(), &[])?;
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
    let clock_ahead_ms = health.clock_ahead_micros.map(|micros| micros / 1000);
    let status = if health.healthy { "healthy" } else { "degraded" };
    uncacheable(&Health { status, tiers, bus, clock_ahead_ms })
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
    tiers: Vec<Tier>,
    /// The bus between nodes, left out if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    bus: Option<Tier>,
    /// By how much this machine's clock is ahead of the shared server's, left out up to a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    clock_ahead_ms: Option<i64>,
}

#[derive(Serialize)]
struct Tier {
    name: &'static str,
    healthy: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}
