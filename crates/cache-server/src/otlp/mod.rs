//! Export of spans to a collector of OpenTelemetry, or what refuses it where it isn't built in.

#[cfg(feature = "otlp")]
mod client;
#[cfg(feature = "otlp")]
mod export;
#[cfg(not(feature = "otlp"))]
mod left_out;

use tracing_subscriber::{Layer, Registry};

#[cfg(feature = "otlp")]
pub use self::export::SpanExport;
#[cfg(feature = "otlp")]
pub(crate) use self::export::{refusal, set_parent};
#[cfg(not(feature = "otlp"))]
pub use self::left_out::SpanExport;
#[cfg(not(feature = "otlp"))]
pub(crate) use self::left_out::{refusal, set_parent};

/// Where spans go besides the log.
pub type SpanLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// The variable by which all programs are told of a collector. One without the export doesn't mind it.
pub(crate) const STANDARD_VARIABLE: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
