//! Errors of providers, by what can be done about them.

use std::{error::Error as StdError, fmt, time::Duration};

use cache_core::{Error, ErrorKind};

use crate::{DataType, Invalid};

/// The failure of a provider. Its message names the provider and never shows an API key.
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
/// let error = Error::from(error);
/// assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Unavailable, pause));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderError {
    kind: ProviderErrorKind,
    message: String,
}

/// The kinds of failure of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderErrorKind {
    /// The upstream throttles this client, and may have said for how long it wants no calls.
    Throttled {
        /// The upstream's `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// The upstream refuses this client: its API key is missing, wrong, or lacks the permission.
    Refused,
    /// The upstream can't be reached.
    Unreachable,
    /// The upstream did not answer in time.
    TimedOut,
    /// The upstream reported a failure of its own, as by a status of 500 and above.
    Broken,
    /// The upstream rejected the request, as by a status of 400.
    BadRequest,
    /// The response can't be parsed, or doesn't match the request.
    BadAnswer,
    /// The provider doesn't offer such data.
    NotOffered,
    /// The call was not made: the provider's quota is used up, it asked for a pause, or its breaker is open.
    HeldBack {
        /// How long until a call can be made, if known.
        wait: Option<Duration>,
    },
}

impl ProviderErrorKind {
    /// The name of the kind, without what it holds.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Throttled { .. } => "Throttled",
            Self::Refused => "Refused",
            Self::Unreachable => "Unreachable",
            Self::TimedOut => "TimedOut",
            Self::Broken => "Broken",
            Self::BadRequest => "BadRequest",
            Self::BadAnswer => "BadAnswer",
            Self::NotOffered => "NotOffered",
            Self::HeldBack { .. } => "HeldBack",
        }
    }

    /// Returns for how long the provider need not be asked again, if that is known.
    fn pause(self) -> Option<Duration> {
        match self {
            Self::Throttled { retry_after } => retry_after,
            Self::HeldBack { wait } => wait,
            Self::NotOffered => Some(Duration::MAX),
            _ => None,
        }
    }
}

impl ProviderError {
    /// A failure; the message should say which provider failed, at what, and with which value.
    #[must_use]
    pub fn new(kind: ProviderErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    pub(crate) fn not_offered(provider: &str, data: DataType) -> Self {
        Self::new(ProviderErrorKind::NotOffered, format!("{provider} offers no {data}"))
    }

    /// The kind of failure.
    #[must_use]
    pub fn kind(&self) -> ProviderErrorKind {
        self.kind
    }

    /// Returns the message.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Combines this failure with that of the next provider that was asked.
    pub(crate) fn and(self, next: Self) -> Self {
        // The outcome of a call says more than that no call was made.
        let kind = match self.kind {
            ProviderErrorKind::HeldBack { .. } | ProviderErrorKind::NotOffered => next.kind,
            // Another might have answered what this one rejected.
            ProviderErrorKind::BadRequest if next.kind != ProviderErrorKind::NotOffered => next.kind,
            told => told,
        };
        // The key need not be left alone for longer than until one of them can be asked again.
        let pause = self.kind.pause().zip(next.kind.pause()).map(|(one, other)| one.min(other));
        let kind = match kind {
            ProviderErrorKind::Throttled { .. } => ProviderErrorKind::Throttled { retry_after: pause },
            ProviderErrorKind::HeldBack { .. } => ProviderErrorKind::HeldBack { wait: pause },
            other => other,
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

impl From<Invalid> for ProviderError {
    /// An answer that can't be what it should, as in `Document::of(asset, &body)?`; a registry adds the provider's
    /// name. A parameter that can't be is no fault of an answer: make it a `BadRequest`.
    fn from(invalid: Invalid) -> Self {
        Self::new(ProviderErrorKind::BadAnswer, invalid.to_string())
    }
}

impl From<ProviderError> for Error {
    fn from(error: ProviderError) -> Self {
        let kind = match error.kind {
            ProviderErrorKind::Throttled { .. }
            | ProviderErrorKind::Unreachable
            | ProviderErrorKind::HeldBack { .. } => ErrorKind::Unavailable,
            ProviderErrorKind::TimedOut => ErrorKind::Timeout,
            // Whoever asked has to ask for something else: the same fails again.
            ProviderErrorKind::BadRequest | ProviderErrorKind::NotOffered => ErrorKind::Config,
            ProviderErrorKind::Refused | ProviderErrorKind::Broken | ProviderErrorKind::BadAnswer => {
                ErrorKind::Load
            }
        };
        let told = Self::new(kind, "load", error.to_string());
        match error.kind {
            ProviderErrorKind::Throttled { retry_after: Some(pause) } => told.with_retry_after(pause),
            _ => told,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ProviderErrorKind::*, *};

    #[test]
    fn a_request_is_at_fault_only_if_no_other_provider_might_have_answered_it() {
        for (one, other, kind) in [
            (BadRequest, BadRequest, ErrorKind::Config),
            (BadRequest, NotOffered, ErrorKind::Config),
            (NotOffered, BadRequest, ErrorKind::Config),
            (NotOffered, NotOffered, ErrorKind::Config),
            (NotOffered, Unreachable, ErrorKind::Unavailable),
            (BadRequest, Unreachable, ErrorKind::Unavailable),
            (BadRequest, HeldBack { wait: None }, ErrorKind::Unavailable),
            (BadRequest, TimedOut, ErrorKind::Timeout),
            (TimedOut, BadRequest, ErrorKind::Timeout),
            (BadRequest, Broken, ErrorKind::Load),
        ] {
            let error = ProviderError::new(one, "a").and(ProviderError::new(other, "b"));
            assert_eq!(Error::from(error).kind(), kind, "{one:?}, {other:?}");
        }
    }

    #[test]
    fn several_providers_ask_for_a_pause_only_until_one_of_them_can_be_asked() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        for (one, other, pause) in [
            (Throttled { retry_after: seconds(60) }, Throttled { retry_after: seconds(30) }, seconds(30)),
            (HeldBack { wait: seconds(1) }, Throttled { retry_after: seconds(60) }, seconds(1)),
            (Throttled { retry_after: seconds(60) }, HeldBack { wait: seconds(1) }, seconds(1)),
            (Throttled { retry_after: seconds(60) }, NotOffered, seconds(60)),
            (NotOffered, Throttled { retry_after: seconds(60) }, seconds(60)),
            (Throttled { retry_after: seconds(60) }, Broken, None),
            (HeldBack { wait: None }, Throttled { retry_after: seconds(60) }, None),
            (Broken, Throttled { retry_after: seconds(60) }, None),
        ] {
            let error = ProviderError::new(one, "a").and(ProviderError::new(other, "b"));
            assert_eq!(Error::from(error).retry_after(), pause, "{one:?}, {other:?}");
        }
    }
}
