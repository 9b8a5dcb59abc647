//! Sessions, and the phases of a market within and between them.

use std::fmt;

use jiff::{Timestamp, civil::Date};

/// One trading day, from its open (included) to its close (excluded).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// The day it belongs to, on the exchange. It may open on the day before, as CME Globex does.
    pub date: Date,
    /// The first moment of trading.
    pub open: Timestamp,
    /// The first moment after trading.
    pub close: Timestamp,
    /// The first moment of the lunch break and the first one after it; `None` if there is none.
    pub lunch: Option<(Timestamp, Timestamp)>,
    /// Whether it is as long as usual, or shortened.
    pub kind: SessionKind,
}

impl Session {
    /// Returns whether `at` lies within the session, its lunch break included.
    #[must_use]
    pub fn contains(&self, at: Timestamp) -> bool {
        self.open <= at && at < self.close
    }
}

/// Whether a session is as long as usual, or shortened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionKind {
    /// The usual hours, or longer.
    Regular,
    /// It closes before the usual time.
    EarlyClose,
    /// It closes at the usual time or later, and opens after the usual one.
    LateOpen,
}

impl SessionKind {
    /// Returns the name as data files have it: empty for a regular session, `"early_close"`, `"late_open"`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Regular => "",
            Self::EarlyClose => "early_close",
            Self::LateOpen => "late_open",
        }
    }
}

/// What a market is doing at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// A session is under way.
    Open,
    /// The break within a session.
    Break,
    /// Extended hours before the open, where the exchange has them.
    Pre,
    /// Extended hours after the close, where the exchange has them.
    Post,
    /// The rest of a day that has a session.
    Closed,
    /// A day on which the market never trades, and without a session.
    Weekend,
    /// Any other day without a session.
    Holiday,
}

impl Phase {
    /// Returns the name: `"open"`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Break => "break",
            Self::Pre => "pre",
            Self::Post => "post",
            Self::Closed => "closed",
            Self::Weekend => "weekend",
            Self::Holiday => "holiday",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
