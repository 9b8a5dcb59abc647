//! A tiered cache: values in memory, behind it any tiers, behind them a source that is slow, limited
//! or paid for, and is asked as seldom as can be.
//!
//! ```
//! use cache_facade::{Cache, Memory};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> cache_facade::Result<()> {
//! let cache = Cache::builder().memory(Memory::mib(16)).build().await?;
//! let prices = cache.region::<f64>("price").ttl("1m").stale_for("10m").open()?;
//!
//! let price = prices.get_or_load("AAPL", || async { 190.5 }).await?;
//! assert_eq!(*price, 190.5);
//! assert_eq!(prices.peek("AAPL").as_deref(), Some(&190.5));
//! # Ok(())
//! # }
//! ```
//!
//! A [`Cache`] holds the tiers. A [`Region`] is the typed handle to the values of one kind: it has their TTL,
//! codec and [`Loader`]. Callers that miss the same key at once share one load. A value past its life and within
//! its grace is returned at once and refreshed in the background, or after [`Policy::soft_timeout`]; if the load
//! fails, it stands in. What was removed or invalidated is not served again, whatever load was under way. The
//! project's `docs/architecture.md` lists each promise with its tests. After the features and the glossary, the
//! [cookbook] has an example for each task, and the project's `examples` are whole programs.
//!
#![doc = include_str!("../docs/features.md")]
#![doc = include_str!("../docs/glossary.md")]

mod answer;
mod builder;
mod cache;
mod computed;
#[cfg(feature = "config")]
pub mod config;
pub mod cookbook;
mod engine;
mod inspect;
mod invalidation;
mod load;
#[cfg(feature = "macros")]
pub mod macro_support;
mod panics;
mod policy;
mod read;
mod region;
mod region_builder;
mod region_core;
mod settings;
mod sources {
    //! What tiers come from, and warming.

    #[cfg(feature = "disk")]
    mod disk;
    #[cfg(feature = "postgres")]
    mod postgres;
    #[cfg(feature = "redis")]
    mod redis;
    pub(crate) mod tier_source;
    #[cfg(feature = "warming")]
    mod warming;
}
mod stats;
mod tier;
mod timer;
mod write;

pub use answer::{Lookup, Source};
pub use async_trait::async_trait;
pub use builder::CacheBuilder;
pub use cache::Cache;
#[cfg(feature = "analytics")]
pub use cache_analytics as analytics;
#[cfg(feature = "config")]
pub use cache_config::section;
pub use cache_core::{
    Bus, ByDisplay, Bytes, CacheFigures, Class, Clock, Codec, Entry, Error, ErrorKind, Event, Fetched, Fill,
    Freshness, FromId, GivenTtl, IdText, Jitter, Key, Lease, ListCursor, ListItem, ListPage, Lives, Loaded,
    Loader, Marked, Meta, MissReason, Observer, OpenCall, Operation, Outcome, Pattern, Prefix, PutOutcome,
    Refresh, Refreshed, Removal, Request, Result, Tag, Target, Tier, TierExt, Timestamp, ToId, ToKey,
    Tombstone, Tombstones, TrialMemory, Ttl, TtlPolicy, Warm, WrittenKey, id_parts,
};
#[cfg(feature = "disk")]
pub use cache_disk as disk;
#[cfg(feature = "redis")]
pub use cache_l1_redis as redis;
#[cfg(feature = "postgres")]
pub use cache_l2_pg as postgres;
#[cfg(feature = "macros")]
pub use cache_macros::{FromId, ToKey, cached, invalidates, updates};
pub use cache_memory::{Eviction, EvictionCause, Evictions, HotKey, Memory, MemoryBuilder, MemoryStats};
#[cfg(feature = "warming")]
pub use cache_warming as warming;
pub use computed::{Completed, Inputs};
pub use engine::MemoryMode;
pub use inspect::{
    key_page::{KeyPage, PassedOver},
    key_report::{HeldEntry, HeldInTier, Judgement, KeyReport},
    removed::Removed,
    selection::{RemovalCount, Selection},
};
pub use invalidation::bus_client::OnBusLoss;
pub use load::{
    loaders::into_loaded::{IntoLoaded, MaybeValue},
    warm::{KeepFresh, Warmed},
};
pub use policy::Policy;
pub use read::wanted::{AnyWanted, WantedKeys};
pub use region::{Cacheable, Op, Region, Updated};
pub use region_builder::RegionBuilder;
pub use settings::value_codec::Storable;
pub use settings::{
    span::IntoSpan,
    ttl::{ByClass, ByPolicy, ByText, IntoTtl, RegionTtl},
};
pub use stats::{BusStats, Health, RegionStats, Stats, TierHealth, TierStats};
pub use tier::{
    byte_store::{ByteStore, ByteStoreTier},
    copies::TierCopies,
    guard::{Guard, GuardSettings},
};

/// The front page's examples.
#[cfg(all(doctest, feature = "disk", feature = "macros", feature = "postgres", feature = "redis"))]
#[doc = include_str!("../../../README.md")]
struct FrontPage;

/// The examples of the guide to shared tiers.
#[cfg(all(doctest, feature = "redis", feature = "postgres", feature = "config"))]
#[doc = include_str!("../../../docs/guide/shared-tiers.md")]
struct SharedTiers;

/// The examples of the guide to warming.
#[cfg(all(doctest, feature = "warming"))]
#[doc = include_str!("../../../docs/guide/warming.md")]
struct WarmingGuide;

/// The examples of the guide to analytics.
#[cfg(all(doctest, feature = "analytics"))]
#[doc = include_str!("../../../docs/guide/analytics.md")]
struct AnalyticsGuide;

/// The examples of the guide for those who know other caches.
#[cfg(all(doctest, feature = "macros"))]
#[doc = include_str!("../../../docs/guide/coming-from.md")]
struct ComingFrom;
