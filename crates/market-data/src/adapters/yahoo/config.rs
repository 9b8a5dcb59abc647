//! How Yahoo is spoken to.

use serde::{Deserialize, Serialize};

use crate::HttpSettings;

/// How [`YahooProvider`](crate::YahooProvider) speaks to Yahoo. It needs no key.
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
    /// What it is called in statistics and answers. Default: `yahoo`.
    pub name: String,
    /// Where charts and quotes are. Default: `https://query2.finance.yahoo.com`.
    pub base_url: String,
    /// What sets the cookie that quotes need. Default: `https://fc.yahoo.com`.
    pub cookie_url: String,
    /// How many quotes one call may ask for, 1 to 50. Default: 50.
    pub max_batch: usize,
    /// The limits of its calls. The user agent is a browser's if not said: others are throttled at once.
    pub http: HttpSettings,
}

impl YahooConfig {
    /// The most quotes that one call is known to answer.
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
