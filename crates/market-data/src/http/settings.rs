//! The HTTP settings of an adapter, as configured.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::http::HttpClientConfig;

/// The HTTP settings of an adapter: the section `http` of a provider's configuration.
///
/// ```
/// use market_data::HttpSettings;
///
/// let settings: HttpSettings = serde_json::from_str(r#"{"timeout_ms": 2500}"#)?;
/// assert_eq!((settings.timeout_ms, settings.max_body_mib), (2500, 16));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpSettings {
    /// How long a call may take as a whole, in milliseconds. Default: 10,000.
    pub timeout_ms: u64,
    /// How long connecting may take, in milliseconds. Default: 3,000.
    pub connect_timeout_ms: u64,
    /// The largest body, decompressed, in MiB. Default: 16.
    pub max_body_mib: usize,
    /// The most values of JSON in a body: a small body can hold many, and each takes far more memory than bytes.
    /// Default: 500,000.
    pub max_items: usize,
    /// The `User-Agent` header. Default: the adapter's own.
    pub user_agent: Option<String>,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            timeout_ms: 10_000,
            connect_timeout_ms: 3_000,
            max_body_mib: 16,
            max_items: 500_000,
            user_agent: None,
        }
    }
}

impl HttpSettings {
    /// Returns the settings of a client of the API at `base_url`.
    pub(crate) fn settings(&self, base_url: &str) -> HttpClientConfig {
        let usual = HttpClientConfig::new(base_url);
        HttpClientConfig {
            timeout: Duration::from_millis(self.timeout_ms),
            connect_timeout: Duration::from_millis(self.connect_timeout_ms),
            max_body: self.max_body_mib.saturating_mul(1 << 20),
            max_items: self.max_items,
            user_agent: self.user_agent.clone().unwrap_or(usual.user_agent),
            base_url: usual.base_url,
        }
    }
}
