//! Why a text can't be read as what it should be.

use std::{error::Error as StdError, fmt};

use cache_core::{Error, ErrorKind};

/// A text that is no symbol, interval or series: the message names it, says why, and what is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid(String);

impl Invalid {
    /// A text that can't be read; the message should name it, say why, and what is wanted.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Invalid {}

impl From<market_calendar::Error> for Invalid {
    fn from(error: market_calendar::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<Invalid> for Error {
    fn from(invalid: Invalid) -> Self {
        Self::new(ErrorKind::Config, "parse", invalid.0)
    }
}
