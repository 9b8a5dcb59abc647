//! Trace context: to which trace of which caller the work at hand belongs, as W3C Trace Context writes it.

mod context;
mod outgoing;
mod state;

pub use self::{
    context::TraceContext,
    outgoing::{outgoing, set_outgoing},
};

/// The header that names the trace and the span that asks.
pub const TRACEPARENT: &str = "traceparent";
/// The header of what the tracing systems on the way add.
pub const TRACESTATE: &str = "tracestate";
