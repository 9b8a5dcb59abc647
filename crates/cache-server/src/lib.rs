//! The service behind `cache-server`: quotes and daily bars over HTTP, from memory, then disk, then a
//! slow provider.
//!
//! [`CachedProvider`] wraps any provider whole. [`App`] is the cache and its provider, [`router`] its HTTP, [`serve()`] the socket under it.
//! Everything that tells time does so by the clock that [`App::open`] is given.
//!
//! ```
//! use std::sync::Arc;
//! use axum::{body::Body, http::Request};
//! use cache_core::Clock;
//! use cache_server::{App, Config, router};
//! use tower::ServiceExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let data = tempfile::tempdir()?;
//! # let data = data.path().display().to_string();
//! let config = Config::from_flags(["cache-server", "--data-dir", &data])?;
//! let app = Arc::new(App::open(&config, Clock::system()).await?);
//!
//! let request = Request::get("/v1/quotes/AAPL").body(Body::empty())?;
//! let response = router(app).oneshot(request).await?;
//! assert_eq!(response.headers()["age"], "0");
//! # Ok(())
//! # }
//! ```

mod app;
mod cached_provider;
mod cli;
mod config;
mod http;
mod routes;
mod serve;
mod settings;
mod signals;

pub use app::{App, Closed};
pub use cached_provider::CachedProvider;
pub use cli::{CalendarArgs, Task, banner, calendar, invocation};
pub use config::{Config, Reloaded, Sources};
pub use routes::router;
pub use serve::{DRAIN, Limits, bind, serve};
pub use settings::{
    BatchSection, CalendarsSection, GraceSection, LimitsSection, ProviderEntry, ProviderKind,
    ProvidersSection, ReplaySection, ServiceSection, Settings, TtlSection, WarmingSection,
};
pub use signals::{FLUSH, HARD, reload_when_told, signal};
