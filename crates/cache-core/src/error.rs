//! The error of the workspace: its kind, the operation that failed, a message and a source.

use std::{convert::Infallible, error::Error as StdError, fmt, iter::successors, sync::Arc, time::Duration};

use serde::{Serialize, Serializer};

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

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    operation: &'static str,
    message: String,
    source: Option<Arc<dyn StdError + Send + Sync>>,
    retry_after: Option<Duration>,
    forbids_stale: bool,
}

/// The kinds of errors. Absence is not among them: a key that does not exist is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
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
        Self(Arc::new(Inner {
            kind,
            operation,
            message: message.into(),
            source: None,
            retry_after: None,
            forbids_stale: false,
        }))
    }

    /// Returns an error that was caused by `source`. What an error of the cache among the causes says about
    /// [retries](Self::with_retry_after) and [stale values](Self::forbid_stale), this one says too.
    #[must_use]
    pub fn caused(
        kind: ErrorKind,
        operation: &'static str,
        message: impl Into<String>,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        let source: Box<dyn StdError + Send + Sync> = source.into();
        let within = Self::within(&*source);
        let (retry_after, forbids_stale) =
            within.map_or((None, false), |within| (within.retry_after(), within.forbids_stale()));
        let source = Some(Arc::from(source));
        Self(Arc::new(Inner { kind, operation, message: message.into(), source, retry_after, forbids_stale }))
    }

    /// Returns the first error of the cache among an error and its sources. It is found, too, where something that
    /// passes its text and its sources on as its own is around it, as `anyhow::Error`, an `io::Error`, or a
    /// transparent variant of thiserror.
    ///
    /// ```
    /// use std::io;
    /// use cache_core::{Error, ErrorKind};
    ///
    /// let withdrawn = Error::new(ErrorKind::Config, "load", "withdrawn").forbid_stale();
    /// let found = Error::within(&io::Error::other(withdrawn)).unwrap();
    /// assert!(found.forbids_stale() && found.kind() == ErrorKind::Config);
    /// ```
    #[must_use]
    pub fn within(error: &(dyn StdError + 'static)) -> Option<Self> {
        successors(Some(error), |error| (*error).source()).find_map(|error| {
            let inner = || error.downcast_ref::<Inner>().map(|inner| Self(Arc::new(inner.clone())));
            error.downcast_ref::<Self>().cloned().or_else(inner)
        })
    }

    /// Returns the same with the pause that the source asks for, such as HTTP's `Retry-After`. The cache does not
    /// load the key again for so long, at most an hour, in place of the region's throttle; without a value in
    /// grace, reads of the key get this error meanwhile. A refresh that is asked for loads it all the same.
    ///
    /// ```
    /// use std::time::Duration;
    /// use cache_core::{Error, ErrorKind};
    ///
    /// let error = Error::new(ErrorKind::Unavailable, "load", "quotes.example answered 429");
    /// let error = error.with_retry_after(Duration::from_secs(30));
    /// let wrapped = Error::caused(ErrorKind::Load, "load", "no quote of AAPL", error);
    /// assert_eq!(wrapped.retry_after(), Some(Duration::from_secs(30)));
    /// ```
    #[must_use]
    pub fn with_retry_after(mut self, pause: Duration) -> Self {
        Arc::make_mut(&mut self.0).retry_after = Some(pause);
        self
    }

    /// Returns the same, as an error in whose place no cached value may be served: the source says that the value
    /// was withdrawn, or is forbidden. The callers of a load that fails with it get the error even if there is a
    /// value in grace, and what was cached of the key before the load began is ended, in every tier.
    ///
    /// ```
    /// use cache_core::{Error, ErrorKind};
    ///
    /// let error = Error::new(ErrorKind::Load, "load", "the licence for XNYS has ended").forbid_stale();
    /// assert!(error.forbids_stale());
    /// ```
    #[must_use]
    pub fn forbid_stale(mut self) -> Self {
        Arc::make_mut(&mut self.0).forbids_stale = true;
        self
    }

    /// Returns how long the source wants not to be asked again, if it said so.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Whether no cached value may be served in place of this error.
    #[must_use]
    pub fn forbids_stale(&self) -> bool {
        self.0.forbids_stale
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
    /// error, which is why a walk over [`source`](StdError::source)s does not meet it: the first of these tells
    /// the kind of this error, and the next is the source of the cause.
    #[must_use]
    pub fn cause(&self) -> Option<&(dyn StdError + Send + Sync + 'static)> {
        self.0.source.as_deref()
    }
}

impl From<Infallible> for Error {
    /// So that what can't fail may be given where something that can is converted.
    fn from(never: Infallible) -> Self {
        match never {}
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

/// As its text.
impl Serialize for Error {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}({self})", self.0.kind)
    }
}

impl StdError for Error {
    /// Tells the kind. By it [`Error::within`] finds an error whose wrapper passes on nothing but its sources.
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.0)
    }
}

impl fmt::Display for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an error of the kind {:?}", self.kind)
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl StdError for Inner {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().and_then(StdError::source)
    }
}

/// Returns the innermost cause of an error, which as a rule says more than those around it.
///
/// ```
/// use std::io;
/// use cache_core::{Error, ErrorKind, root_cause};
///
/// let refused = io::Error::other("connection refused");
/// let error = Error::caused(ErrorKind::Unavailable, "load", "quotes.example can't be reached", refused);
/// assert_eq!(root_cause(&error).to_string(), "connection refused");
///
/// // An error without a cause is its own.
/// let error = Error::new(ErrorKind::Limit, "put", "the value is too large");
/// assert_eq!(root_cause(&error).to_string(), "put: the value is too large");
/// ```
#[must_use]
pub fn root_cause<'a>(error: &'a (dyn StdError + 'static)) -> &'a (dyn StdError + 'static) {
    successors(Some(error), |error| cause_of(*error)).last().unwrap_or(error)
}

/// Returns the cause of an error: one of this crate has it in its text, and its sources do without.
fn cause_of<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    let own = error.downcast_ref::<Error>().map(|error| &*error.0).or_else(|| error.downcast_ref::<Inner>());
    match own {
        Some(own) => own.source.as_deref().map(|cause| cause as &(dyn StdError + 'static)),
        // A wrapper whose last source is the kind of an error says more than the kind.
        None => error
            .source()
            .filter(|source| source.downcast_ref::<Inner>().is_none_or(|inner| inner.source.is_some())),
    }
}
