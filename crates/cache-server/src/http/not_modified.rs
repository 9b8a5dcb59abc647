//! The body that an answer has but does not send.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::{Bytes, HttpBody};
use hyper::body::Frame;

/// Nothing, of a length that isn't told. A 304 stands for an answer whose body is longer: an empty body
/// would be announced by `content-length: 0`, which says otherwise (RFC 9110, 8.6).
pub(crate) struct Unsent;

impl HttpBody for Unsent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(None)
    }
}
