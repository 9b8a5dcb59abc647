//! The health of each tier, of the bus and of the providers.

use std::{sync::Arc, time::Duration};

use axum::{Extension, extract::State, http::Uri, response::Response};
use cache_core::{Error, ErrorKind, Tier as _};
use market_data::ProviderReport;
use serde::Serialize;
use tokio::time::timeout;

use crate::{
    app::App,
    http::{
        guard::Caller,
        problem::{Problem, public_text},
        query::QueryParams,
    },
    routes::response::uncacheable,
};

/// How long the file system of the data folder may take to answer.
const DISK_TIMEOUT: Duration = Duration::from_secs(1);

/// `GET /health`. The status is 200 even if the service is degraded, as it still serves.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
) -> Result<Response, Problem> {
    QueryParams::read(uri.query(), &[])?;
    let mut health = app.cache.health();
    // What is read from open files works on after their folder is gone.
    if let Err(error) = check_disk(&app).await
        && let Some(disk) = health.tiers.iter_mut().find(|tier| tier.name == app.disk().name())
    {
        disk.error.get_or_insert(error);
        health.healthy = false;
    }
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
    let clock_ahead_ms = health.clock_ahead_micros.map(|micros| micros / 1000);
    let reports = app.registry().reports();
    let providers = reports.iter().filter(|report| !report.is_healthy()).map(Provider::of).collect();
    // One provider stands in for another; where none can be asked, what isn't cached can't be had.
    let healthy = health.healthy && reports.iter().any(ProviderReport::is_healthy);
    let status = if healthy { "healthy" } else { "degraded" };
    uncacheable(&Health { status, tiers, bus, clock_ahead_ms, providers })
}

/// Checks that the data folder is there, and that its file system answers.
async fn check_disk(app: &App) -> Result<(), Error> {
    timeout(DISK_TIMEOUT, app.disk().check_directory()).await.unwrap_or_else(|_| {
        let message = format!("the file system of the data folder did not answer within {DISK_TIMEOUT:?}");
        Err(Error::new(ErrorKind::Timeout, "check", message))
    })
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
