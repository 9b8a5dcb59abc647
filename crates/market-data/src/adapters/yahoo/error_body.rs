//! What Yahoo says in place of a result: `{"code": "Not Found", "description": "..."}`.

use serde::Deserialize;

use crate::parse::ParseError;

/// The `error` of a body, under whichever name its endpoint has.
#[derive(Debug, Deserialize)]
pub(super) struct ErrorBody {
    code: String,
    description: Option<String>,
}

/// A part of a body that holds a result, an error, or neither.
#[derive(Debug, Deserialize)]
pub(super) struct Outcome<T> {
    pub(super) result: Option<T>,
    pub(super) error: Option<ErrorBody>,
}

impl ErrorBody {
    /// Returns whether the symbol is unknown, or no longer listed.
    pub(super) fn is_unknown_symbol(&self) -> bool {
        self.code == "Not Found"
    }

    /// Returns whether the symbol is known but has nothing in the range that was asked for.
    pub(super) fn is_empty_range(&self) -> bool {
        self.description.as_deref().is_some_and(|text| text.starts_with("Data doesn't exist for startDate"))
    }

    pub(super) fn parse_error(&self) -> ParseError {
        ParseError::text(&self.code, self.description.as_deref().unwrap_or("no description"))
    }
}
