//! SpanExport: spans on their way to a collector, by OTLP over HTTP.

use std::{fmt, time::Duration};

use cache_core::{Clock, Error, ErrorKind, Result, trace, trace::TraceContext};
use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, TracerProvider},
};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{Sampler, SdkTracerProvider},
};
use tracing::{Span, level_filters::LevelFilter};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{Layer, filter::Targets};

use super::{SpanLayer, client::ExportClient};
use crate::settings::TracingSection;

/// How long one export may take.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// Where traces are taken, under the URL of a collector.
const TRACES_PATH: &str = "/v1/traces";

/// The export of spans to a collector. A thread of its own sends them in batches; what it can't send in time, or
/// finds no room in its queue, is dropped, so that nobody waits for a collector.
pub struct SpanExport {
    spans: SdkTracerProvider,
    hits: bool,
}

impl SpanExport {
    /// Begins to export as the settings say; `None` without a collector.
    ///
    /// # Errors
    ///
    /// `Config` if the collector's URL can't be used, or the export can't be set up.
    pub fn open(settings: &TracingSection) -> Result<Option<Self>> {
        let Some(url) = &settings.otlp_endpoint else { return Ok(None) };
        let failed = |why: Box<dyn std::error::Error + Send + Sync>| {
            let message = format!("tracing.otlp_endpoint is {url}: spans can't be exported there: {why}");
            Error::new(ErrorKind::Config, "start", message)
        };
        let client = ExportClient::new(EXPORT_TIMEOUT, Clock::system()).map_err(failed)?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{}{TRACES_PATH}", url.trim_end_matches('/')))
            .with_timeout(EXPORT_TIMEOUT)
            .build()
            .map_err(|why| failed(why.into()))?;
        let resource = Resource::builder()
            .with_service_name(settings.service_name.clone())
            .with_attribute(opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        // A caller who records its trace wants to see what becomes of it here.
        let begun_here = Sampler::TraceIdRatioBased(settings.sample_ratio);
        let spans = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_sampler(Sampler::ParentBased(Box::new(begun_here)))
            .with_resource(resource)
            .build();
        if settings.propagate {
            trace::set_outgoing(present);
        }
        Ok(Some(Self { spans, hits: settings.hits }))
    }

    /// Returns what takes the spans of the service, and no events: these may name keys.
    #[must_use]
    pub fn layer(&self) -> SpanLayer {
        let hits = if self.hits { LevelFilter::TRACE } else { LevelFilter::DEBUG };
        let spans = Targets::new()
            .with_target("cache_facade::spans", hits)
            .with_target("market_data::spans", LevelFilter::DEBUG)
            .with_target("cache_server::spans", LevelFilter::DEBUG);
        tracing_opentelemetry::layer()
            .with_tracer(self.spans.tracer("cache-server"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(spans)
            .boxed()
    }

    /// Sends what is left, for at most `limit`: for the end of the process. It blocks its thread, which must not
    /// be one of a runtime.
    pub fn close(self, limit: Duration) {
        if let Err(error) = self.spans.shutdown_with_timeout(limit) {
            tracing::warn!(%error, "the last spans were not exported");
        }
    }
}

impl fmt::Debug for SpanExport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpanExport").field("hits", &self.hits).finish_non_exhaustive()
    }
}

/// Returns why spans can't be exported: for no reason.
pub(crate) fn refusal() -> Option<&'static str> {
    None
}

/// Makes a span part of its caller's trace, if it is exported.
pub(crate) fn set_parent(span: &Span, context: &TraceContext) {
    let flags = if context.is_sampled() { TraceFlags::SAMPLED } else { TraceFlags::default() };
    // It was checked before: what this can't read is left out.
    let state = context.tracestate().and_then(|state| state.parse::<TraceState>().ok()).unwrap_or_default();
    let (trace, parent) = (TraceId::from(context.trace_id()), SpanId::from(context.parent_id()));
    let caller = SpanContext::new(trace, parent, flags, true, state);
    // It fails if spans go nowhere, and then there is nothing to be part of.
    let _ = span.set_parent(Context::new().with_remote_span_context(caller));
}

/// Returns the trace context of the present span, if it has one that is exported.
fn present() -> Option<TraceContext> {
    let context = Span::current().context();
    let span = context.span();
    let span = span.span_context();
    if !span.is_valid() {
        return None;
    }
    let ids =
        (u128::from_be_bytes(span.trace_id().to_bytes()), u64::from_be_bytes(span.span_id().to_bytes()));
    let context = TraceContext::new(ids.0, ids.1, span.is_sampled())?;
    Some(context.with_state([span.trace_state().header().as_str()]))
}
