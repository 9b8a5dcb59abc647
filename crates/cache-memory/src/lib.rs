//! The near tier: decoded values in memory, read without awaiting, within a budget.
//!
//! ```
//! use std::{sync::Arc, time::Duration};
//! use cache_core::{Clock, Entry, Key, Meta, Ttl};
//! use cache_memory::{Eviction, Memory, Value};
//!
//! let clock = Clock::manual();
//! let memory = Memory::builder().mib(16).eviction(Eviction::Hybrid).build();
//! let key = Key::new("price", "AAPL")?;
//! let meta = Meta::new(clock.tick(), Ttl::new(Duration::from_secs(60)));
//!
//! assert!(memory.put(key.clone(), Entry::new(Arc::new(190.5_f64) as Value, meta), clock.now()));
//! let held = memory.get(&key).and_then(|entry| entry.value);
//! assert_eq!(held.unwrap().downcast_ref::<f64>(), Some(&190.5));
//! # Ok::<(), cache_core::Error>(())
//! ```
//!
//! Memory returns dead entries too: its caller asks [`Meta::freshness`](cache_core::Meta::freshness) whether
//! an entry may be served. [`Memory::sweep`] reclaims dead entries and has to be called now and then; a
//! `cache_facade::Cache` does so.

mod builder;
mod conditional;
mod eviction;
mod memory;
mod policies;
mod protection;
mod refusals;
mod remove;
mod resize;
mod shorten;
mod stats;
mod store;
mod tier;
mod walk;

pub use builder::MemoryBuilder;
pub use cache_core::EvictionCause;
pub use eviction::Eviction;
pub use memory::{Memory, Value};
pub use stats::MemoryStats;
pub use stats::evictions::Evictions;
pub use stats::hottest::HotKey;
pub use stats::reads::ReadCounter;
pub use store::{entry_ref::EntryRef, stored::drop_value};
pub use tier::MemoryTier;
