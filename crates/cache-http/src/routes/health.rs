//! The health of each tier, of the bus, and of what else is checked.

use axum::{Extension, extract::State, http::Uri, response::Response};
use cache_core::Error;
use futures_util::future::join_all;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    guard::Caller,
    management::Management,
    problem::{Problem, public_text},
    request::query::QueryParams,
    response::uncacheable,
    routes::metrics::Brief,
};

/// The health of the service.
#[derive(Serialize, ToSchema)]
pub(crate) struct HealthBody {
    /// `healthy` or `degraded`.
    status: &'static str,
    #[schema(inline)]
    tiers: Vec<Part>,
    /// The bus between nodes, left out if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(inline)]
    bus: Option<Part>,
    /// By how much this machine's clock is ahead of the shared server's, left out up to a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    clock_ahead_ms: Option<i64>,
    /// What else was checked.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    members: Map<String, Value>,
}

/// A tier or the bus.
#[derive(Serialize, ToSchema)]
struct Part {
    name: &'static str,
    healthy: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// HealthBody in a few words and figures.
#[derive(Serialize, ToSchema)]
pub(crate) struct BriefHealth {
    /// `healthy` or `degraded`.
    status: &'static str,
    connection_healthy: bool,
    /// Whether there is a tier, and memory that holds something, so that it answers while the tier can't.
    fallback_enabled: bool,
    #[schema(inline)]
    metrics: Option<Brief>,
}

impl Part {
    fn new(name: &'static str, error: Option<&Error>, caller: Caller) -> Self {
        let error = error.map(|error| caller.sees(error.to_string(), public_text(error)));
        Self { name, healthy: error.is_none(), error }
    }
}

/// `GET /health`. The status is 200 even if the service is degraded, as it still serves.
pub(super) async fn show(
    State(management): State<Management>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
) -> Result<Response, Problem> {
    QueryParams::read(uri.query(), &[])?;
    uncacheable(&health(&management, caller).await)
}

/// `GET /cache/health`: in a few words and figures
pub(super) async fn brief(
    State(management): State<Management>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
) -> Result<Response, Problem> {
    QueryParams::read(uri.query(), &[])?;
    let health = health(&management, caller).await;
    // Memory is told as the first of them.
    let has_tiers = health.tiers.len() > 1;
    let connected = health.tiers.iter().chain(&health.bus).all(|part| part.healthy);
    uncacheable(&BriefHealth {
        status: health.status,
        connection_healthy: connected,
        fallback_enabled: has_tiers && management.cache().stats().memory.budget > 0,
        metrics: management.analytics().map(|analytics| Brief::of(&analytics.report())),
    })
}

pub(crate) async fn health(management: &Management, caller: Caller) -> HealthBody {
    let mut health = management.cache().health();
    let mut members = Map::new();
    let mut healthy = health.healthy;
    for check in join_all(management.parts().checks.iter().map(|check| check())).await {
        healthy &= check.error.is_none() && !check.degraded;
        members.extend(check.members);
        let of_tier = health.tiers.iter_mut().find(|tier| Some(tier.name) == check.tier);
        if let Some((tier, error)) = of_tier.zip(check.error) {
            tier.error.get_or_insert(error);
        }
    }
    let others = health.tiers.iter().map(|tier| Part::new(tier.name, tier.error.as_ref(), caller));
    let tiers = std::iter::once(Part::new("memory", None, caller)).chain(others).collect();
    let bus = health
        .bus
        .map(|bus| Part { healthy: bus.connected, ..Part::new(bus.name, bus.error.as_ref(), caller) });
    HealthBody {
        status: if healthy { "healthy" } else { "degraded" },
        tiers,
        bus,
        clock_ahead_ms: health.clock_ahead_micros.map(|micros| micros / 1000),
        members,
    }
}
