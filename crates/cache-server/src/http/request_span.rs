//! The span of a request, and the trace of its caller, which goes on to providers.

use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderMap, HeaderName},
    response::Response,
};
use cache_core::trace::{self, TraceContext};
use tracing::{Instrument, Span, field};

use crate::{otlp, settings::TracingSection};

/// The target of the spans of requests.
pub(crate) const SPANS: &str = "cache_server::spans";

/// The headers of [W3C Trace Context](https://www.w3.org/TR/trace-context/).
const TRACEPARENT: HeaderName = HeaderName::from_static(trace::TRACEPARENT);
const TRACESTATE: HeaderName = HeaderName::from_static(trace::TRACESTATE);

/// Lets a request be answered within a span, whose parent is the span of the caller, and within the trace of
/// the caller.
pub(super) async fn trace_request<A: Future<Output = Response>>(
    settings: &TracingSection,
    request: Request,
    answer: impl FnOnce(Request) -> A,
) -> Response {
    let (span, context) = (span(&request, settings.keys), context(request.headers()));
    if span.is_disabled() && context.is_none() {
        return answer(request).await;
    }
    if let Some(context) = &context {
        otlp::set_parent(&span, context);
    }
    let answering = TraceContext::around(context.filter(|_| settings.propagate), answer(request));
    let response = answering.instrument(span.clone()).await;
    span.record("http.response.status_code", response.status().as_u16());
    if response.status().is_server_error() {
        span.record("error.type", field::display(response.status().as_u16()));
        span.record("otel.status_code", "ERROR");
    }
    response
}

/// The span of a request. A path names what is asked for, so it is shown as keys are.
fn span(request: &Request, with_keys: bool) -> Span {
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    // Of methods that are none of HTTP's there are as many as a client likes.
    let known = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"];
    let method = known.into_iter().find(|known| *known == request.method().as_str());
    let name = || format!("{} {}", method.unwrap_or("HTTP"), route.unwrap_or_default());
    tracing::debug_span!(
        target: SPANS,
        "request",
        http.request.method = method.unwrap_or("_OTHER"),
        http.route = route,
        url.path = with_keys.then(|| request.uri().path()),
        http.response.status_code = field::Empty,
        error.type = field::Empty,
        otel.name = name().trim_end(),
        otel.kind = "server",
        otel.status_code = field::Empty,
    )
}

/// Returns the trace of the caller. What is invalid, or given twice, is as good as nothing.
fn context(headers: &HeaderMap) -> Option<TraceContext> {
    let mut parents = headers.get_all(TRACEPARENT).iter();
    let (parent, None) = (parents.next()?, parents.next()) else { return None };
    // One that can't be read makes all of them invalid.
    let states = headers.get_all(TRACESTATE).iter().map(|state| state.to_str().unwrap_or("?"));
    TraceContext::parse(parent.to_str().ok()?, states)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const SENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn read(headers: &[(&HeaderName, &'static [u8])]) -> Option<TraceContext> {
        let pair = |(name, value): &(&HeaderName, &'static [u8])| {
            ((*name).clone(), HeaderValue::from_bytes(value).unwrap())
        };
        context(&headers.iter().map(pair).collect())
    }

    #[test]
    fn one_valid_parent_is_a_trace_and_all_states_are_one() {
        assert_eq!(read(&[]), None);
        let parent = (&TRACEPARENT, SENT.as_bytes());
        assert_eq!(read(&[parent]).unwrap().traceparent(), SENT);
        assert_eq!(read(&[parent, parent]), None);
        assert_eq!(read(&[(&TRACEPARENT, b"\xff")]), None);
        let context = read(&[parent, (&TRACESTATE, b"a=1"), (&TRACESTATE, b"b=2")]).unwrap();
        assert_eq!(context.tracestate(), Some("a=1,b=2"));
        let context = read(&[parent, (&TRACESTATE, b"a=1"), (&TRACESTATE, b"b=\xff")]).unwrap();
        assert_eq!(context.tracestate(), None);
    }
}
