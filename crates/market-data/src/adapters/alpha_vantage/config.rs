//! How Alpha Vantage is spoken to.

use serde::{Deserialize, Serialize};

use crate::{HttpSettings, SecretSource};

/// How [`AlphaVantageProvider`](crate::AlphaVantageProvider) speaks to Alpha Vantage.
///
/// ```
/// use market_data::AlphaVantageConfig;
///
/// let config: AlphaVantageConfig = serde_json::from_str(r#"{"key": {"file": "/run/secrets/alpha_vantage"}}"#)?;
/// assert!(!config.full && !config.adjusted);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlphaVantageConfig {
    /// What it is called in statistics and answers. Default: `alpha_vantage`.
    #[serde(default = "name")]
    pub name: String,
    /// Where the key is kept.
    pub key: SecretSource,
    /// Where the API is. Default: `https://www.alphavantage.co`.
    #[serde(default = "base_url")]
    pub base_url: String,
    /// Whether a series is asked for as a whole. If not, it is the latest 100 bars, and a range that begins before
    /// them is a failure. Default: no, for some keys aren't good for it.
    #[serde(default)]
    pub full: bool,
    /// Whether daily bars have adjusted closes, for which some keys aren't good. Default: no.
    #[serde(default)]
    pub adjusted: bool,
    /// The limits of its calls.
    #[serde(default)]
    pub http: HttpSettings,
}

impl AlphaVantageConfig {
    /// The key that is kept there, and the defaults for the rest.
    #[must_use]
    pub fn new(key: SecretSource) -> Self {
        Self {
            name: name(),
            key,
            base_url: base_url(),
            full: false,
            adjusted: false,
            http: HttpSettings::default(),
        }
    }
}

fn name() -> String {
    "alpha_vantage".to_owned()
}

fn base_url() -> String {
    "https://www.alphavantage.co".to_owned()
}
