//! Market data for a tiered cache: what a symbol, a quote and a series of bars are, and where they
//! come from.
//!
//! A [`Provider`] is an upstream, asked in batches. [`QuoteLoader`] and [`SeriesLoader`] make a
//! cache's loaders of one. [`ReplayProvider`] is an upstream that needs no network: it replays
//! recorded daily bars of real symbols, as slowly and as unreliably as it is told to.
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

mod asset;
mod bar;
mod calendar;
mod data_type;
mod date;
mod interval;
mod invalid;
mod loader;
mod market;
mod provider;
mod quote;
mod replay;
mod symbol;
mod version;

pub use asset::{Asset, AssetType};
pub use bar::{Bar, Series, SeriesId};
pub use calendar::{Calendar, Calendars, Phase, Session, SessionKind};
pub use data_type::DataType;
pub use interval::Interval;
pub use invalid::Invalid;
pub use jiff::civil::Date;
pub use loader::{QuoteLoader, SeriesLoader};
pub use market::Market;
pub use provider::{Provider, Usage};
pub use quote::Quote;
pub use replay::{Faults, Replay, ReplayProvider};
pub use symbol::Symbol;
