//! Errors about bodies, which repeat little of them.

use std::fmt;

use crate::{Invalid, parse::start_of};

/// What is wrong with a body, and where in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ParseError(String);

impl ParseError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// A body, or the part of one that is called `what`, is not the JSON it should be.
    pub(crate) fn json(what: &str, error: &serde_json::Error) -> Self {
        Self::text(what, &error.to_string())
    }

    /// A message from an upstream about `what`: its beginning, on one line.
    pub(crate) fn text(what: &str, said: &str) -> Self {
        let said: String =
            said.chars().take(200).map(|char| if char.is_control() { ' ' } else { char }).collect();
        Self(format!("{what}: {}", said.trim()))
    }

    /// The body has a name that was not asked for.
    pub(crate) fn name(what: &str, found: &str) -> Self {
        Self(format!("{what} {:?} was not asked for", start_of(found)))
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ParseError {}

impl From<Invalid> for ParseError {
    fn from(invalid: Invalid) -> Self {
        Self::new(invalid.to_string())
    }
}
