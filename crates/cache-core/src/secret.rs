//! A text that is never shown in logs.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A password, a key, or another text that must not be in a log. Its `Debug` shows nothing of it.
///
/// ```
/// use cache_core::Secret;
///
/// let url = Secret::from("redis://app:hunter2@cache");
/// assert_eq!(format!("{url:?}"), "…");
/// assert!(url.reveal().contains("hunter2"));
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(Box<str>);

impl Secret {
    /// Returns the text, for the one place that uses it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn debug_does_not_show_it() {
        assert_eq!(format!("{:?}", Some(Secret::from("hunter2"))), "Some(…)");
    }
}
