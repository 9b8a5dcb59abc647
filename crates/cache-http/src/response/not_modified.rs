//! The body of a 304 response.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::{Bytes, HttpBody};
use http_body::Frame;

/// An empty body of unknown length. A 304 stands for a response with a body, whose length is not 0, but an empty
/// body would be sent with `content-length: 0` (RFC 9110, 8.6).
#[derive(Clone, Copy, Debug)]
pub struct NotModifiedBody;

impl HttpBody for NotModifiedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(None)
    }
}
