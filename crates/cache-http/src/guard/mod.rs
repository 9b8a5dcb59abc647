//! The guard before all routes: which hosts, which origins, who may change something, and within what limits. What
//! it lets through that may change something runs to its end, though its client hangs up.

mod access;
mod body;
mod client;
mod cross_site;
mod host;
mod large_bodies;
mod limits;
mod panics;
mod rules;
mod run_to_end;

use std::sync::Arc;

use axum::{
    body::HttpBody,
    extract::{Request, State},
    http::{HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use self::large_bodies::Room;
pub use self::{
    access::{Access, AccessBuilder, Caller, MIN_TOKEN_BYTES, MayReadPrivate},
    client::{Client, ClientConnection, Sender},
    limits::MAX_BODY,
    rules::RouteRules,
};
use crate::problem::Problem;

/// What a browser may do with an answer that is no page.
const NO_PAGE: &str = "default-src 'none'; frame-ancestors 'none'";

/// Refuses a request that may not be answered, reads its body, answers, and shows the answer as its caller may
/// see it.
pub async fn guard(State(access): State<Arc<Access>>, request: Request, next: Next) -> Response {
    let client = access.client(&request);
    let caller = access.caller(&request, client.as_ref());
    let response = match admitted(&access, request, client.as_ref(), caller).await {
        Ok((mut request, held)) => {
            if let Some(client) = &client {
                client.connection.answers();
            }
            let may_read_private = MayReadPrivate(access.trusts(&request, caller));
            let peer = client.as_ref().and_then(|client| client.peer);
            let sender = Sender { peer, has_token: access.has_token(&request) };
            request.extensions_mut().insert(may_read_private);
            request.extensions_mut().insert(sender);
            request.extensions_mut().insert(caller);
            // Requests that come in one piece would all be answered in one turn, and hold up everybody else.
            tokio::task::coop::consume_budget().await;
            let changes = access.rules.may_change(&request);
            let answering = panics::caught(next.run(request));
            let answering = async move {
                // The body's room is free again once the answer is made, for until then it is held in some form.
                let _held = held;
                answering.await
            };
            if changes { run_to_end::run_to_end(access.changes(), answering).await } else { answering.await }
        }
        Err(refused) => refused,
    };
    let mut response = Problem::show(response, caller);
    // A browser neither guesses what an answer is nor shows it within a page of another site.
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(NO_PAGE));
    response
}

/// Returns the request with its whole body, if it may be answered, and the room that the body takes.
async fn admitted(
    access: &Access,
    request: Request,
    client: Option<&Client>,
    caller: Caller,
) -> Result<(Request, Room), Response> {
    let max_body = limits::max_body(access, &request);
    // A caller within the process, as a test is one, has no socket and no page.
    let checked = limits::check(&request, max_body).and_then(|()| match client {
        Some(client) => {
            host::check(access, &request, client)?;
            cross_site::check(access, &request)?;
            access.check(&request, caller)?;
            body::check_encoding(&request)
        }
        None => Ok(()),
    });
    if request.body().is_end_stream() {
        return checked.map(|()| (request, Room::default())).map_err(IntoResponse::into_response);
    }
    let read = match checked {
        Ok(()) => body::read(request, client, max_body, &access.large_bodies).await,
        Err(problem) => Err(problem),
    };
    read.map_err(|problem| {
        // What remains of the body is not read, so nothing can follow it.
        if let Some(client) = client {
            client.connection.refuses_the_rest();
        }
        let mut response = problem.into_response();
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        response
    })
}
