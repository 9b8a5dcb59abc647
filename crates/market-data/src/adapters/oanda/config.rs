//! How OANDA is spoken to.

use serde::{Deserialize, Serialize};

use super::CandlePrice;
use crate::{HttpSettings, SecretSource};

/// How [`OandaProvider`](crate::OandaProvider) speaks to OANDA's v20 API.
///
/// ```
/// use market_data::OandaConfig;
///
/// let config: OandaConfig = serde_json::from_str(
///     r#"{"account": "101-004-1234567-001", "token": {"env": "OANDA_TOKEN"}, "candles": "bid"}"#,
/// )?;
/// assert_eq!(config.max_batch, 100);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OandaConfig {
    /// What it is called in statistics and answers. Default: `oanda`.
    #[serde(default = "name")]
    pub name: String,
    /// The account whose prices are asked for: `101-004-1234567-001`.
    pub account: String,
    /// Where the token is kept.
    pub token: SecretSource,
    /// Where the API is. Default: `https://api-fxtrade.oanda.com`; the practice accounts' is
    /// `https://api-fxpractice.oanda.com`.
    #[serde(default = "base_url")]
    pub base_url: String,
    /// How many prices one call may ask for, 1 to 500. Default: 100.
    #[serde(default = "max_batch")]
    pub max_batch: usize,
    /// Of which prices candles are made. Default: `mid`.
    #[serde(default)]
    pub candles: CandlePrice,
    /// Whether the candle whose time is not over yet is answered too. Default: no.
    #[serde(default)]
    pub unfinished: bool,
    /// The limits of its calls.
    #[serde(default)]
    pub http: HttpSettings,
}

impl OandaConfig {
    /// An account, the token of which is kept there, and the defaults for the rest.
    #[must_use]
    pub fn new(account: impl Into<String>, token: SecretSource) -> Self {
        Self {
            name: name(),
            account: account.into(),
            token,
            base_url: base_url(),
            max_batch: max_batch(),
            candles: CandlePrice::default(),
            unfinished: false,
            http: HttpSettings::default(),
        }
    }
}

fn name() -> String {
    "oanda".to_owned()
}

fn base_url() -> String {
    "https://api-fxtrade.oanda.com".to_owned()
}

fn max_batch() -> usize {
    100
}
