//! What a process is run for, which some defaults go by.

use serde::{Deserialize, Serialize};

/// What a process is run for. It changes defaults and nothing else.
///
/// ```
/// use cache_config::Profile;
///
/// assert_eq!(Profile::default().choose(64, 256), 64);
/// assert_eq!(Profile::Production.choose(64, 256), 256);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// On a desk: little memory, little disk.
    #[default]
    Development,
    /// On a machine of its own.
    Production,
}

impl Profile {
    /// The one for this profile.
    pub fn choose<T>(self, development: T, production: T) -> T {
        match self {
            Self::Development => development,
            Self::Production => production,
        }
    }
}
