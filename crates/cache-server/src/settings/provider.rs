//! ProviderEntry: one entry of the setting `providers`.

use std::collections::BTreeMap;

use cache_config::YamlValue;
use market_data::{DataType, Market, ProviderSettings, Quota, SecretSource};
use serde::{Deserialize, Deserializer, Serialize, de::Error};

/// How a configuration says where a key is.
pub(crate) const KEY_FORM: &str = "key: {env: NAME} or key: {file: PATH}";

/// One provider of data. The fields of [`ProviderSettings`] have the same names, meanings and defaults here.
///
/// ```
/// use cache_server::{ProviderEntry, ProviderKind};
///
/// let entry: ProviderEntry = serde_json::from_str(r#"{"kind": "yahoo", "priority": 1, "retries": 0}"#)?;
/// assert_eq!((entry.name(), entry.kind), ("yahoo", ProviderKind::Yahoo));
/// assert_eq!((entry.provider_settings().priority, entry.provider_settings().timeout_ms), (1, 5000));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderEntry {
    /// The name in statistics. Default: the kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Which API or source it uses.
    pub kind: ProviderKind,
    /// The base URL of its API. Default: its kind's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// Where its API key is: `{env: NAME}` or `{file: PATH}`. A configuration never has the key itself.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "key_source")]
    pub key: Option<SecretSource>,
    /// The options of its kind.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, YamlValue>,
    /// As [`ProviderSettings::priority`].
    #[serde(default)]
    pub priority: i32,
    /// As [`ProviderSettings::data`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Vec<DataType>>,
    /// As [`ProviderSettings::markets`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub markets: Option<Vec<Market>>,
    /// As [`ProviderSettings::next_if_unknown`].
    #[serde(default)]
    pub next_if_unknown: bool,
    /// As [`ProviderSettings::quota`].
    #[serde(default)]
    pub quota: Quota,
    /// What a call costs, in any currency, for the report of what is spent and saved. Left out: nothing, if
    /// that of another is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_per_call: Option<f64>,
    /// As [`ProviderSettings::timeout_ms`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// As [`ProviderSettings::retries`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<u32>,
    /// As [`ProviderSettings::backoff_ms`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backoff_ms: Option<u64>,
    /// As [`ProviderSettings::backoff_max_ms`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backoff_max_ms: Option<u64>,
    /// As [`ProviderSettings::retry_after_max_ms`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_max_ms: Option<u64>,
    /// As [`ProviderSettings::breaker_failures`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breaker_failures: Option<u32>,
    /// As [`ProviderSettings::breaker_pause_ms`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breaker_pause_ms: Option<u64>,
}

impl ProviderEntry {
    /// Returns its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(self.kind.as_str())
    }

    /// Returns its settings in a registry.
    #[must_use]
    pub fn provider_settings(&self) -> ProviderSettings {
        let defaults = ProviderSettings::default();
        ProviderSettings {
            priority: self.priority,
            data: self.data.clone(),
            markets: self.markets.clone(),
            next_if_unknown: self.next_if_unknown,
            quota: self.quota,
            timeout_ms: self.timeout_ms.unwrap_or(defaults.timeout_ms),
            retries: self.retries.unwrap_or(defaults.retries),
            backoff_ms: self.backoff_ms.unwrap_or(defaults.backoff_ms),
            backoff_max_ms: self.backoff_max_ms.unwrap_or(defaults.backoff_max_ms),
            retry_after_max_ms: self.retry_after_max_ms.unwrap_or(defaults.retry_after_max_ms),
            breaker_failures: self.breaker_failures.unwrap_or(defaults.breaker_failures),
            breaker_pause_ms: self.breaker_pause_ms.unwrap_or(defaults.breaker_pause_ms),
        }
    }
}

/// Reads where a key is. Whatever else is given may be the key itself, so the error repeats none of it.
fn key_source<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretSource>, D::Error> {
    Option::deserialize(deserializer).map_err(|_| D::Error::custom(format!("give {KEY_FORM}")))
}

/// The API or source of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    /// A replay of recorded days.
    Replay,
    /// Yahoo.
    Yahoo,
    /// OANDA.
    Oanda,
    /// Alpha Vantage.
    AlphaVantage,
    /// Any JSON API.
    Json,
    /// Files of comma-separated values.
    Csv,
}

impl ProviderKind {
    /// Returns the name: `replay`, `yahoo`, `oanda`, `alpha_vantage`, `json`, `csv`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Replay => "replay",
            Self::Yahoo => "yahoo",
            Self::Oanda => "oanda",
            Self::AlphaVantage => "alpha_vantage",
            Self::Json => "json",
            Self::Csv => "csv",
        }
    }
}
