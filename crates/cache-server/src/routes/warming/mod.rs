//! Warming over HTTP: its figures, runs by hand, and updates to be sent in batches.

mod figures;
mod trigger;
mod updates;

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post},
};

pub(super) use self::figures::summary;
use crate::app::App;

const METRICS_PATH: &str = "/cache/warming/metrics";
pub(super) const TRIGGER_PATH: &str = "/cache/warming/trigger";
pub(super) const UPDATES_PATH: &str = "/cache/warming/updates";

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route(METRICS_PATH, get(figures::show))
        .route(TRIGGER_PATH, post(trigger::run))
        .route(UPDATES_PATH, post(updates::schedule))
}
