//! The near tier: decoded values in memory, found without awaiting, within a budget of bytes.
//!
//! ```
//! use std::{sync::Arc, time::Duration};
//! use cache_core::{Clock, Entry, Key, Meta, Ttl};
//! use cache_memory::{Memory, Value};
//!
//! let clock = Clock::manual();
//! let memory = Memory::mib(16);
//! let key = Key::new("price", "AAPL")?;
//! let meta = Meta::new(clock.tick(), Ttl::new(Duration::from_secs(60)));
//!
//! assert!(memory.put(key.clone(), Entry::new(Arc::new(190.5_f64) as Value, meta), clock.now()));
//! let held = memory.get(key.as_ref()).and_then(|entry| entry.value);
//! assert_eq!(held.unwrap().downcast_ref::<f64>(), Some(&190.5));
//! # Ok::<(), cache_core::Error>(())
//! ```

mod memory;
mod protected;
mod stats;
mod stripe;
mod tier;
mod weight;

pub use memory::{Memory, Value};
pub use stats::MemoryStats;
pub use tier::MemoryTier;
