//! The service behind `cache-server`: quotes and daily bars over HTTP, from memory, then disk, then a
//! slow provider.
//!
//! [`App`] is the cache and its provider, [`router`] its HTTP, [`serve()`] the socket under it.
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
mod banner;
mod calendar;
mod config;
mod events;
mod flags;
mod http;
mod routes;
mod serve;
mod settings;
mod shutdown;
mod upstream;

pub use app::{App, Closed};
pub use banner::banner;
pub use calendar::{CalendarArgs, calendar};
pub use config::{Config, Reloaded, Sources};
pub use flags::{Task, invocation};
pub use routes::router;
pub use serve::{DRAIN, Limits, bind, serve};
pub use settings::{
    BatchSection, CalendarsSection, GraceSection, LimitsSection, ProviderEntry, ProviderKind,
    ProvidersSection, ReplaySection, ServiceSection, Settings, TtlSection, WarmingSection,
};
pub use shutdown::{FLUSH, HARD, reload_when_told, signal};
