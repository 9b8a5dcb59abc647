//! The dashboard: one page without outside resources, and what it is made of.

mod accept;
mod assets;
mod compressed;
mod page;

use axum::{Router, routing::get};

use crate::management::Management;

/// Returns the routes of the page and of its parts.
pub(crate) fn router() -> Router<Management> {
    Router::new().route("/", get(page::show)).route("/dashboard/{*file}", get(assets::show))
}
