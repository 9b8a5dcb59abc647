//! What can be said of a provider: who it is, in which order it is asked, and how much may be asked of it.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

/// One source of data. The one of the lowest priority is asked first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderSettings {
    /// What it is called in statistics. Default: its kind.
    #[serde(default)]
    pub name: Option<String>,
    /// Whom it speaks to.
    pub kind: ProviderKind,
    /// When it is asked: those of lower numbers first. Default 0.
    #[serde(default)]
    pub priority: i32,
    /// Where it is, if not where its kind is by default.
    #[serde(default)]
    pub base_url: Option<String>,
    /// Where its key is.
    #[serde(default)]
    pub key: Option<KeySource>,
    /// How many calls it may be sent.
    #[serde(default)]
    pub quota: QuotaSettings,
    /// How often a call that failed is repeated.
    #[serde(default)]
    pub retry: RetrySettings,
    /// When it is left alone.
    #[serde(default)]
    pub breaker: BreakerSettings,
    /// What only its kind knows of.
    #[serde(default)]
    pub options: BTreeMap<String, serde_json::Value>,
}

impl ProviderSettings {
    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(self.kind.as_str())
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

/// Where a provider's key is. The key itself is in no configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeySource {
    /// In this variable of the environment.
    Env(String),
    /// In this file, which holds nothing else.
    File(PathBuf),
}

/// How many calls may be sent. Left out: as many as its kind allows by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QuotaSettings {
    /// In a second.
    pub per_second: Option<u32>,
    /// In a minute.
    pub per_minute: Option<u32>,
    /// In a day.
    pub per_day: Option<u32>,
}

/// How often a call that failed is repeated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetrySettings {
    /// How many more calls follow the first. Default 2.
    pub attempts: u32,
    /// How long before the first of them, in milliseconds; each further one waits twice as long. Default 200.
    pub pause_ms: u64,
}

impl Default for RetrySettings {
    fn default() -> Self {
        Self { attempts: 2, pause_ms: 200 }
    }
}

/// When a provider is left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BreakerSettings {
    /// After how many failures in a row. Default 5.
    pub failures: u32,
    /// For how long, in seconds. Default 30.
    pub pause: u64,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self { failures: 5, pause: 30 }
    }
}
