//! Market data for a tiered cache: what an asset, a quote and a series of bars are, and where they
//! come from.
//!
//! A [`Provider`] is an upstream, asked in batches. [`QuoteLoader`], [`SeriesLoader`] and
//! [`DocumentLoader`] make a cache's loaders of one. [`ReplayProvider`] is an upstream that needs no network: it replays
//! recorded daily bars of real symbols, as slowly and as unreliably as it is told to. Real upstreams are
//! [`YahooProvider`], [`OandaProvider`], [`AlphaVantageProvider`], any JSON API by [`JsonProvider`] and folders of
//! files by [`CsvProvider`]; an [`Adapter`] is one of them as it is configured.
//!
//! ```
//! use std::{sync::Arc, time::Duration};
//! use cache_core::{Clock, Key, Loaded, Loader, Request};
//! use cache_market::{QuoteLoader, Replay, ReplayProvider};
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
//! # runtime.block_on(async {
//! let replay = Replay { latency: Duration::ZERO, ..Replay::default() };
//! let provider = Arc::new(ReplayProvider::new(replay, Clock::system())?);
//! let request = Request { key: Key::new("price", "AAPL")?, etag: None };
//!
//! let answers = QuoteLoader::new(provider).load(&[request]).await?;
//! let Loaded::Value(fresh) = &answers[0] else { panic!("AAPL is recorded") };
//! assert_eq!(fresh.value.price, 164.050003);
//! # Ok::<(), cache_core::Error>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod adapter;
mod alpha_vantage;
mod answer;
mod asset;
mod bar;
mod candle;
mod csv_folder;
mod data_type;
mod date;
mod datum;
mod document;
mod events;
mod figure;
mod flaw;
mod gathered;
#[cfg(test)]
mod hostile;
pub mod http;
mod http_limits;
mod interval;
mod json;
mod key;
mod loader;
mod moment;
mod oanda;
mod offer;
mod provider;
mod provider_error;
mod quote;
mod quoted;
mod recent;
mod registry;
mod replay;
mod secret;
mod series;
mod steady;
mod symbol;
mod tape;
mod ttl;
mod version;
mod volatility;
mod yahoo;

pub use adapter::Adapter;
pub use alpha_vantage::{AlphaVantageConfig, AlphaVantageProvider};
pub use answer::Answer;
pub use asset::{Asset, AssetType};
pub use bar::{Bar, BarTime};
pub use csv_folder::{CsvConfig, CsvProvider, RowFaults};
pub use data_type::DataType;
pub use datum::SCHEMA;
pub use document::{Document, DocumentId};
pub use events::{Effect, EventKind, EventRules, MarketEvent, Priced, Touch, Watched};
pub use http_limits::HttpLimits;
pub use interval::Interval;
pub use jiff::civil::Date;
pub use json::{JsonConfig, JsonDocuments, JsonKey, JsonProvider, JsonQuotes, JsonSeries, KeyPlace};
pub use key::{Digest, StandardKey, asset_tag, data_tag, user_tag};
pub use loader::{DocumentLoader, QuoteLoader, SeriesLoader};
pub use market_calendar::{Calendar, Calendars, Invalid, Market, Phase, Session, SessionKind};
pub use oanda::{CandlePrice, OandaConfig, OandaProvider};
pub use offer::Offer;
pub use provider::{Answers, Provider};
pub use provider_error::{Fault, ProviderError};
pub use quote::Quote;
pub use registry::{ProviderReport, ProviderSettings, ProviderUsage, Quota, Registry, RegistryBuilder};
pub use replay::{Faults, Replay, ReplayProvider, Usage};
pub use secret::{Secret, SecretSource};
pub use series::{DateRange, Series, SeriesId};
pub use symbol::Symbol;
pub use tape::Swing;
pub use ttl::{Changes, Class, Classes, Frequency, Life, MarketTime, MarketTtl, Row, Scope, TtlRules};
pub use volatility::{Calm, Step, Volatility};
pub use yahoo::{YahooConfig, YahooProvider};
