//! The body of a request: read as a whole before it is looked at, within a limit and a deadline, however it is
//! sent.

use std::{future::poll_fn, pin::Pin, time::Duration};

use axum::{
    body::{Body, HttpBody},
    extract::Request,
};
use tokio::time::timeout;

use super::limits::max_body;
use crate::{
    http::problem::{Problem, ProblemKind},
    socket::Client,
};

/// The longest time for a body that comes over no socket of ours.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Returns the request with its whole body in memory.
pub(super) async fn read(request: Request, client: Option<&Client>) -> Result<Request, Problem> {
    let limit = client.map_or(TIMEOUT, |client| client.body_timeout);
    let longest = max_body(&request);
    let (head, body) = request.into_parts();
    let bytes = timeout(limit, whole(body, longest)).await.unwrap_or_else(|_| {
        let detail = format!("the body did not come within {limit:?}: send it at once");
        Err(Problem::new(ProblemKind::RequestTimeout, detail))
    })?;
    Ok(Request::from_parts(head, Body::from(bytes)))
}

async fn whole(mut body: Body, longest: usize) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let frame = frame.map_err(|error| {
            let detail = format!("the body can't be read: {error}; send as much as its headers announce");
            Problem::new(ProblemKind::InvalidBody, detail)
        })?;
        // Trailers say nothing that is asked for.
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > longest {
            let detail = format!("the body is longer than {longest} bytes, the limit");
            return Err(Problem::new(ProblemKind::BodyTooLarge, detail));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}
