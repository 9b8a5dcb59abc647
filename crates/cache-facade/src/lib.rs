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
//! project's `docs/architecture.md` lists each promise with its tests. After the glossary, the
//! [cookbook](#cookbook) has an example for each task.
//!
#![doc = include_str!("../docs/glossary.md")]
//! # Cookbook
//! Each example is compiled and run with the crate's tests; those that need a server are only compiled.
//!
//! ## Memory only
//! ```
//! use cache_facade::{Cache, Eviction, Memory};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> cache_facade::Result<()> {
//! let memory = Memory::builder().mib(256).eviction(Eviction::Lru);
//! let cache = Cache::builder().memory(memory).build().await?;
//! let names = cache.region::<String>("name").open()?;
//!
//! names.put("AAPL", "Apple Inc.".to_owned()).await?;
//! assert_eq!(names.get("AAPL").await?.as_deref(), Some(&"Apple Inc.".to_owned()));
//! # Ok(())
//! # }
//! ```
//!
//! ## Read through, with a closure
//! [`Region::get_or_load`] runs the closure on a miss, in a task of its own: it owns what it uses (`'static`).
//! What it returns may carry its own TTL, tags and etag ([`Fetched`]), or say that there is no such key
//! ([`Loaded::Absent`]), which is cached for the span `negative` and, without that setting, not at all.
//!
//! ```
//! use std::{io, time::Duration};
//! use cache_facade::{Cache, Fetched, Loaded, Ttl};
//!
//! async fn ask(symbol: String) -> io::Result<Loaded<f64>> {
//!     Ok(match symbol.as_str() {
//!         "AAPL" => Fetched::new(190.5).ttl(Ttl::new(Duration::from_secs(5))).into(),
//!         _ => Loaded::Absent,
//!     })
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> cache_facade::Result<()> {
//! let cache = Cache::builder().build().await?;
//! let prices = cache.region::<f64>("price").negative(Duration::from_secs(30)).open()?;
//! for (symbol, price) in [("AAPL", Some(&190.5)), ("NOPE", None), ("AAPL", Some(&190.5)), ("NOPE", None)] {
//!     let owned = symbol.to_owned();
//!     assert_eq!(prices.get_or_load(symbol, || ask(owned)).await?.as_deref(), price);
//! }
//! assert_eq!(cache.stats().loads, 2);
//! # Ok(())
//! # }
//! ```
//!
//! ## Read through, with a loader
//! A region with a [`Loader`] needs no closure at each call. A loader is asked in batches, and answers key by
//! key: a value, absent, not modified since the etag that it is given, or failed.
//!
//! ```
//! use cache_facade::{Cache, Error, ErrorKind, Fetched, Loaded, Loader, Request, Result};
//!
//! struct Upstream;
//!
//! #[async_trait::async_trait]
//! impl Loader<f64> for Upstream {
//!     fn max_batch(&self) -> usize {
//!         50
//!     }
//!
//!     async fn load(&self, requests: &[Request<f64>]) -> Result<Vec<Loaded<f64>>> {
//!         let one = |request: &Request<f64>| match (request.key.id(), request.etag.as_deref()) {
//!             ("AAPL", Some("v1")) => Loaded::not_modified(),
//!             ("AAPL", _) => Fetched::new(190.5).etag("v1").into(),
//!             ("HALT", _) => Loaded::Failed(Error::new(ErrorKind::Load, "load", "HALT: no price today")),
//!             _ => Loaded::Absent,
//!         };
//!         Ok(requests.iter().map(one).collect())
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<()> {
//! let cache = Cache::builder().build().await?;
//! let prices = cache.region::<f64>("price").loader(Upstream).open()?;
//! assert_eq!(prices.get("AAPL").await?.as_deref(), Some(&190.5));
//! assert!(prices.get("HALT").await.is_err() && prices.refresh(&["AAPL"]).await?.loaded == 1);
//! # Ok(())
//! # }
//! ```
//!
//! ## Many keys at once
//! [`Region::get_many`] asks each tier once for all keys, and the loader in as few calls as `max_batch` allows.
//! [`RegionBuilder::batch_window`] does the same for callers that know nothing of each other: their misses wait
//! that long for others. [`Region::lookup_many`] tells the outcome of each key apart, with its source and age.
//!
//! ```
//! # use std::time::Duration;
//! # use cache_facade::{Cache, Loaded, Loader, Request, Result};
//! # struct Lengths;
//! # #[async_trait::async_trait]
//! # impl Loader<usize> for Lengths {
//! #     fn max_batch(&self) -> usize { 50 }
//! #     async fn load(&self, requests: &[Request<usize>]) -> Result<Vec<Loaded<usize>>> {
//! #         Ok(requests.iter().map(|request| request.key.id().len().into()).collect())
//! #     }
//! # }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<()> {
//! # let cache = Cache::builder().build().await?;
//! let window = Duration::from_millis(2);
//! let lengths = cache.region::<usize>("length").loader(Lengths).batch_window(window).open()?;
//! lengths.put_many([("A", 1), ("AA", 2)]).await?;
//! assert_eq!(lengths.get_many(&["A", "AA", "AAPL", "AMZN"]).await?.len(), 4);
//! let (tesla, ibm) = tokio::join!(lengths.get("TSLA"), lengths.get("IBM"));
//! assert_eq!((tesla?.as_deref(), ibm?.as_deref()), (Some(&4), Some(&3)));
//! assert_eq!((cache.stats().loads, cache.stats().loaded_keys), (2, 4));
//! # Ok(())
//! # }
//! ```
//!
//! ## Tags and invalidation
//! A tag invalidates entries across regions. A pattern removes keys by name. `clear` ends a region, or the whole
//! cache. All three hold in every tier, and for loads that are under way.
//!
//! ```
//! use cache_facade::{Cache, Fetched, Pattern, Tag};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> cache_facade::Result<()> {
//! let cache = Cache::builder().build().await?;
//! let prices = cache.region::<f64>("price").open()?;
//! let apple = Tag::new("AAPL")?;
//! prices.put("AAPL:yahoo", Fetched::new(190.5).tag(apple.clone())).await?;
//! prices.put("MSFT:yahoo", 330.0).await?;
//!
//! cache.invalidate(&apple).await?;
//! assert_eq!(prices.get("AAPL:yahoo").await?, None);
//! cache.remove_matching(&Pattern::glob("price:MSFT:*")?).await?;
//! assert_eq!(prices.get("MSFT:yahoo").await?, None);
//! prices.clear().await?;
//! # Ok(())
//! # }
//! ```
//!
//! ## A tier that survives a restart
//! Tiers are given in the order in which they are asked. Feature `disk`.
//!
#![cfg_attr(feature = "disk", doc = "```")]
#![cfg_attr(not(feature = "disk"), doc = "```ignore")]
//! use cache_facade::{Cache, Memory, disk::{DiskConfig, DiskTier}};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> cache_facade::Result<()> {
//! # let folder = tempfile::tempdir().unwrap();
//! # let folder = folder.path();
//! for start in ["first", "second"] {
//!     let disk = DiskTier::open(DiskConfig::new(folder).max_bytes(1 << 30))?;
//!     let cache = Cache::builder().memory(Memory::mib(64)).tier(disk).build().await?;
//!     let prices = cache.region::<f64>("price").open()?;
//!     if start == "first" {
//!         prices.put("AAPL", 190.5).await?;
//!     }
//!     let found = prices.lookup("AAPL").await?;
//!     assert_eq!(found.source.as_str(), if start == "first" { "memory" } else { "disk" });
//!     cache.shutdown(std::time::Duration::from_secs(5)).await?;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! ## Several nodes
//! Nodes share what one of them loaded through Redis, and keep it in PostgreSQL. By the bus they learn of each
//! other's writes; by the lease one of them loads a key. A tier that may hang belongs in a [`Guard`]. A disk is
//! given as a [`local_tier`](CacheBuilder::local_tier) then. Features `redis` and `postgres`.
//!
#![cfg_attr(all(feature = "redis", feature = "postgres"), doc = "```no_run")]
#![cfg_attr(not(all(feature = "redis", feature = "postgres")), doc = "```ignore")]
//! use cache_facade::{Cache, Clock, Guard, GuardSettings, postgres::{PgConfig, Postgres}};
//! use cache_facade::redis::{Redis, RedisConfig};
//!
//! # async fn start() -> cache_facade::Result<Cache> {
//! let clock = Clock::system();
//! let redis = Redis::new(RedisConfig::parse("redis://127.0.0.1:6379")?, clock.clone())?;
//! let postgres = Postgres::new(PgConfig::new("postgres://127.0.0.1:5432/cache")?, clock.clone())?;
//! Cache::builder()
//!     .namespace("md")
//!     .clock(clock)
//!     .tier(Guard::new(redis.tier(), GuardSettings::default()))
//!     .tier(Guard::new(postgres.tier(), GuardSettings::default()))
//!     .bus(redis.bus("market"))
//!     .lease(redis.lease())
//!     .build()
//!     .await
//! # }
//! ```
//!
//! ## A cached function
//! The body runs on a miss, once for all concurrent callers; the arguments are the key. Feature `macros`, see
//! `cached` for its options.
//!
#![cfg_attr(feature = "macros", doc = "```")]
#![cfg_attr(not(feature = "macros"), doc = "```ignore")]
//! use cache_facade::{Cache, Error, cached, invalidates};
//!
//! #[cached(region = "name", ttl = "1h", grace = "1d", key = "{id}", tags("user:{id}"))]
//! async fn name(cache: &Cache, id: u64) -> Result<String, Error> {
//!     Ok(format!("user {id}"))
//! }
//!
//! #[invalidates(tags("user:{id}"))]
//! async fn rename(cache: &Cache, id: u64, name: &str) -> Result<(), Error> {
//!     println!("user {id} is called {name}");
//!     Ok(())
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Error> {
//! let cache = Cache::builder().build().await?;
//! assert_eq!(name(&cache, 7).await?, "user 7");
//! rename(&cache, 7, "Ada").await
//! # }
//! ```
//!
//! ## A tier of your own
//! A [`Tier`] has five methods, over batches; a wrapper forwards all of them. The project's
//! `docs/guide/write-a-tier.md` writes a whole tier, and runs on it the suite that every tier passes.
//! ```
//! use cache_core::{Entry, Key, PutOutcome, Result, Target, Tier, Tombstone};
//!
//! /// Logs what a tier is asked for.
//! #[derive(Debug)]
//! struct Logged<T>(T);
//!
//! #[async_trait::async_trait]
//! impl<T: Tier> Tier for Logged<T> {
//!     fn name(&self) -> &'static str {
//!         self.0.name()
//!     }
//!
//!     async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Entry>>> {
//!         println!("get {keys:?}");
//!         self.0.get(keys).await
//!     }
//!
//!     async fn put(&self, entries: &[(Key, Entry)]) -> Result<Vec<PutOutcome>> {
//!         self.0.put(entries).await
//!     }
//!
//!     async fn remove(&self, target: Target<'_>, tombstone: Tombstone) -> Result<u64> {
//!         self.0.remove(target, tombstone).await
//!     }
//!
//!     async fn flush(&self) -> Result<()> {
//!         self.0.flush().await
//!     }
//! }
//! ```
//!
//! ## An observer of your own
//! An [`Observer`] is called in the middle of reads and writes: it counts, or hands the event on, and returns.
//!
//! ```
//! use std::sync::{Arc, atomic::{AtomicU64, Ordering}};
//! use cache_facade::{Cache, Event, Observer};
//!
//! #[derive(Clone, Debug, Default)]
//! struct Misses(Arc<AtomicU64>);
//!
//! impl Observer for Misses {
//!     fn on(&self, event: &Event<'_>) {
//!         if matches!(event, Event::Miss { .. }) {
//!             self.0.fetch_add(1, Ordering::Relaxed);
//!         }
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> cache_facade::Result<()> {
//! let misses = Misses::default();
//! let cache = Cache::builder().observer(misses.clone()).build().await?;
//! cache.region::<f64>("price").open()?.get("AAPL").await?;
//! assert_eq!(misses.0.load(Ordering::Relaxed), 1);
//! # Ok(())
//! # }
//! ```
//!
//! ## Tests that turn the clock
//! A cache on [`Clock::manual`] ages only when the test says so. Here a value becomes stale: a loader would renew
//! it in the background, or while the read waits, if [`RegionBuilder::soft_timeout`] is set.
//! ```
//! use std::time::Duration;
//! use cache_facade::{Cache, Clock, Ttl};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> cache_facade::Result<()> {
//! let clock = Clock::manual();
//! let cache = Cache::builder().clock(clock.clone()).build().await?;
//! let ttl = Ttl::new(Duration::from_secs(60)).grace(Duration::from_secs(600));
//! let prices = cache.region::<f64>("price").ttl(ttl).open()?;
//! prices.put("AAPL", 190.5).await?;
//!
//! clock.advance(Duration::from_secs(61));
//! let found = prices.lookup("AAPL").await?;
//! assert!(found.stale && found.age >= Duration::from_secs(61));
//! # Ok(())
//! # }
//! ```
//!
//! ## From configuration
//! Memory, tiers, bus and lease from YAML, the environment and flags, with all errors at once. Feature `config`.
//!
#![cfg_attr(feature = "config", doc = "```no_run")]
#![cfg_attr(not(feature = "config"), doc = "```ignore")]
//! use std::{env, path::Path};
//! use cache_facade::{Cache, CacheBuilder, Clock, config::CacheConfig};
//!
//! # async fn start() -> cache_facade::Result<Cache> {
//! let config = CacheConfig::from_file(Path::new("cache.yaml"), env::vars())?;
//! CacheBuilder::from_config(&config, Clock::system())?.build().await
//! # }
//! ```

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
mod panics;
mod policy;
mod read;
mod region;
mod region_builder;
mod region_core;
mod stats;
mod tier;
mod timer;
mod write;

pub use answer::{Lookup, Source};
pub use async_trait::async_trait;
pub use builder::CacheBuilder;
pub use cache::Cache;
#[cfg(feature = "config")]
pub use cache_config::section;
pub use cache_core::{
    Bus, ByDisplay, Clock, Codec, Error, ErrorKind, Event, Fetched, Freshness, FromId, IdText, Jitter, Key,
    Lease, Loaded, Loader, Observer, Pattern, Prefix, Refresh, Refreshed, Request, Result, Tag, Tier,
    Timestamp, ToId, ToKey, Ttl, TtlPolicy, WrittenKey, id_parts,
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
pub use engine::MemoryMode;
pub use invalidation::bus_client::OnBusLoss;
pub use load::{
    outcome::{Answer, IntoLoaded},
    warm::{KeepFresh, Warmed},
};
pub use policy::Policy;
pub use region::{Cacheable, Op, Region, Updated};
pub use region_builder::RegionBuilder;
pub use stats::{BusStats, Health, Stats, TierHealth, TierStats};
pub use tier::copies::TierCopies;
pub use tier::guard::{Guard, GuardSettings};
pub use write::value_codec::Storable;

/// The front page's examples.
#[cfg(all(doctest, feature = "disk", feature = "macros"))]
#[doc = include_str!("../../../README.md")]
struct FrontPage;
