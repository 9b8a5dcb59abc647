//! The error of the workspace: its kind, the operation that failed, a message and a source.

use std::{error::Error as StdError, fmt, sync::Arc};

/// The result of every operation in the workspace.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of the cache. Cloning is cheap, so that one failed load can be returned to every caller that
/// waited for it.
///
/// ```
/// use cache_core::{Error, ErrorKind};
///
/// let error = Error::new(ErrorKind::Timeout, "get", "redis did not answer within 50 ms");
/// assert!(error.is_retryable());
/// assert_eq!(error.to_string(), "get: redis did not answer within 50 ms");
/// ```
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    kind: ErrorKind,
    operation: &'static str,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The kinds of errors. Absence is not among them: a key that does not exist is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// A setting or an argument is invalid.
    Config,
    /// A key, a value or a queue exceeds its limit.
    Limit,
    /// A value could not be encoded, or not be read back.
    Codec,
    /// Stored bytes are truncated, altered, foreign, or of another schema version.
    Corrupt,
    /// There was no answer within the time allowed.
    Timeout,
    /// A tier can't be reached, or its guard holds calls off.
    Unavailable,
    /// A storage medium refused a write: full, read-only or failing.
    Storage,
    /// A loader failed or panicked.
    Load,
    /// The cache is shutting down.
    Closed,
}

impl ErrorKind {
    /// Whether the same call may succeed if it is made again later.
    #[must_use]
    pub fn is_retryable(self) -> bool {
        match self {
            Self::Timeout | Self::Unavailable | Self::Storage | Self::Load => true,
            Self::Config | Self::Limit | Self::Codec | Self::Corrupt | Self::Closed => false,
        }
    }
}

impl Error {
    /// Returns an error of `kind` in `operation`. The message names what was wrong, with the value.
    #[must_use]
    pub fn new(kind: ErrorKind, operation: &'static str, message: impl Into<String>) -> Self {
        Self(Arc::new(Inner { kind, operation, message: message.into(), source: None }))
    }

    /// Returns an error that was caused by `source`.
    #[must_use]
    pub fn caused(
        kind: ErrorKind,
        operation: &'static str,
        message: impl Into<String>,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self(Arc::new(Inner { kind, operation, message: message.into(), source: Some(source.into()) }))
    }

    /// Returns the kind.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the operation that failed: `"get"`, `"put"`, `"load"`, ...
    #[must_use]
    pub fn operation(&self) -> &'static str {
        self.0.operation
    }

    /// Whether the same call may succeed if it is made again later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.0.kind.is_retryable()
    }

    /// Returns the error of the driver or source that caused this one. Its text is part of the text of this
    /// error, which is why [`source`](StdError::source) returns the source of the cause.
    #[must_use]
    pub fn cause(&self) -> Option<&(dyn StdError + Send + Sync + 'static)> {
        self.0.source.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.operation, self.0.message)?;
        match &self.0.source {
            Some(source) => write!(f, ": {source}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}({self})", self.0.kind)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().and_then(StdError::source)
    }
}
