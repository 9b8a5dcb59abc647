//! HTTP management of a cache: an axum router to nest into an application of one's own, and what it is made of,
//! for routes beside it.
//!
//! | path | what |
//! |---|---|
//! | `GET /` | the dashboard: a page that shows all of this and steers the cache |
//! | `GET /health`, `/cache/health` | the health of each tier, of the bus, and of what else is checked |
//! | `GET /metrics` | all that is counted, as Prometheus reads it |
//! | `GET /cache/metrics`, `/cache/report` | a few figures; the report of analytics with advice |
//! | `GET /cache/warming/metrics`, `POST /cache/warming/trigger` | what was fetched beforehand; runs by hand |
//! | `GET /cache/keys?pattern=`, `/cache/keys/{kind}:{id}` | which keys there are; what is held of one, and where |
//! | `POST /cache/invalidate` | ends keys, patterns, kinds, tags, or all, or counts them: by tier |
//! | `GET /cache/events` | server-sent events: figures each second, and changes |
//! | `GET /cache/overview` | all figures of the dashboard in one body |
//! | `GET /openapi.json` | these routes as OpenAPI 3.1 |
//!
//! [`Management`] makes the router; see there for an example, and for who may do what. Each error is a
//! [`Problem`], `application/problem+json`.

mod dashboard;
pub mod guard;
mod management;
mod openapi;
mod problem;
pub mod request;
pub mod request_log;
pub mod response;
mod routes;

pub use management::{
    HealthCheck, KEYS_PATH, Management, ManagementBuilder, MarketStatus, ProviderStatus, QuotaStatus,
};
pub use openapi::{RouteDescription, describe};
pub use problem::{Problem, ProblemKind, public_text};
pub use routes::{allowed_methods, comprehensive_report};
