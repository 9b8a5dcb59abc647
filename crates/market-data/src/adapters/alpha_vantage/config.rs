//! The configuration of the adapter of Alpha Vantage.

use serde::{Deserialize, Serialize};

use crate::{HttpSettings, SecretSource};

/// The configuration of [`AlphaVantageProvider`](crate::AlphaVantageProvider).
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
    /// Its name in statistics and values. Default: `alpha_vantage`.
    #[serde(default = "name")]
    pub name: String,
    /// Where the key is kept.
    pub key: SecretSource,
    /// The URL of the API. Default: `https://www.alphavantage.co`.
    #[serde(default = "base_url")]
    pub base_url: String,
    /// Whether to ask for whole series. If not, a series is the latest 100 bars, and a range that begins
    /// before them fails. Default: no, since not every key allows it.
    #[serde(default)]
    pub full: bool,
    /// Whether to ask for adjusted closes of daily bars. Default: no, since not every key allows it.
    #[serde(default)]
    pub adjusted: bool,
    /// HTTP settings.
    #[serde(default)]
    pub http: HttpSettings,
}

impl AlphaVantageConfig {
    /// The defaults, with the API key from `key`.
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
