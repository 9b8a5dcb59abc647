//! A tiered cache: values in memory, behind it any tiers, behind them a source that is slow, limited
//! or paid for, and is asked as seldom as can be.
//!
//! ```
//! use std::time::Duration;
//! use cache_facade::{Cache, Memory, Ttl};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> cache_facade::Result<()> {
//! let cache = Cache::builder().memory(Memory::mib(16)).build().await?;
//! let prices = cache
//!     .region::<f64>("price")
//!     .ttl(Ttl::new(Duration::from_secs(60)).grace(Duration::from_secs(600)))
//!     .open()?;
//!
//! let price = prices.get_or_load("AAPL", || async { Ok::<_, std::io::Error>(190.5) }).await?;
//! assert_eq!(price.as_deref(), Some(&190.5));
//! assert_eq!(prices.peek("AAPL").as_deref(), Some(&190.5));
//! # Ok(())
//! # }
//! ```
//!
//! What is promised about freshness, single flight and races stands in `docs/architecture.md`.

mod answer;
mod builder;
mod cache;
#[cfg(feature = "config")]
pub mod config;
mod engine;
mod invalidation;
mod load;
#[cfg(feature = "macros")]
pub mod macro_support;
mod policy;
mod read;
mod region;
mod region_builder;
mod stats;
mod tier;
mod timer;
mod write;

pub use answer::{Lookup, Source};
pub use builder::CacheBuilder;
pub use cache::Cache;
#[cfg(feature = "config")]
pub use cache_config::section;
pub use cache_core::{
    Bus, Clock, Codec, Error, ErrorKind, Event, Fetched, Freshness, Jitter, Key, Lease, Loaded, Loader,
    Observer, Pattern, Prefix, Refresh, Request, Result, Tag, Tier, Timestamp, ToKey, Ttl, TtlPolicy,
};
#[cfg(feature = "disk")]
pub use cache_disk as disk;
#[cfg(feature = "redis")]
pub use cache_l1_redis as redis;
#[cfg(feature = "postgres")]
pub use cache_l2_pg as postgres;
#[cfg(feature = "macros")]
pub use cache_macros::{cached, invalidates};
pub use cache_memory::{Eviction, Evictions, HotKey, Memory, MemoryBuilder, MemoryStats};
pub use engine::MemoryMode;
pub use invalidation::bus_client::OnBusLoss;
pub use policy::Policy;
pub use region::{Cacheable, Region};
pub use region_builder::RegionBuilder;
pub use stats::{BusStats, Health, Stats, TierHealth, TierStats};
pub use tier::guard::{Guard, GuardSettings};

/// The examples of the project's front page.
#[cfg(all(doctest, feature = "disk", feature = "macros"))]
#[doc = include_str!("../../../README.md")]
struct FrontPage;
