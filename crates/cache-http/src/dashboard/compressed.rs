//! A text of the page with its compressed form and its tag, ready to be sent.

use std::{borrow::Cow, io::Write};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use flate2::{Compression, write::GzEncoder};

use super::accept::takes_gzip;
use crate::response::{NotModifiedBody, etag::ETag};

/// A text, as it is sent.
#[derive(Clone, Debug)]
pub(super) struct Compressed {
    media_type: &'static str,
    plain: Bytes,
    /// Empty if it can't be compressed.
    gzip: Bytes,
    etag: ETag,
}

impl Compressed {
    pub(super) fn new(media_type: &'static str, text: impl Into<Cow<'static, str>>) -> Self {
        let text = text.into();
        let etag = ETag::of(text.as_bytes());
        let plain = match text {
            Cow::Borrowed(text) => Bytes::from_static(text.as_bytes()),
            Cow::Owned(text) => text.into(),
        };
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        // To memory it does not fail; if it did, the plain text would be sent.
        let gzip = encoder.write_all(&plain).and_then(|()| encoder.finish()).unwrap_or_default();
        Self { media_type, plain, gzip: gzip.into(), etag }
    }

    /// Returns the response, or 304 if the client has this version. What a client holds is asked about each time,
    /// so a new version of the service never runs with parts of an old one.
    pub(super) fn response(&self, request: &HeaderMap) -> Response {
        let mut headers = HeaderMap::from_iter([
            (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
            (header::VARY, HeaderValue::from_static("accept, accept-encoding")),
        ]);
        headers.extend(self.etag.value().map(|value| (header::ETAG, value)));
        if self.etag.is_known_to(request) {
            return (StatusCode::NOT_MODIFIED, headers, Body::new(NotModifiedBody)).into_response();
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.media_type));
        if !self.gzip.is_empty() && takes_gzip(request) {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            return (headers, self.gzip.clone()).into_response();
        }
        (headers, self.plain.clone()).into_response()
    }
}
