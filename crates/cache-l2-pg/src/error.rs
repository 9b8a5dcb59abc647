//! The drivers' errors as ours.

use std::error::Error as _;

use cache_core::{Error, ErrorKind};
use deadpool::managed::TimeoutType;
use diesel::{
    ConnectionError,
    result::{DatabaseErrorKind, Error as DieselError},
};
use diesel_async::pooled_connection::{PoolError as SetupError, deadpool::PoolError};
use tokio_postgres::error::SqlState;

/// What the driver said, with what lay under it: its own text is only the outermost part.
fn told(error: &tokio_postgres::Error) -> String {
    if let Some(answer) = error.as_db_error() {
        return answer.message().to_owned();
    }
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

/// The error of a connection used alone.
pub(crate) fn direct(operation: &'static str, error: &tokio_postgres::Error) -> Error {
    let kind = match error.code() {
        // Who we are, where we want to go, what we may do there: trying again doesn't help.
        Some(
            &SqlState::INVALID_PASSWORD
            | &SqlState::INVALID_AUTHORIZATION_SPECIFICATION
            | &SqlState::INVALID_CATALOG_NAME
            | &SqlState::INSUFFICIENT_PRIVILEGE,
        ) => ErrorKind::Config,
        Some(&SqlState::QUERY_CANCELED) => ErrorKind::Timeout,
        _ => ErrorKind::Unavailable,
    };
    Error::new(kind, operation, format!("PostgreSQL: {}", told(error)))
}

/// What became of a connection when a statement failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// The server answered, and can be asked the next.
    Usable,
    /// It is gone, or leads to a server that takes no writes.
    Lost,
}

/// The error of a statement on a pooled connection. The driver tells no more of it than its text.
pub(crate) fn pooled(operation: &'static str, error: &DieselError) -> (Error, After) {
    let after = match error {
        DieselError::DatabaseError(
            DatabaseErrorKind::UnableToSendCommand
            | DatabaseErrorKind::ClosedConnection
            | DatabaseErrorKind::ReadOnlyTransaction,
            _,
        ) => After::Lost,
        DieselError::DatabaseError(..) => After::Usable,
        _ => After::Lost,
    };
    (Error::new(ErrorKind::Unavailable, operation, format!("PostgreSQL: {error}")), after)
}

/// Carries our own error through the pool's.
pub(crate) fn wrapped(error: Error) -> ConnectionError {
    ConnectionError::CouldntSetupConfiguration(DieselError::QueryBuilderError(error.into()))
}

/// Why the pool gave no connection.
pub(crate) fn unlent(operation: &'static str, error: PoolError) -> Error {
    match error {
        PoolError::Backend(SetupError::ConnectionError(ConnectionError::CouldntSetupConfiguration(
            DieselError::QueryBuilderError(inner),
        ))) => match inner.downcast::<Error>() {
            Ok(ours) => *ours,
            Err(other) => Error::caused(ErrorKind::Unavailable, operation, "PostgreSQL", other),
        },
        PoolError::Timeout(TimeoutType::Wait) => {
            let message = "all connections of the pool stayed busy: raise pool_size or wait_timeout";
            Error::new(ErrorKind::Timeout, operation, message)
        }
        PoolError::Closed => Error::new(ErrorKind::Closed, operation, "the pool is closed"),
        other => Error::caused(ErrorKind::Unavailable, operation, "PostgreSQL", other),
    }
}
