//! Spans of time as people write them: `"30m"`.

use std::time::Duration;

use humantime::parse_duration;

/// A span of time: a `Duration`, or a text such as `"250ms"`, `"30m"` or `"1h 30m"`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no span of time",
    label = "write \"30m\", or give a `Duration`"
)]
pub trait IntoSpan {
    /// Returns the span.
    ///
    /// # Errors
    ///
    /// Why the text is none, and how to write one.
    fn into_span(self) -> Result<Duration, String>;
}

impl IntoSpan for Duration {
    fn into_span(self) -> Result<Duration, String> {
        Ok(self)
    }
}

impl IntoSpan for &str {
    fn into_span(self) -> Result<Duration, String> {
        parse_duration(self).map_err(|why| {
            format!("{self:?} is no span of time: {why}; write \"250ms\", \"30m\" or \"1h 30m\"")
        })
    }
}

impl IntoSpan for &String {
    fn into_span(self) -> Result<Duration, String> {
        self.as_str().into_span()
    }
}
