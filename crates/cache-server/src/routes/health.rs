//! The health of each tier, of the bus and of the providers.

use std::sync::Arc;

use axum::{extract::State, http::Uri, response::Response};
use market_data::ProviderReport;
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
    let reports = app.registry().reports();
    let providers = reports.iter().filter(|report| !report.is_healthy()).map(Provider::of).collect();
    // One provider stands in for another; where none can be asked, what isn't cached can't be had.
    let healthy = health.healthy && reports.iter().any(ProviderReport::is_healthy);
    uncacheable(&Health { status: if healthy { "healthy" } else { "degraded" }, tiers, bus, providers })
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
    tiers: Vec<Tier>,
    /// The bus between nodes, left out if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    bus: Option<Tier>,
    /// The providers that can't be asked, left out if all can.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    providers: Vec<Provider>,
}

#[derive(Serialize)]
struct Provider {
    name: String,
    /// Whether it can be asked, quotas apart.
    healthy: bool,
    /// Until when it asked for no calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    silent_until_unix_ms: Option<i64>,
}

impl Provider {
    fn of(report: &ProviderReport) -> Self {
        Self {
            name: report.name.clone(),
            healthy: report.is_healthy(),
            silent_until_unix_ms: report.silent_until.map(|until| until.as_micros() / 1000),
        }
    }
}

#[derive(Serialize)]
struct Tier {
    name: &'static str,
    healthy: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}
