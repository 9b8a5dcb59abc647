//! What went wrong between a command and the service, for people: what, why, and what to do.

use std::{error::Error, time::Duration};

use cache_core::root_cause;
use reqwest::{Response, StatusCode, Url, header::RETRY_AFTER};
use serde_json::Value;

use super::whole;
use crate::commands::{
    exit::{CommandError, Exit},
    output::printable,
};

/// How the type of the service's own problems begins.
const TYPE_PREFIX: &str = "urn:problem-type:cache:";
/// The problems of what a command line names: a key, a pattern, a kind, a parameter.
const WRONG_NAMES: [&str; 5] =
    ["invalid-parameter", "invalid-body", "no-such-kind", "unknown-kind", "not-offered"];
/// The longest text of an answer that is shown, in characters.
const MAX_SHOWN: usize = 300;

/// Returns the failure of a request that got no answer.
pub(super) fn unreachable(base: &Url, error: &reqwest::Error) -> CommandError {
    let cause = root_cause(error as &dyn Error).to_string();
    let told = if error.is_timeout() {
        format!(
            "{base} did not answer in time: it is overloaded or hangs; look at its log, or give a longer --timeout"
        )
    } else if cause.contains("certificate") {
        format!("{base} shows a certificate that is not trusted: {cause}; {}", of_certificate(&cause))
    } else if error.is_connect() {
        format!(
            "{base} can't be reached: {cause}; start it by `cache-server`, or say where it is by --url or CACHE_URL"
        )
    } else {
        format!("{base} broke off: {cause}; is it a cache-server, and still running?")
    };
    CommandError::new(Exit::Unreachable, told)
}

/// Returns the failure of a stream in which nothing comes, though figures are told each second.
pub(super) fn silent(base: &Url, waited: Duration) -> CommandError {
    let told =
        format!("{base} told nothing for {waited:?}: it hangs, or something in between keeps events back");
    CommandError::new(Exit::Unreachable, told)
}

/// Returns what to do about a certificate that is not trusted for this reason.
fn of_certificate(cause: &str) -> &'static str {
    let reasons = [
        (
            "CaUsedAsEndEntity",
            "it is marked as an authority's, and is not itself in the file of --ca-file: make one with \
          basicConstraints=CA:FALSE, or give exactly this one by --ca-file",
        ),
        ("not valid for", "give a name by --url that it is of, or make one with subjectAltName of this one"),
        (
            "NotValidForName",
            "give a name by --url that it is of, or make one with subjectAltName of this one",
        ),
        ("xpired", "it is over: renew it, or set the clock of this machine"),
        ("not valid yet", "set the clock of this machine"),
    ];
    let remedy = reasons.iter().find(|(reason, _)| cause.contains(reason)).map(|(_, remedy)| *remedy);
    remedy.unwrap_or("give that of its authority by --ca-file")
}

/// Returns the failure of an answer that no cache-server gives.
pub(super) fn foreign(base: &Url, what: &str) -> CommandError {
    let told = format!(
        "no cache-server answers at {base}: {what}; say where it is by --url or CACHE_URL, with its path"
    );
    CommandError::new(Exit::Unreachable, told)
}

/// Returns the failure that an answer tells of.
pub(super) async fn refused(base: &Url, answer: Response) -> CommandError {
    let status = answer.status();
    let after = answer.headers().get(RETRY_AFTER).and_then(|after| after.to_str().ok()?.parse().ok());
    let body = whole(base, answer).await.unwrap_or_default();
    let problem = serde_json::from_slice::<Value>(&body).unwrap_or_default();
    let Some(kind) = problem["type"].as_str().and_then(|kind| kind.strip_prefix(TYPE_PREFIX)) else {
        let text: String = String::from_utf8_lossy(&body).trim().chars().take(MAX_SHOWN).collect();
        let told = format!("what is there answered {status} without a reason of ours: {}", printable(&text));
        return foreign(base, told.trim_end_matches([' ', ':']));
    };
    if kind == "no-such-path" {
        // One that is nested below another path, or something else built with the same routes.
        let detail = printable(problem["detail"].as_str().unwrap_or_default()).into_owned();
        return foreign(base, &format!("what is there has not this path ({status}): {detail}"));
    }
    let text = |member: &str| printable(problem[member].as_str().unwrap_or_default()).into_owned();
    let mut told = format!("{} ({})", text("title"), status.as_u16());
    let detail = text("detail");
    if !detail.is_empty() {
        told.push_str(&format!("\n  {detail}"));
    }
    if let Some(remedy) = remedy(kind) {
        told.push_str(&format!("\n  {remedy}"));
    }
    let retry_after = after.filter(|_| kind == "busy").map(Duration::from_secs);
    CommandError { retry_after, ..CommandError::new(exit_of(kind, status), told) }
}

/// Returns what to do here about a problem whose detail speaks of HTTP.
fn remedy(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "token-missing" | "token-wrong" => {
            "here: put the token into CACHE_ACCESS_TOKEN, or give --token-file FILE"
        }
        "not-local" => "here: run this command on the machine of the service, or have it set a token",
        "foreign-host" => "here: give the service's own name or address by --url",
        "tls-required" => "here: give an https:// URL by --url",
        "busy" => "here: try again in a moment",
        _ => return None,
    })
}

fn exit_of(kind: &str, status: StatusCode) -> Exit {
    match status {
        // What the command line named is none of what there is, whatever the status of it by HTTP.
        _ if WRONG_NAMES.contains(&kind) => Exit::Usage,
        StatusCode::NOT_FOUND => Exit::NotFound,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::MISDIRECTED_REQUEST => Exit::Refused,
        _ => Exit::Failed,
    }
}
