//! Error bodies of OANDA: `{"errorCode": "...", "errorMessage": "..."}`.

use serde::Deserialize;

use crate::{ProviderError, http::HttpReply};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    error_code: Option<String>,
    error_message: String,
}

/// Returns the error that a failed reply means, with the message of its body if it has one.
pub(super) fn failure(reply: &HttpReply) -> ProviderError {
    let failure = reply.failure();
    match serde_json::from_slice::<Body>(&reply.body) {
        Ok(Body { error_code, error_message }) => {
            let code = error_code.map(|code| format!(" ({code})")).unwrap_or_default();
            reply.error(failure.kind(), &format!("{error_message}{code}"))
        }
        Err(_) => failure,
    }
}

/// Returns whether a reply says that an instrument doesn't exist.
pub(super) fn is_unknown_instrument(reply: &HttpReply) -> bool {
    let body = serde_json::from_slice::<Body>(&reply.body);
    matches!(reply.status, 400 | 404) && body.is_ok_and(|body| body.error_message.contains("'instrument"))
}

/// Returns whether a reply says that what was asked for doesn't exist, in a body of OANDA's own form.
pub(super) fn is_not_found(reply: &HttpReply) -> bool {
    reply.status == 404 && serde_json::from_slice::<Body>(&reply.body).is_ok()
}
