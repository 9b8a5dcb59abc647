//! The embedded persistent tier: survives a restart and kill -9, bounded in bytes, swept.
//!
//! ```
//! use std::time::Duration;
//! use cache_core::{Blob, Clock, Codec, Entry, Key, Meta, TierExt, Ttl};
//! use cache_disk::{DiskConfig, DiskTier};
//!
//! # let directory = tempfile::tempdir().unwrap();
//! # let path = directory.path();
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! let clock = Clock::system();
//! let tier = DiskTier::open(DiskConfig::new(path).max_bytes(256 << 20).clock(clock.clone()))?;
//!
//! let key = Key::new("price", "AAPL")?;
//! let meta = Meta::new(clock.tick(), Ttl::new(Duration::from_secs(60)));
//! let entry = Entry::new(Blob::encode(Codec::Bincode, 1, &189.3)?, meta);
//! tier.put_one(key.clone(), entry.clone()).await?;
//! assert_eq!(tier.get_one(&key).await?, Some(entry));
//! tier.close().await?;
//! # Ok::<(), cache_core::Error>(())
//! # }).unwrap();
//! ```
//!
//! # Files
//!
//! A tier owns one directory. In it, `db` is a fjall database of two keyspaces. The **log** has the
//! records under ever rising numbers, so that its tables never overlap: compaction only moves them,
//! and the oldest are dropped whole, which gives their space back at once. The **index** says under
//! the full text of each key where in the log its record is. For tombstones, and for the cache's own
//! entries (whose key starts with `!`), it has the record itself. Both change in one atomic batch.
//!
//! # Eviction
//!
//! When space runs out, the tier reclaims the log from its oldest end. Dead and replaced records are
//! dropped. Live ones are written again at the young end if more than a quarter of the log is dead or
//! replaced, and evicted otherwise: so the dead go first, then the least recently written. Nothing is
//! evicted from the index: tombstones and the cache's own entries stay until they are dead. If
//! tombstones alone take more than an eighth of `max_bytes`, one moment replaces them all: no put born
//! by then is accepted any more.
//!
//! # Durability
//!
//! An acknowledged put or removal survives the end of the process, kill -9 included. A power failure
//! may lose what was written since the last flush; [`Tier::flush`] prevents that.
//!
//! # Damage
//!
//! Damaged files are never served. A damaged record is a miss. A damaged index, or a database that
//! lost acknowledged writes (a small file beside it counts those that replaced or removed something),
//! can't be trusted, since what was removed might be back. Then the tier moves the whole database to
//! `quarantine` and starts over, empty. There is one quarantine; a database larger than an eighth of
//! `max_bytes` is deleted instead.
//!
//! [`Tier::flush`]: cache_core::Tier::flush

mod config;
mod error;
mod evict;
mod get;
mod janitor;
mod list;
mod put;
mod remove;
mod stats;
mod storage;
mod sweep;
mod tier;

pub use config::DiskConfig;
pub use stats::{DiskStats, DiskUsage};
pub use storage::DiskQuota;
pub use tier::DiskTier;
