//! Warming over HTTP: a summary of its figures, and updates to be sent in batches.

mod summary;
mod updates;

use std::sync::Arc;

use axum::{Router, routing::post};

pub(super) use self::summary::summary;
use crate::app::App;

pub(super) const UPDATES_PATH: &str = "/cache/warming/updates";

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route(UPDATES_PATH, post(updates::schedule))
}
