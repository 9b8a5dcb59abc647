//! What can be said of a provider: who it is, where, and how it is treated.

use std::collections::BTreeMap;

use market_data::{DataType, Market, ProviderSettings, Quota, SecretSource};
use serde::{Deserialize, Serialize};

/// One source of data, in the order of its priority. How it is treated has the names, meanings and defaults of
/// [`ProviderSettings`].
///
/// ```
/// use cache_server::{ProviderEntry, ProviderKind};
///
/// let entry: ProviderEntry = serde_json::from_str(r#"{"kind": "yahoo", "priority": 1, "retries": 0}"#)?;
/// assert_eq!((entry.name(), entry.kind), ("yahoo", ProviderKind::Yahoo));
/// assert_eq!((entry.treatment().priority, entry.treatment().timeout_ms), (1, 5000));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderEntry {
    /// What it is called in statistics. Default: its kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whom it speaks to.
    pub kind: ProviderKind,
    /// Where it is, if not where its kind is by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// Where its key is: `{env: NAME}` or `{file: PATH}`. The key itself is in no configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<SecretSource>,
    /// What only its kind knows of.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, serde_json::Value>,
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
    /// As [`ProviderSettings::breaker_failures`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breaker_failures: Option<u32>,
    /// As [`ProviderSettings::breaker_pause_ms`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breaker_pause_ms: Option<u64>,
}

impl ProviderEntry {
    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(self.kind.as_str())
    }

    /// How a registry is to treat it.
    #[must_use]
    pub fn treatment(&self) -> ProviderSettings {
        let usual = ProviderSettings::default();
        ProviderSettings {
            priority: self.priority,
            data: self.data.clone(),
            markets: self.markets.clone(),
            next_if_unknown: self.next_if_unknown,
            quota: self.quota,
            timeout_ms: self.timeout_ms.unwrap_or(usual.timeout_ms),
            retries: self.retries.unwrap_or(usual.retries),
            backoff_ms: self.backoff_ms.unwrap_or(usual.backoff_ms),
            backoff_max_ms: self.backoff_max_ms.unwrap_or(usual.backoff_max_ms),
            breaker_failures: self.breaker_failures.unwrap_or(usual.breaker_failures),
            breaker_pause_ms: self.breaker_pause_ms.unwrap_or(usual.breaker_pause_ms),
        }
    }
}

/// Whom a provider speaks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    /// Nobody: it replays recorded days.
    Replay,
    /// Yahoo.
    Yahoo,
    /// OANDA.
    Oanda,
    /// Alpha Vantage.
    AlphaVantage,
    /// Any service that answers in JSON.
    Json,
    /// Files of comma-separated values.
    Csv,
}

impl ProviderKind {
    /// The name: `replay`, `yahoo`, `oanda`, `alpha_vantage`, `json`, `csv`.
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
