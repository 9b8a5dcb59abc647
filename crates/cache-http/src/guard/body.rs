//! The body of a request: read as a whole before it is looked at, within a limit and a deadline, however it is
//! sent.

use std::{future::poll_fn, pin::Pin, time::Duration};

use axum::{
    body::{Body, HttpBody},
    extract::Request,
    http::header,
};
use tokio::time::timeout;

use super::{
    client::Client,
    large_bodies::{LargeBodies, Room},
};
use crate::{
    problem::{Problem, ProblemKind},
    request::query::echo,
};

/// The longest time for a body that the process sends itself.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Refuses a body that is compressed: it would be read as it is.
pub(super) fn check_encoding(request: &Request) -> Result<(), Problem> {
    let encodings = request.headers().get_all(header::CONTENT_ENCODING);
    match encodings.iter().find(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        Some(encoding) => {
            let given = echo(&String::from_utf8_lossy(encoding.as_bytes()));
            let detail = format!("the Content-Encoding is {given:?}: send the body as it is, without");
            Err(Problem::new(ProblemKind::UNSUPPORTED_MEDIA_TYPE, detail))
        }
        None => Ok(()),
    }
}

/// Returns the request with its whole body in memory, of at most `max` bytes, and the room that it takes there.
pub(super) async fn read(
    request: Request,
    client: Option<&Client>,
    max: usize,
    large: &LargeBodies,
) -> Result<(Request, Room), Problem> {
    let limit = client.map_or(TIMEOUT, |client| client.body_timeout);
    let (head, body) = request.into_parts();
    let (bytes, room) = timeout(limit, whole(body, max, large)).await.unwrap_or_else(|_| {
        let detail = format!("the body did not come within {limit:?}: send it at once");
        Err(Problem::new(ProblemKind::REQUEST_TIMEOUT, detail))
    })?;
    Ok((Request::from_parts(head, Body::from(bytes)), room))
}

async fn whole(mut body: Body, max: usize, large: &LargeBodies) -> Result<(Vec<u8>, Room), Problem> {
    let (mut bytes, mut room) = (Vec::new(), Room::default());
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let frame = frame.map_err(|error| {
            let detail = format!("the body can't be read: {error}; send as much as its headers announce");
            Problem::new(ProblemKind::INVALID_BODY, detail)
        })?;
        // Trailers say nothing that is asked for.
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > max {
            let detail = format!("the body is longer than {max} bytes, the limit");
            return Err(Problem::new(ProblemKind::BODY_TOO_LARGE, detail));
        }
        room.grow(large, bytes.len() + data.len())?;
        bytes.extend_from_slice(&data);
    }
    Ok((bytes, room))
}
