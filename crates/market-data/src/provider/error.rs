//! Why a provider did not answer, told apart by what can be done about it.

use std::{error::Error as StdError, fmt, time::Duration};

use cache_core::{Error, ErrorKind};

use crate::DataType;

/// Why a provider did not answer. The message names the provider, and never a key of its API.
///
/// ```
/// use std::time::Duration;
/// use cache_core::{Error, ErrorKind};
/// use market_data::{ProviderErrorKind, ProviderError};
///
/// let pause = Some(Duration::from_secs(30));
/// let error = ProviderError::new(ProviderErrorKind::Throttled { retry_after: pause }, "yahoo answered 429");
/// assert!(error.is_transient());
/// assert_eq!(error.to_string(), "yahoo answered 429: it asks for no call within 30 s");
/// assert_eq!(Error::from(error).kind(), ErrorKind::Unavailable);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderError {
    kind: ProviderErrorKind,
    message: String,
}

/// The ways in which a provider may fail to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderErrorKind {
    /// Too many calls: none is welcome before this has passed, if it said how long.
    Throttled {
        /// The upstream's `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// The upstream refuses this client: its key is missing, wrong, or not good for what was asked.
    Refused,
    /// The upstream can't be reached.
    Unreachable,
    /// The upstream did not answer in time.
    TimedOut,
    /// The upstream says that it failed, as by a status of 500 and above.
    Broken,
    /// The request makes no sense to the upstream, as by a status of 400.
    BadRequest,
    /// The answer can't be read, or is not the one to what was asked.
    BadAnswer,
    /// The provider doesn't offer such data.
    NotOffered,
    /// The call was not made: the provider's quota is used up, or it is left alone after failures.
    HeldBack {
        /// After how long it would be made, if that is known.
        wait: Option<Duration>,
    },
}

impl ProviderError {
    /// A failure; the message says who failed, at what, and with which value.
    #[must_use]
    pub fn new(kind: ProviderErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    pub(crate) fn not_offered(provider: &str, data: DataType) -> Self {
        Self::new(ProviderErrorKind::NotOffered, format!("{provider} offers no {data}"))
    }

    /// In which way it failed.
    #[must_use]
    pub fn kind(&self) -> ProviderErrorKind {
        self.kind
    }

    /// Returns what was said about it.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// This failure, and then that of the next who was asked.
    pub(crate) fn and(self, next: Self) -> Self {
        // That nobody was called says less than what came of a call.
        let kind = match self.kind {
            ProviderErrorKind::HeldBack { .. } | ProviderErrorKind::NotOffered => next.kind,
            told => told,
        };
        Self { kind, message: format!("{}; {}", self.message, next.message) }
    }

    /// Returns whether the same call may succeed when made again a little later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self.kind {
            ProviderErrorKind::Throttled { .. }
            | ProviderErrorKind::Unreachable
            | ProviderErrorKind::TimedOut
            | ProviderErrorKind::Broken
            | ProviderErrorKind::HeldBack { .. } => true,
            ProviderErrorKind::Refused
            | ProviderErrorKind::BadRequest
            | ProviderErrorKind::BadAnswer
            | ProviderErrorKind::NotOffered => false,
        }
    }
}

impl fmt::Display for ProviderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match self.kind {
            ProviderErrorKind::Throttled { retry_after: Some(pause) } => {
                write!(f, ": it asks for no call within {} s", pause.as_secs_f64().ceil())
            }
            ProviderErrorKind::HeldBack { wait: Some(wait) } => {
                write!(f, ": the next call goes out in {} s", wait.as_secs_f64().ceil())
            }
            _ => Ok(()),
        }
    }
}

impl StdError for ProviderError {}

impl From<ProviderError> for Error {
    fn from(error: ProviderError) -> Self {
        let kind = match error.kind {
            ProviderErrorKind::Throttled { .. }
            | ProviderErrorKind::Unreachable
            | ProviderErrorKind::HeldBack { .. } => ErrorKind::Unavailable,
            ProviderErrorKind::TimedOut => ErrorKind::Timeout,
            ProviderErrorKind::Refused
            | ProviderErrorKind::Broken
            | ProviderErrorKind::BadRequest
            | ProviderErrorKind::BadAnswer
            | ProviderErrorKind::NotOffered => ErrorKind::Load,
        };
        Self::new(kind, "load", error.to_string())
    }
}
