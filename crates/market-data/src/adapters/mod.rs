//! Adapters of upstream APIs, and their configuration.

pub(crate) mod alpha_vantage;
pub(crate) mod csv_folder;
pub(crate) mod json;
pub(crate) mod oanda;
mod parameters;
pub(crate) mod yahoo;

use std::{num::NonZeroU32, sync::Arc};

use cache_core::{Clock, Result};
use serde::{Deserialize, Serialize};

use crate::{
    AlphaVantageConfig, AlphaVantageProvider, CsvConfig, CsvProvider, JsonConfig, JsonProvider, OandaConfig,
    OandaProvider, Provider, Quota, YahooConfig, YahooProvider,
};

/// The configuration of a provider: its `kind`, and the settings of that kind.
///
/// ```
/// use cache_core::Clock;
/// use market_data::Adapter;
///
/// let adapter: Adapter = serde_json::from_str(r#"{"kind": "yahoo", "max_batch": 20}"#)?;
/// assert_eq!(adapter.open(Clock::system())?.name(), "yahoo");
/// let error = serde_json::from_str::<Adapter>(r#"{"kind": "yahoo", "max_bach": 20}"#).unwrap_err();
/// assert!(error.to_string().contains("max_bach"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Adapter {
    /// Yahoo Finance.
    Yahoo(YahooConfig),
    /// OANDA v20.
    Oanda(OandaConfig),
    /// Alpha Vantage.
    AlphaVantage(AlphaVantageConfig),
    /// Any JSON API.
    Json(Box<JsonConfig>),
    /// A folder of CSV files.
    Csv(CsvConfig),
}

impl Adapter {
    /// Opens the provider.
    ///
    /// # Errors
    ///
    /// `Config` for an invalid setting, with the name of its field.
    pub fn open(self, clock: Clock) -> Result<Arc<dyn Provider>> {
        Ok(match self {
            Self::Yahoo(config) => Arc::new(YahooProvider::new(config, clock)?),
            Self::Oanda(config) => Arc::new(OandaProvider::new(config, clock)?),
            Self::AlphaVantage(config) => Arc::new(AlphaVantageProvider::new(config, clock)?),
            Self::Json(config) => Arc::new(JsonProvider::new(&config, clock)?),
            Self::Csv(config) => Arc::new(CsvProvider::new(config)?),
        })
    }

    /// Returns the quota that the upstream grants, which holds where none is configured: 120 calls a second
    /// at OANDA; 5 a minute and 25 a day for a free key of Alpha Vantage; none is known of Yahoo.
    #[must_use]
    pub fn usual_quota(&self) -> Quota {
        match self {
            Self::Oanda(_) => Quota { per_second: NonZeroU32::new(120), ..Quota::default() },
            Self::AlphaVantage(_) => {
                Quota { per_minute: NonZeroU32::new(5), per_day: NonZeroU32::new(25), ..Quota::default() }
            }
            Self::Yahoo(_) | Self::Json(_) | Self::Csv(_) => Quota::default(),
        }
    }
}
