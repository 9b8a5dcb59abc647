//! What management is made of.

use std::{collections::BTreeMap, sync::Arc};

use cache_analytics::Analytics;
use cache_core::{Error, Result};
use cache_facade::{Cache, Selection};
use cache_warming::Warming;
use futures_util::future::{BoxFuture, FutureExt};
use serde_json::{Map, Value};

use super::{
    Management, ManagementInner,
    changes::ChangeLog,
    figures::LatestFigures,
    overview::LatestOverviews,
    status::{MarketStatus, ProviderStatus},
    turns::WorkLimits,
};
use crate::openapi::RouteDescription;

type Selector = dyn Fn(Selection, &str) -> Result<Selection> + Send + Sync;
type Render = dyn Fn() -> String + Send + Sync;
type Members = dyn Fn() -> Map<String, Value> + Send + Sync;
type Told<T> = dyn Fn() -> Vec<T> + Send + Sync;
type Checked = dyn Fn() -> BoxFuture<'static, HealthCheck> + Send + Sync;

/// What management is made of.
pub(crate) struct ManagementParts {
    pub(crate) cache: Cache,
    pub(crate) analytics: Option<Arc<Analytics>>,
    pub(crate) warming: Option<Arc<Warming>>,
    pub(crate) warming_members: Option<Box<Members>>,
    pub(crate) prometheus: Option<Box<Render>>,
    pub(crate) selectors: BTreeMap<&'static str, Box<Selector>>,
    pub(crate) checks: Vec<Box<Checked>>,
    pub(crate) providers: Option<Box<Told<ProviderStatus>>>,
    pub(crate) markets: Option<Box<Told<MarketStatus>>>,
    /// What `/` returns to programs, which are no browsers.
    pub(crate) index: Option<Value>,
    /// The name and version of what is described.
    pub(crate) title: (&'static str, &'static str),
    pub(crate) operations: Vec<RouteDescription>,
}

/// Settings of a [`Management`].
pub struct ManagementBuilder(ManagementParts);

/// What a check of health found.
#[derive(Clone, Debug, Default)]
pub struct HealthCheck {
    /// The tier that it is about, if it is about one.
    pub tier: Option<&'static str>,
    /// What is wrong, if something is.
    pub error: Option<Error>,
    /// Whether the service is degraded by it. An error of a tier always degrades.
    pub degraded: bool,
    /// Further members of the answer.
    pub members: Map<String, Value>,
}

impl ManagementBuilder {
    pub(super) fn new(cache: Cache) -> Self {
        Self(ManagementParts {
            cache,
            analytics: None,
            warming: None,
            warming_members: None,
            prometheus: None,
            selectors: BTreeMap::new(),
            checks: Vec::new(),
            providers: None,
            markets: None,
            index: None,
            title: (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")),
            operations: Vec::new(),
        })
    }

    /// Adds the figures of analytics that observe the cache: reports, metrics, and rates in health.
    #[must_use]
    pub fn analytics(mut self, analytics: Arc<Analytics>) -> Self {
        self.0.analytics = Some(analytics);
        self
    }

    /// Adds warming: its figures, and runs by hand.
    #[must_use]
    pub fn warming(mut self, warming: Arc<Warming>) -> Self {
        self.0.warming = Some(warming);
        self
    }

    /// Adds further members to the figures of warming, such as those of a scheduler.
    #[must_use]
    pub fn warming_members(
        mut self,
        members: impl Fn() -> Map<String, Value> + Send + Sync + 'static,
    ) -> Self {
        self.0.warming_members = Some(Box::new(members));
        self
    }

    /// Adds what Prometheus reads at `/metrics`, such as a `PrometheusHandle` renders it.
    #[must_use]
    pub fn prometheus(mut self, render: impl Fn() -> String + Send + Sync + 'static) -> Self {
        self.0.prometheus = Some(Box::new(render));
        self
    }

    /// Lets invalidations name things by a word of the application, such as `"user"`: `select` adds what belongs
    /// to one of them, by tag, pattern or key.
    ///
    /// ```
    /// use cache_facade::Cache;
    /// use cache_http::Management;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_facade::Result<()> {
    /// # let cache = Cache::builder().build().await?;
    /// // {"user": ["17"]} ends whatever carries the tag users:17.
    /// let management = Management::builder(&cache)
    ///     .selector("user", |selection, user| Ok(selection.tag(format!("users:{user}"))))
    ///     .build();
    /// # drop(management);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn selector(
        mut self,
        word: &'static str,
        select: impl Fn(Selection, &str) -> Result<Selection> + Send + Sync + 'static,
    ) -> Self {
        self.0.selectors.insert(word, Box::new(select));
        self
    }

    /// Describes further routes of the application at `/openapi.json`, under its name and version.
    #[must_use]
    pub fn describe(
        mut self,
        title: &'static str,
        version: &'static str,
        operations: impl IntoIterator<Item = RouteDescription>,
    ) -> Self {
        self.0.title = (title, version);
        self.0.operations.extend(operations);
        self
    }

    /// Sets what `/` returns as JSON to whoever doesn't prefer HTML, as browsers do. Without it everybody gets the
    /// dashboard there.
    #[must_use]
    pub fn index(mut self, index: Value) -> Self {
        self.0.index = Some(index);
        self
    }

    pub(super) fn parts_mut(&mut self) -> &mut ManagementParts {
        &mut self.0
    }

    /// Adds a check of health, made for each request. It must be quick, or bounded in time.
    #[must_use]
    pub fn check<F: Future<Output = HealthCheck> + Send + 'static>(
        mut self,
        check: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self {
        self.0.checks.push(Box::new(move || check().boxed()));
        self
    }

    /// Returns the management.
    #[must_use]
    pub fn build(self) -> Management {
        Management(Arc::new(ManagementInner {
            parts: self.0,
            changes: ChangeLog::new(),
            figures: LatestFigures::default(),
            overviews: LatestOverviews::default(),
            turns: WorkLimits::new(),
        }))
    }
}

impl std::fmt::Debug for ManagementBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ManagementBuilder").field("cache", &self.0.cache).finish_non_exhaustive()
    }
}
