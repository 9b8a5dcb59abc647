//! ConfigErrors: everything that is wrong with a configuration, reported at once.

use std::fmt;

use crate::values::Origin;

/// All errors of a configuration, each with its origin and its remedy, one a line in `Display`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigErrors(Vec<String>);

impl ConfigErrors {
    /// The errors, each as one text.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Adds an error found at `origin`.
    pub fn add(&mut self, origin: &Origin, error: impl fmt::Display) {
        self.0.push(format!("{origin}: {error}"));
    }

    /// Returns `value` if there are no errors.
    ///
    /// # Errors
    ///
    /// These errors, if there are any.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for ConfigErrors {}
