//! What there is of the export in a program that was built without it.

use std::{convert::Infallible, time::Duration};

use cache_core::{Result, trace::TraceContext};
use tracing::Span;

use super::SpanLayer;
use crate::settings::TracingSection;

/// The export of spans, which this program was built without.
#[derive(Debug)]
pub struct SpanExport(Infallible);

impl SpanExport {
    /// Returns `None`.
    ///
    /// # Errors
    ///
    /// None.
    pub fn open(_: &TracingSection) -> Result<Option<Self>> {
        Ok(None)
    }

    /// Returns where its spans go to it.
    #[must_use]
    pub fn layer(&self) -> SpanLayer {
        match self.0 {}
    }

    /// Sends what is left.
    pub fn close(self, _: Duration) {
        match self.0 {}
    }
}

/// Returns why spans can't be exported.
pub(crate) fn refusal() -> Option<&'static str> {
    Some("this program was built without the feature otlp")
}

/// Does nothing: spans that aren't exported have no parents elsewhere.
pub(crate) fn set_parent(_: &Span, _: &TraceContext) {}
