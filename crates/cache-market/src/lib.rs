//! Market data in a tiered cache: standard keys and tags, lives by market time, events, and loaders.
//!
//! [`QuoteLoader`], [`SeriesLoader`] and [`DocumentLoader`] make a cache's loaders of a
//! [`Provider`](market_data::Provider).
//!
//! ```
//! use std::{sync::Arc, time::Duration};
//! use cache_core::{Clock, Key, Loaded, Loader, Request};
//! use cache_market::QuoteLoader;
//! use market_data::{Replay, ReplayProvider};
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
//! # runtime.block_on(async {
//! let replay = Replay { latency: Duration::ZERO, ..Replay::default() };
//! let provider = Arc::new(ReplayProvider::new(replay, Clock::system())?);
//! let request = Request::new(Key::new("price", "AAPL")?);
//!
//! let answers = QuoteLoader::new(provider).load(&[request]).await?;
//! let Loaded::Value(fetched) = &answers[0] else { panic!("AAPL is recorded") };
//! assert_eq!(fetched.value.price, 164.050003);
//! # Ok::<(), cache_core::Error>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cached_provider;
mod events;
mod key;
mod loader;
mod price_tracker;
mod recent_map;
mod regions;
mod series;
mod ttl;
mod volatility;

pub use cached_provider::CachedProvider;
pub use events::{
    AnnouncedEvents, Announcement, Effect, EventId, EventKind, EventRules, MarketEvent, Priced, Touch,
    WatchedLoader, Withdrawal,
};
pub use key::{Digest, StandardKey, asset_tag, data_tag, user_tag};
pub use loader::{DocumentLoader, QuoteLoader, SeriesLoader};
pub use price_tracker::Swing;
pub use regions::{ComputedDocuments, MarketLookup, MarketPolicies, MarketRegions, MarketSettings};
pub use series::{SeriesPart, SeriesRules};
pub use ttl::{Changes, Frequency, Life, LifeClasses, MarketTime, MarketTtl, Row, Scope, TtlRules};
pub use volatility::{Calm, Step, Volatility};
