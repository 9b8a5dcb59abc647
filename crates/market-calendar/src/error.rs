//! The one error of this crate: what was wrong with which text, and in which line.

use std::{error::Error as StdError, fmt};

/// The result of an operation that fails with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A text that can't be read: the message names it, says why, and what is wanted.
///
/// ```
/// use market_calendar::{Calendars, ErrorKind};
///
/// let error = Calendars::builtin().extended("\nXNYS 2027-01-08 shut", "days.txt").unwrap_err();
/// assert_eq!((error.kind(), error.line()), (ErrorKind::InvalidDay, Some(2)));
/// assert!(error.to_string().starts_with("days.txt:2: "));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    line: Option<usize>,
    message: String,
}

/// What kind of problem an [`Error`] tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A text is no market code.
    InvalidMarket,
    /// A market has no calendar.
    UnknownMarket,
    /// A line about a day is malformed, contradicts another one, or doesn't fit the calendar.
    InvalidDay,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, line: None, message: message.into() }
    }

    pub(crate) fn on_line(self, line: usize) -> Self {
        Self { line: Some(line), ..self }
    }

    /// Returns the kind of problem.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Returns the line of the text, counted from 1, where one line is to blame. The message names it as well.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.line
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Error {}
