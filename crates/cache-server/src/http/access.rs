//! Who may do what at which path.

use axum::http::Method;
use cache_http::{
    Management,
    guard::{Access, MAX_BODY, RouteRules},
};
use tokio_util::task::TaskTracker;

use crate::settings::{ServiceSection, Settings};

/// The path of a request for many values: a read by POST, since what is asked for does not fit into a URL.
pub(crate) const BATCH_PATH: &str = "/v1/batch";
/// Below this path are the values that an application keeps here by itself.
pub(crate) const OWN_PATH: &str = "/v1/cache/";
/// The largest body of a request that reads many values, in bytes.
const MAX_READ_BODY: usize = 64 << 10;
/// The largest body of a batch of an application's own values, in bytes, unless a single value may be larger.
const MAX_OWN_BATCH: usize = 4 << 20;

/// Returns the settings of the guard. `changes` is to track the requests that may change something.
pub(crate) fn access(settings: &Settings, changes: TaskTracker) -> Access {
    let ServiceSection { listen, allowed_hosts, access_token, .. } = &settings.service;
    let listen = listen.rsplit_once(':').map_or(listen.as_str(), |(host, _)| host);
    let max_put = settings.limits.max_value() + MAX_BODY;
    let rules = Management::rules(RouteRules::default())
        .read_by_post(BATCH_PATH)
        .private(OWN_PATH)
        .body(Method::POST, BATCH_PATH, MAX_READ_BODY)
        .body(Method::PUT, OWN_PATH, max_put)
        .body(Method::POST, OWN_PATH, max_put.max(MAX_OWN_BATCH));
    Access::builder()
        .token(access_token.clone())
        .hosts(allowed_hosts.iter().map(String::as_str).chain([listen]))
        .setting_names("access_token (CACHE_ACCESS_TOKEN)", "allowed_hosts (CACHE_ALLOWED_HOSTS)")
        .rules(rules)
        .changes(changes)
        .trust_the_process()
        .build()
}
