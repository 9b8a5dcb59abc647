//! Management: what the routes know of a cache, and the router over it.

mod builder;
mod changes;
mod figures;
mod overview;
mod status;
mod turns;

use std::{fmt, sync::Arc};

use axum::{Router, middleware};
use cache_analytics::Analytics;
use cache_core::Secret;
use cache_facade::Cache;
use cache_warming::Warming;
use serde_json::Value;

use self::{
    builder::ManagementParts,
    changes::ChangeLog,
    figures::{Figures, LatestFigures},
    overview::LatestOverviews,
    turns::WorkLimits,
};
pub use self::{
    builder::{HealthCheck, ManagementBuilder},
    status::{MarketStatus, ProviderStatus, QuotaStatus},
};
pub(crate) use self::{changes::ManagementChange, overview::Viewer, turns::StreamPlace};
use crate::{
    guard::{Access, RouteRules, Sender, guard},
    problem::Problem,
    routes,
};

/// Below this path are the keys of a cache, which may name users and sessions.
pub const KEYS_PATH: &str = "/cache/keys";

/// The management of a cache over HTTP. Clones share it.
///
/// ```
/// use axum::{Router, routing::get};
/// use cache_facade::Cache;
/// use cache_http::Management;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cache_facade::Result<()> {
/// let cache = Cache::builder().build().await?;
/// let management = Management::builder(&cache).build();
/// let app: Router =
///     Router::new().route("/", get(|| async { "hello" })).nest("/admin", management.router(None));
/// # drop(app);
/// # Ok(())
/// # }
/// ```
///
/// At `/` of the router, here `/admin`, is the dashboard: a page that shows all of it and steers the cache.
///
/// Whoever may connect reads health, metrics and reports. What changes something, and what shows keys, is for
/// programs on the same machine, or for those that have the token. For the former the server has to say who
/// connects:
/// `app.into_make_service_with_connect_info::<SocketAddr>()`. Without that nobody is on the same machine.
#[derive(Clone)]
pub struct Management(Arc<ManagementInner>);

pub(crate) struct ManagementInner {
    parts: ManagementParts,
    changes: ChangeLog,
    figures: LatestFigures,
    overviews: LatestOverviews,
    turns: WorkLimits,
}

impl Management {
    /// Begins to make the management of a cache.
    #[must_use]
    pub fn builder(cache: &Cache) -> ManagementBuilder {
        ManagementBuilder::new(cache.clone())
    }

    /// Returns the routes behind a guard of their own, to be nested into the router of an application. `token` is
    /// that of those who may change something; without one they are the programs on the same machine.
    pub fn router(&self, token: Option<Secret>) -> Router {
        let access = Access::builder().token(token).rules(Self::rules(RouteRules::default())).build();
        self.guarded(access)
    }

    /// As [`Management::router`], with a guard as the application sets it.
    pub fn guarded(&self, access: Access) -> Router {
        self.routes()
            .fallback(routes::unknown_path)
            .method_not_allowed_fallback(routes::method_not_allowed)
            .layer(middleware::from_fn_with_state(Arc::new(access), guard))
    }

    /// Returns the routes alone, for a router that has the guard around all that it has. Without it, they fail.
    pub fn routes(&self) -> Router {
        routes::router(self.clone())
    }

    /// Adds what the guard must know of these routes.
    #[must_use]
    pub fn rules(rules: RouteRules) -> RouteRules {
        rules.private(KEYS_PATH)
    }

    /// Logs a change that a route of the application made, and tells it to whoever follows `GET /cache/events`:
    /// who asked for it, what was done in a word (`invalidate`), what was asked for, and what came of it. The
    /// guard puts the [`Sender`] into the extensions of each request.
    pub fn log_change(&self, sender: &Sender, action: &'static str, request: Value, outcome: Value) {
        self.0.changes.tell(sender, ManagementChange { action, request, outcome });
    }

    /// Ends the streams of events, so that a server that stops need not wait for their clients.
    pub fn close(&self) {
        self.0.changes.close();
    }

    pub(crate) fn cache(&self) -> &Cache {
        &self.0.parts.cache
    }

    pub(crate) fn analytics(&self) -> Option<&Arc<Analytics>> {
        self.0.parts.analytics.as_ref()
    }

    pub(crate) fn warming(&self) -> Option<&Arc<Warming>> {
        self.0.parts.warming.as_ref()
    }

    pub(crate) fn parts(&self) -> &ManagementParts {
        &self.0.parts
    }

    pub(crate) fn changes(&self) -> &ChangeLog {
        &self.0.changes
    }

    /// Returns figures of now, or of a moment ago.
    pub(crate) fn figures(&self) -> Arc<Figures> {
        self.0.figures.of(self)
    }

    /// Returns all figures of the dashboard of now, or of a moment ago, as JSON.
    pub(crate) async fn overview(&self, viewer: Viewer) -> Result<Arc<str>, Problem> {
        self.0.overviews.of(self, viewer).await
    }

    pub(crate) fn turns(&self) -> &WorkLimits {
        &self.0.turns
    }
}

impl fmt::Debug for Management {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Management").field("cache", &self.0.parts.cache).finish_non_exhaustive()
    }
}
