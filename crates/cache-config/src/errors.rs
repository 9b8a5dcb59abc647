//! ConfigErrors: everything that is wrong with a configuration, reported at once.

use std::fmt;

use crate::values::Origin;

/// How many errors are kept. Further ones are counted.
const MAX_ERRORS: usize = 100;
/// How many characters of a name or a value an error repeats.
const MAX_ECHO_CHARS: usize = 64;

/// All errors of a configuration, each with its origin and its remedy, one a line in `Display`. Of more than
/// 100 the first 100 are kept, and a last one says how many more there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigErrors {
    errors: Vec<String>,
    /// The last line, if there are more than are kept.
    more: Option<String>,
    count: usize,
}

impl ConfigErrors {
    /// The errors, each as one text.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.errors.iter().chain(&self.more).map(String::as_str)
    }

    /// Adds an error found at `origin`.
    pub fn add(&mut self, origin: &Origin, error: impl fmt::Display) {
        self.count += 1;
        if self.is_full() {
            self.more = Some(format!("and {} more errors: mend these first", self.count - MAX_ERRORS));
        } else {
            self.errors.push(format!("{origin}: {error}"));
        }
    }

    /// Returns how many errors there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Whether further errors are only counted.
    pub(crate) fn is_full(&self) -> bool {
        self.count > MAX_ERRORS
    }

    /// Returns `value` if there are no errors.
    ///
    /// # Errors
    ///
    /// These errors, if there are any.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.count == 0 { Ok(value) } else { Err(self) }
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iter().collect::<Vec<_>>().join("\n"))
    }
}

/// Returns the start of a text, to repeat in an error.
pub(crate) fn shortened(text: &str) -> String {
    let mut start: String = text.chars().take(MAX_ECHO_CHARS).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    start
}

impl std::error::Error for ConfigErrors {}
