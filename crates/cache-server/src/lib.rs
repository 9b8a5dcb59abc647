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
//! use cache_server::{App, Settings, router};
//! use clap::Parser;
//! use tower::ServiceExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let data = tempfile::tempdir()?;
//! # let data = data.path().display().to_string();
//! let settings = Settings::parse_from(["cache-server", "--data-dir", &data]);
//! let app = Arc::new(App::open(&settings, Clock::system()).await?);
//!
//! let request = Request::get("/v1/quotes/AAPL").body(Body::empty())?;
//! let response = router(app).oneshot(request).await?;
//! assert_eq!(response.headers()["age"], "0");
//! # Ok(())
//! # }
//! ```

mod app;
mod banner;
mod cached_provider;
mod http;
mod routes;
mod serve;
mod settings;
mod shared;
mod shutdown;

pub use app::{App, Closed};
pub use banner::banner;
pub use cached_provider::CachedProvider;
pub use routes::router;
pub use serve::{DRAIN, Limits, bind, serve};
pub use settings::Settings;
pub use shared::{By, Deaf, SharedSettings, Url};
pub use shutdown::{FLUSH, HARD, signal};
