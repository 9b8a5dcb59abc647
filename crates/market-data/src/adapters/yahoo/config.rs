//! The configuration of the adapter of Yahoo Finance.

use serde::{Deserialize, Serialize};

use crate::HttpSettings;

/// The configuration of [`YahooProvider`](crate::YahooProvider), which needs no API key.
///
/// ```
/// use market_data::YahooConfig;
///
/// let config: YahooConfig = serde_json::from_str(r#"{"max_batch": 20, "http": {"timeout_ms": 5000}}"#)?;
/// assert_eq!((config.max_batch, config.name.as_str()), (20, "yahoo"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct YahooConfig {
    /// Its name in statistics and values. Default: `yahoo`.
    pub name: String,
    /// The URL of charts and quotes. Default: `https://query2.finance.yahoo.com`.
    pub base_url: String,
    /// The URL that sets the cookie which quotes need. Default: `https://fc.yahoo.com`.
    pub cookie_url: String,
    /// How many quotes one call may ask for, 1 to 50. Default: 50.
    pub max_batch: usize,
    /// HTTP settings. The user agent is a browser's by default, since Yahoo throttles others at once.
    pub http: HttpSettings,
}

impl YahooConfig {
    /// The most quotes that one call may ask for.
    pub const MOST: usize = 50;
}

impl Default for YahooConfig {
    fn default() -> Self {
        Self {
            name: "yahoo".to_owned(),
            base_url: "https://query2.finance.yahoo.com".to_owned(),
            cookie_url: "https://fc.yahoo.com".to_owned(),
            max_batch: Self::MOST,
            http: HttpSettings::default(),
        }
    }
}
