//! The health of each tier and of the bus.

use std::sync::Arc;

use axum::{Extension, extract::State, http::Uri, response::Response};
use cache_core::Error;
use serde::Serialize;

use crate::{
    app::App,
    http::{
        guard::Caller,
        problem::{Problem, public_text},
        query::QueryParams,
    },
    routes::response::uncacheable,
};

/// `GET /health`. The status is 200 even if the service is degraded, as it still serves.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
) -> Result<Response, Problem> {
    QueryParams::read(uri.query(), &[])?;
    let health = app.cache.health();
    let shown = |error: &Error| caller.sees(error.to_string(), public_text(error));
    let memory = Tier { name: "memory", healthy: true, error: None };
    let others = health.tiers.iter().map(|tier| Tier {
        name: tier.name,
        healthy: tier.error.is_none(),
        error: tier.error.as_ref().map(shown),
    });
    let tiers = std::iter::once(memory).chain(others).collect();
    let bus = health.bus.map(|bus| Tier {
        name: bus.name,
        healthy: bus.connected,
        error: bus.error.as_ref().map(shown),
    });
    uncacheable(&Health { status: if health.healthy { "healthy" } else { "degraded" }, tiers, bus })
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
    tiers: Vec<Tier>,
    /// The bus between nodes, left out if there is none.
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
