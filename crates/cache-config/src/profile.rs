//! Profile: development or production; selects defaults.

use serde::{Deserialize, Serialize};

/// Development or production. It selects defaults and changes nothing else.
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
    /// A developer's machine: small defaults.
    #[default]
    Development,
    /// A machine that runs only this program.
    Production,
}

impl Profile {
    /// Returns the value for this profile.
    pub fn choose<T>(self, development: T, production: T) -> T {
        match self {
            Self::Development => development,
            Self::Production => production,
        }
    }
}
