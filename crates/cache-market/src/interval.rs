//! The span that one bar covers.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::Invalid;

/// How much time one bar covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Interval {
    /// One trading day.
    #[default]
    #[serde(rename = "1d")]
    Day,
}

impl Interval {
    /// The name: `"1d"`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "1d",
        }
    }
}

impl FromStr for Interval {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "1d" => Ok(Self::Day),
            _ => {
                let start: String = text.chars().take(16).collect();
                Err(Invalid::new(format!("the interval {start:?} is not offered: bars are daily, say 1d")))
            }
        }
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
