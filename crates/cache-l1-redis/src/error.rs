//! The driver's errors as errors of the cache, and errors for replies that don't fit.

use cache_core::{Error, ErrorKind};
use redis::{ErrorKind as Kind, RedisError, ServerErrorKind as Server, Value};

/// Returns the error for a call to `server` that failed.
pub(crate) fn classify(operation: &'static str, server: &impl std::fmt::Display, error: RedisError) -> Error {
    let kind = kind(&error);
    let what = match kind {
        ErrorKind::Timeout => return Error::new(kind, operation, format!("{server} did not reply in time")),
        ErrorKind::Config => "refused",
        ErrorKind::Storage => "can't store",
        _ => "failed",
    };
    Error::caused(kind, operation, format!("{server} {what}"), error)
}

fn kind(error: &RedisError) -> ErrorKind {
    if error.is_timeout() {
        return ErrorKind::Timeout;
    }
    match error.kind() {
        Kind::AuthenticationFailed | Kind::InvalidClientConfig | Kind::RESP3NotSupported => ErrorKind::Config,
        Kind::Server(Server::NoPerm | Server::ResponseError) => ErrorKind::Config,
        Kind::Extension => match error.code() {
            Some("OOM" | "MISCONF" | "NOREPLICAS") => ErrorKind::Storage,
            Some("NOAUTH" | "WRONGPASS" | "DENIED") => ErrorKind::Config,
            Some("WRONGTYPE") => ErrorKind::Corrupt,
            _ => ErrorKind::Unavailable,
        },
        _ => ErrorKind::Unavailable,
    }
}

/// Returns whether the error hints that the connection no longer serves, so that it should be checked now.
pub(crate) fn needs_recheck(error: &RedisError) -> bool {
    error.is_timeout() || error.is_unrecoverable_error() || error.kind() == Kind::Server(Server::ReadOnly)
}

/// What a server begins an error with that can't serve: a replica, or one that is still loading its data.
const WRONG_SERVER: [&str; 3] = ["READONLY", "LOADING", "MASTERDOWN"];

/// Returns whether a reply says that this is not the server that is needed, so that the connection must end.
/// Before Redis 7 a script's error has the code only in its text.
pub(crate) fn is_of_wrong_server(reply: &Value) -> bool {
    let Value::ServerError(error) = reply else { return false };
    let in_script = |text: &str| WRONG_SERVER.iter().any(|code| text.contains(&format!("-{code} ")));
    WRONG_SERVER.contains(&error.code()) || error.details().is_some_and(in_script)
}

/// Returns the error for a batch of which some keys failed.
pub(crate) fn partial_failure(operation: &'static str, failed: usize, all: usize, error: Error) -> Error {
    if failed == all {
        return error;
    }
    let message = format!("{failed} of {all} keys failed, the others succeeded");
    Error::caused(error.kind(), operation, message, error)
}

/// Returns the error for a reply that no Redis sends.
pub(crate) fn unexpected_reply(operation: &'static str) -> Error {
    Error::new(ErrorKind::Unavailable, operation, "Redis returned an unexpected reply")
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn server(code: &str) -> RedisError {
        redis::make_extension_error(code.to_owned(), Some("why".to_owned()))
    }

    #[test]
    fn errors_tell_whether_a_retry_makes_sense() {
        for (error, expected) in [
            (io::Error::from(io::ErrorKind::TimedOut).into(), ErrorKind::Timeout),
            (io::Error::from(io::ErrorKind::BrokenPipe).into(), ErrorKind::Unavailable),
            (server("OOM"), ErrorKind::Storage),
            (server("WRONGPASS"), ErrorKind::Config),
            (server("WHATEVER"), ErrorKind::Unavailable),
        ] {
            let error = classify("get", &"cache:6379", error);
            assert_eq!(error.kind(), expected, "{error}");
            assert!(error.to_string().starts_with("get: cache:6379 "), "{error}");
        }
    }
}
