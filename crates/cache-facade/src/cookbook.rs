//! An example for each task; there is nothing else here. Each is compiled and run with the crate's tests, and
//! those that need a server are only compiled. Whole programs are in the project's folder `examples`.
//!
//! ## Memory only
//! ```
//! use cache_facade::{Cache, Eviction, Memory};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> cache_facade::Result<()> {
//! let memory = Memory::builder().mib(256).eviction(Eviction::Hybrid);
//! let cache = Cache::builder().memory(memory).build().await?;
//! let names = cache.region::<String>("name").open()?;
//!
//! names.put("AAPL", "Apple Inc.".to_owned()).await?;
//! assert_eq!(names.get("AAPL").await?.as_deref(), Some(&"Apple Inc.".to_owned()));
//! # Ok(())
//! # }
//! ```
//!
//! ## Values that serde doesn't know
//! Memory alone holds them, whatever tiers there are: [`Cache::memory_region`].
//!
//! ```
//! use cache_facade::Cache;
//!
//! struct Connection(u64);
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> cache_facade::Result<()> {
//! let cache = Cache::builder().build().await?;
//! let connections = cache.memory_region::<Connection>("connection").ttl("10m").open()?;
//! let connection = connections.get_or_load(&7, || async { Connection(7) }).await?;
//! assert_eq!(connection.0, 7);
//! # Ok(())
//! # }
//! ```
//!
//! ## Read through, with a closure
//! [`Region::get_or_load`] runs the closure on a miss, in a task of its own. What it returns is what the caller
//! gets: an `Arc<V>`, or an `Option` of one if there may be no value, which is remembered for the span `negative`.
//! [`Region::get_or_load_with`] hands the closure a clone of what it needs. [`IntoLoaded`] lists what it may
//! return.
//!
//! ```
//! use std::{io, sync::Arc};
//! use cache_facade::{Cache, Fetched};
//!
//! struct Upstream;
//!
//! impl Upstream {
//!     async fn price(&self, symbol: &str) -> io::Result<Option<Fetched<f64>>> {
//!         Ok((symbol != "NOPE").then(|| Fetched::new(190.5).tag(symbol)))
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> cache_facade::Result<()> {
//! let (cache, upstream) = (Cache::builder().build().await?, Arc::new(Upstream));
//! let prices = cache.region::<f64>("price").negative("30s").open()?;
//! for (symbol, price) in [("AAPL", Some(&190.5)), ("NOPE", None), ("AAPL", Some(&190.5)), ("NOPE", None)] {
//!     let load = move |upstream: Arc<Upstream>| async move { upstream.price(symbol).await };
//!     assert_eq!(prices.get_or_load_with(symbol, &upstream, load).await?.as_deref(), price);
//! }
//! assert_eq!(cache.stats().loads, 2);
//! # Ok(())
//! # }
//! ```
//!
//! ## Read through, with a function of ids
//! A region that knows how to load needs no closure at each call: [`RegionBuilder::load_one`],
//! [`RegionBuilder::load_many`]. Ids are read out of keys, and what the function leaves out has no value.
//!
//! ```
//! use std::{collections::HashMap, io};
//! use cache_facade::Cache;
//!
//! async fn names(ids: Vec<u64>) -> io::Result<HashMap<u64, String>> {
//!     Ok(ids.into_iter().filter(|id| *id < 100).map(|id| (id, format!("user {id}"))).collect())
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> cache_facade::Result<()> {
//! let cache = Cache::builder().build().await?;
//! let names = cache.region("name").ttl("10m").stale_for("1h").negative("30s").load_many(50, names).open()?;
//! assert_eq!(names.get(&7).await?.as_deref().map(String::as_str), Some("user 7"));
//! let (found, failed) = names.get_found(&[7, 8, 700]).await;
//! assert_eq!((found.len(), failed.len(), cache.stats().loads), (2, 0, 2));
//! # Ok(())
//! # }
//! ```
//!
//! ## Read through, with a loader
//! A [`Loader`] is told more: what is cached of each key, and since which etag. It answers key by key: a value,
//! absent, not modified, or failed.
//!
//! ```
//! use cache_facade::{Cache, Error, ErrorKind, Fetched, Loaded, Loader, Request, Result, async_trait};
//!
//! struct Upstream;
//!
//! #[async_trait]
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
//! that long for others. [`Region::get_found`] keeps what was found apart from what failed, and
//! [`Region::lookup_many`] tells each key's source and age. [`Region::warm`] and [`Region::keep_fresh`] load
//! beforehand.
//!
//! ```
//! # use cache_facade::{Cache, Result};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<()> {
//! # let cache = Cache::builder().build().await?;
//! async fn lengths(words: Vec<String>) -> Result<Vec<(String, usize)>> {
//!     Ok(words.into_iter().map(|word| (word.clone(), word.len())).collect())
//! }
//!
//! let lengths = cache.region("length").load_many(50, lengths).batch_window("2ms").open()?;
//! lengths.put_many([("A", 1), ("AA", 2)]).await?;
//! assert_eq!(lengths.get_many(&["A", "AA", "AAPL", "AMZN"]).await?.len(), 4);
//! let (tesla, ibm) = tokio::join!(lengths.get("TSLA"), lengths.get("IBM"));
//! assert_eq!((tesla?.as_deref(), ibm?.as_deref()), (Some(&4), Some(&3)));
//! assert_eq!((cache.stats().loads, cache.stats().loaded_keys), (2, 4));
//! # Ok(())
//! # }
//! ```
//!
//! ## Keys of several regions in one read
//!
//! One call a tier for all of them; each region's own loader brings what no tier has.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> cache_facade::Result<()> {
//! # let cache = cache_facade::Cache::builder().build().await?;
//! let prices = cache.region::<f64>("price").load_one(async |_: String| 190.5).open()?;
//! let names = cache.region::<String>("name").load_one(async |id: String| id.to_lowercase()).open()?;
//!
//! let (mut price, mut name) = (prices.wanted(&["AAPL", "MSFT"]), names.wanted(&["AAPL"]));
//! cache.read_together(&mut [&mut price, &mut name]).await;
//! assert_eq!(price.into_answers().len(), 2);
//! assert_eq!(name.into_answers().remove(0)?.value.as_deref().map(String::as_str), Some("aapl"));
//! # Ok(())
//! # }
//! ```
//!
//! ## Values computed from others
//!
//! They are served only while they are what the inputs make: see
//! [`RegionBuilder::computed`](crate::RegionBuilder::computed).
//!
//! ## What a load failed with
//! An [`Error`] has a kind, a text that says all, and the loader's own error as its cause.
//!
//! ```
//! use std::{error, fmt};
//! use cache_facade::{Cache, ErrorKind};
//!
//! #[derive(Debug)]
//! struct Forbidden;
//!
//! impl fmt::Display for Forbidden {
//!     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
//!         f.write_str("this user may not be seen")
//!     }
//! }
//!
//! impl error::Error for Forbidden {}
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> cache_facade::Result<()> {
//! let cache = Cache::builder().build().await?;
//! let users = cache.region::<String>("user").open()?;
//! let error = users.get_or_load(&7, async || Err::<String, _>(Forbidden)).await.unwrap_err();
//! let status = match error.cause() {
//!     Some(cause) if cause.is::<Forbidden>() => 403,
//!     _ if error.kind() == ErrorKind::Timeout => 504,
//!     _ => 502,
//! };
//! assert_eq!(status, 403);
//! # Ok(())
//! # }
//! ```
//!
//! ## Tags and invalidation
//! A tag invalidates entries across regions. A pattern removes keys by name. `clear` ends a region, or the whole
//! cache. All three hold in every tier, and for loads that are under way. What an outage may follow is better
//! marked stale, by [`Cache::mark_stale`] and the like for keys, patterns and kinds: it is served, flagged, till
//! it is renewed.
//!
//! ```
//! use cache_facade::{Cache, Fetched};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> cache_facade::Result<()> {
//! let cache = Cache::builder().build().await?;
//! let prices = cache.region::<f64>("price").open()?;
//! prices.put("AAPL:yahoo", Fetched::new(190.5).tags(["AAPL", "tech"])).await?;
//! prices.put("MSFT:yahoo", 330.0).await?;
//!
//! cache.mark_stale("AAPL").await?;
//! assert!(prices.lookup("AAPL:yahoo").await?.stale);
//! cache.invalidate("AAPL").await?;
//! assert_eq!(prices.get("AAPL:yahoo").await?, None);
//! let removed = cache.remove_matching("price:MSFT:*").await?;
//! assert_eq!((removed.memory, prices.get("MSFT:yahoo").await?), (1, None));
//! prices.clear().await?;
//! # Ok(())
//! # }
//! ```
//!
//! ## What is held, and what a removal would end
//! [`Cache::keys`](crate::Cache::keys) lists what memory and tiers hold, [`Cache::inspect`](crate::Cache::inspect)
//! tells all of one key, and [`Cache::count`](crate::Cache::count) is the dry run of a removal: the example is at
//! [`Selection`](crate::Selection).
//!
//! ## A tier that survives a restart
//! Tiers are given in the order in which they are asked. Feature `disk`.
//!
#![cfg_attr(feature = "disk", doc = "```")]
#![cfg_attr(not(feature = "disk"), doc = "```ignore")]
//! use cache_facade::{Cache, disk::DiskConfig};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> cache_facade::Result<()> {
//! # let folder = tempfile::tempdir().unwrap();
//! # let folder = folder.path();
//! for start in ["first", "second"] {
//!     let cache = Cache::builder().disk(DiskConfig::new(folder).max_bytes(1 << 30))?.build().await?;
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
//! other's writes; by the lease one of them loads a key. Both come with the first server, and each tier in a
//! [`Guard`], by the cache's clock. Features `redis` and `postgres`; the parts are in `docs/guide/shared-tiers.md`.
//!
#![cfg_attr(all(feature = "redis", feature = "postgres"), doc = "```no_run")]
#![cfg_attr(not(all(feature = "redis", feature = "postgres")), doc = "```ignore")]
//! use cache_facade::Cache;
//!
//! # async fn start() -> cache_facade::Result<Cache> {
//! Cache::builder()
//!     .namespace("md")
//!     .redis("redis://127.0.0.1:6379")?
//!     .postgres("postgres://127.0.0.1:5432/cache")?
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
//! A [`Tier`] has five methods, over batches, and some that tell about it; a wrapper forwards all of them. The
//! project's `docs/guide/write-a-tier.md` writes a whole tier, and runs on it the suite that every tier passes.
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
//! use cache_facade::{Cache, Clock};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> cache_facade::Result<()> {
//! let clock = Clock::manual();
//! let cache = Cache::builder().clock(clock.clone()).build().await?;
//! let prices = cache.region::<f64>("price").ttl("1m").stale_for("10m").open()?;
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
//!
//! [`Cache::mark_stale`]: crate::Cache::mark_stale
//! [`Cache::memory_region`]: crate::Cache::memory_region
//! [`Clock::manual`]: crate::Clock::manual
//! [`Error`]: crate::Error
//! [`Guard`]: crate::Guard
//! [`IntoLoaded`]: crate::IntoLoaded
//! [`Loader`]: crate::Loader
//! [`Observer`]: crate::Observer
//! [`Region::get_found`]: crate::Region::get_found
//! [`Region::get_many`]: crate::Region::get_many
//! [`Region::get_or_load`]: crate::Region::get_or_load
//! [`Region::get_or_load_with`]: crate::Region::get_or_load_with
//! [`Region::keep_fresh`]: crate::Region::keep_fresh
//! [`Region::lookup_many`]: crate::Region::lookup_many
//! [`Region::warm`]: crate::Region::warm
//! [`RegionBuilder::batch_window`]: crate::RegionBuilder::batch_window
//! [`RegionBuilder::load_many`]: crate::RegionBuilder::load_many
//! [`RegionBuilder::load_one`]: crate::RegionBuilder::load_one
//! [`RegionBuilder::soft_timeout`]: crate::RegionBuilder::soft_timeout
//! [`Tier`]: crate::Tier
