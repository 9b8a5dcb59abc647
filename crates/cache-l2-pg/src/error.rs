//! The drivers' errors, classified: what kind of error of the cache each of them is.

use std::error::Error as _;

use cache_core::{Error, ErrorKind};
use deadpool::managed::TimeoutType;
use diesel::{
    ConnectionError,
    result::{DatabaseErrorKind, Error as StatementError},
};
use diesel_async::pooled_connection::{PoolError as SetupError, deadpool::PoolError};
use tokio_postgres::{Error as SessionError, error::SqlState};

/// What a driver reports.
pub(crate) enum DriverError {
    /// From a connection used alone, or one that could not be opened.
    DatabaseSession(SessionError),
    /// From a statement on a pooled connection. The driver tells no more of it than its text.
    Statement(StatementError),
    /// From the pool, which gave no connection.
    Pool(PoolError),
}

impl From<SessionError> for DriverError {
    fn from(error: SessionError) -> Self {
        Self::DatabaseSession(error)
    }
}

impl From<StatementError> for DriverError {
    fn from(error: StatementError) -> Self {
        Self::Statement(error)
    }
}

impl From<PoolError> for DriverError {
    fn from(error: PoolError) -> Self {
        Self::Pool(error)
    }
}

/// Returns a driver's error as one of the cache, which says in which operation it came.
pub(crate) fn classify(operation: &'static str, error: impl Into<DriverError>) -> Error {
    match error.into() {
        DriverError::DatabaseSession(error) => {
            Error::new(session_kind(&error), operation, format!("PostgreSQL: {}", full_text(&error)))
        }
        DriverError::Statement(error) => {
            Error::new(ErrorKind::Unavailable, operation, format!("PostgreSQL: {error}"))
        }
        DriverError::Pool(error) => classify_pool(operation, error),
    }
}

fn session_kind(error: &SessionError) -> ErrorKind {
    match error.code() {
        // Wrong user, password, database or rights: trying again doesn't help.
        Some(
            &SqlState::INVALID_PASSWORD
            | &SqlState::INVALID_AUTHORIZATION_SPECIFICATION
            | &SqlState::INVALID_CATALOG_NAME
            | &SqlState::INSUFFICIENT_PRIVILEGE,
        ) => ErrorKind::Config,
        Some(&SqlState::QUERY_CANCELED) => ErrorKind::Timeout,
        _ => ErrorKind::Unavailable,
    }
}

/// Returns the server's message, or the driver's with its causes: its own text is only the outermost part.
fn full_text(error: &SessionError) -> String {
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

fn classify_pool(operation: &'static str, error: PoolError) -> Error {
    match error {
        PoolError::Backend(SetupError::ConnectionError(ConnectionError::CouldntSetupConfiguration(
            StatementError::QueryBuilderError(inner),
        ))) => match inner.downcast::<Error>() {
            Ok(classified) => *classified,
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

/// Carries an error that is classified already through the pool; [`classify`] returns it as it is.
pub(crate) fn through_pool(error: Error) -> ConnectionError {
    ConnectionError::CouldntSetupConfiguration(StatementError::QueryBuilderError(error.into()))
}

/// Returns whether the connection on which a statement failed can run the next: the server answered, and
/// takes writes.
pub(crate) fn is_connection_usable(error: &StatementError) -> bool {
    match error {
        StatementError::DatabaseError(
            DatabaseErrorKind::UnableToSendCommand
            | DatabaseErrorKind::ClosedConnection
            | DatabaseErrorKind::ReadOnlyTransaction,
            _,
        ) => false,
        StatementError::DatabaseError(..) => true,
        _ => false,
    }
}
