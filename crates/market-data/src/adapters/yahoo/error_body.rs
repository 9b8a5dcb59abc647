//! Error bodies of Yahoo: `{"code": "Not Found", "description": "..."}`.

use serde::Deserialize;

use crate::parse::ParseError;

/// The `error` of a body.
#[derive(Debug, Deserialize)]
pub(super) struct ErrorBody {
    code: String,
    description: Option<String>,
}

/// The part of a body that holds a result, an error, or neither.
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

    /// Returns whether the symbol is known but has no data in the range.
    pub(super) fn is_empty_range(&self) -> bool {
        self.description.as_deref().is_some_and(|text| text.starts_with("Data doesn't exist for startDate"))
    }

    pub(super) fn parse_error(&self) -> ParseError {
        ParseError::text(&self.code, self.description.as_deref().unwrap_or("no description"))
    }
}
