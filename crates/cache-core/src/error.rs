//! One error: what kind it is, what was being done, what was wrong, and what lay under it.

use std::{error::Error as StdError, fmt, sync::Arc};

/// The result of every operation in the workspace.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, while doing what. Cheap to clone, so that one failed load answers every waiter.
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

/// The kinds of failure. Absence is not among them: a key that isn't there is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// A setting or an argument can't be honoured as it was given.
    Config,
    /// A key, a value or a queue is larger than its stated limit.
    Limit,
    /// A value could not be encoded, or does not survive its codec.
    Codec,
    /// Stored bytes are not what was written: truncated, altered, foreign, or of another schema.
    Corrupt,
    /// No answer within the time allowed.
    Timeout,
    /// A tier can't be reached or is held off by its guard.
    Unavailable,
    /// A storage medium refused a write: full, read-only or failing.
    Storage,
    /// A loader failed or panicked.
    Load,
    /// The cache is shutting down.
    Closed,
}

impl ErrorKind {
    /// Whether the same call may succeed if made again later, as it is.
    #[must_use]
    pub fn is_retryable(self) -> bool {
        match self {
            Self::Timeout | Self::Unavailable | Self::Storage | Self::Load => true,
            Self::Config | Self::Limit | Self::Codec | Self::Corrupt | Self::Closed => false,
        }
    }
}

impl Error {
    /// An error of `kind`, met while doing `operation`; the message says what, with which value.
    #[must_use]
    pub fn new(kind: ErrorKind, operation: &'static str, message: impl Into<String>) -> Self {
        Self(Arc::new(Inner { kind, operation, message: message.into(), source: None }))
    }

    /// The same, caused by `source`.
    #[must_use]
    pub fn caused(
        kind: ErrorKind,
        operation: &'static str,
        message: impl Into<String>,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self(Arc::new(Inner { kind, operation, message: message.into(), source: Some(source.into()) }))
    }

    /// The kind of failure, from which all else about it follows.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What was being done: `"get"`, `"put"`, `"load"`, ...
    #[must_use]
    pub fn operation(&self) -> &'static str {
        self.0.operation
    }

    /// Whether the same call may succeed if made again later, as it is.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.0.kind.is_retryable()
    }

    /// What lay under it, for a look at the error of a driver or source. Its text is part of this
    /// error's own, which is why `source` leads past it.
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
