//! A text that may hold a password, and is not shown.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A text that may hold a password: its `Debug` doesn't show it.
///
/// ```
/// use cache_facade::config::Secret;
///
/// let url = Secret::from("redis://app:hunter2@cache");
/// assert_eq!(format!("{url:?}"), "Secret(hidden)");
/// assert!(url.reveal().contains("hunter2"));
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret(String);

impl Secret {
    /// The text itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}
