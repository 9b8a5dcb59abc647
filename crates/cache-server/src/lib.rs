//! The service behind `cache-server`: quotes, bars and all other market data over HTTP, from memory, then disk,
//! then a slow provider.
//!
//! [`App`] is the cache and its providers, [`router`] the HTTP routes over it, [`serve()`] the socket below them.
//! All time is that of the clock that [`App::open`] is given.
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

mod advisor;
mod app;
mod cli;
mod commands;
mod config;
mod demo;
mod http;
mod log;
mod otlp;
mod process;
mod routes;
mod settings;
mod signals;
mod socket;

pub use app::{App, CloseOutcome, RELOAD_TIMEOUT, ReloadError};
pub use cli::{Action, CalendarArgs, ManArgs, banner, calendar, completions, man, parse_command_line};
pub use commands::{
    BenchArgs, CheckArgs, ClientCommand, ConnectionArgs, EventsArgs, GetArgs, InspectArgs, InvalidateArgs,
    KeysArgs, ReportArgs, StatsArgs, TopArgs, WarmArgs, check,
};
pub use config::{Config, ConfigSources, ReloadReport};
pub use log::{Log, LogWriter, check_filter, in_background, print, print_failure, print_to_stderr};
pub use otlp::{SpanExport, SpanLayer};
pub use process::run;
pub use routes::router;
pub use settings::{
    AnalyticsSection, BatchSection, CalendarsSection, GraceSection, LimitsSection, OwnKindEntry,
    OwnKindsSection, OwnLife, OwnSpan, ProviderEntry, ProviderKind, ProvidersSection, ReplaySection,
    ServerCertificate, ServiceSection, Settings, TlsSection, TracingSection, TtlSection, WarmingSchedule,
    WarmingSection,
};
pub use signals::ignore_file_size_signal;
pub use socket::{DRAIN_TIMEOUT, Limits, ServerTls, bind, serve};
