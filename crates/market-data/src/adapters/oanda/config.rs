//! The configuration of the adapter of OANDA.

use serde::{Deserialize, Serialize};

use super::CandlePrice;
use crate::{HttpSettings, SecretSource};

/// The configuration of [`OandaProvider`](crate::OandaProvider).
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
    /// Its name in statistics and values. Default: `oanda`.
    #[serde(default = "name")]
    pub name: String,
    /// The account whose prices are asked for: `101-004-1234567-001`.
    pub account: String,
    /// Where the token is kept.
    pub token: SecretSource,
    /// The URL of the API. Default: `https://api-fxtrade.oanda.com`; that of practice accounts is
    /// `https://api-fxpractice.oanda.com`.
    #[serde(default = "base_url")]
    pub base_url: String,
    /// How many prices one call may ask for, 1 to 500. Default: 100.
    #[serde(default = "max_batch")]
    pub max_batch: usize,
    /// The price that candles are made of. Default: `mid`.
    #[serde(default)]
    pub candles: CandlePrice,
    /// Whether to include the candle whose time isn't over yet. Default: no.
    #[serde(default)]
    pub unfinished: bool,
    /// HTTP settings.
    #[serde(default)]
    pub http: HttpSettings,
}

impl OandaConfig {
    /// The defaults, with this account and its token.
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
