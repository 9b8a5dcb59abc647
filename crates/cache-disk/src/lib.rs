//! The embedded persistent tier: survives restart and kill -9, bounded in bytes, swept.
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
//! # What is where
//!
//! A tier owns one directory. In it `db` is a fjall database of two keyspaces. The **log** holds
//! records under ever rising numbers, so that its tables never overlap: compaction only moves them,
//! and the oldest are dropped whole, which gives their space back at once. The **index** says under
//! the full text of each key where in the log its record lies, or holds the record itself: for
//! tombstones, and for the cache's own entries (those whose key starts with `!`). Both change in one
//! atomic batch.
//!
//! # What goes first
//!
//! When space runs out the log is reclaimed from its oldest end. What is dead or was replaced is
//! left behind. What is alive is written again at the young end if more than a quarter of the log is
//! dead or was replaced, and is evicted otherwise: so first the dead, then the least recently
//! written. The index is never evicted from, so tombstones and the cache's own entries stay until
//! they are dead. If tombstones alone take more than an eighth of `max_bytes`, they are
//! exchanged for one moment: nothing born before it is accepted any more.
//!
//! # What lasts
//!
//! A put or removal that was acknowledged survives the end of the process, kill -9 included. A
//! power failure may take what was written since the last flush; [`Tier::flush`] prevents that.
//!
//! Damaged files are never served. A damaged record is a miss. If the index is damaged, or the
//! database lost writes that it had acknowledged (a small file beside it counts those that replaced
//! or removed something), then what it still holds can't be trusted: what was removed might be
//! back. Then the whole database is moved aside to `quarantine` (of which there is one, deleted
//! instead if it is larger than an eighth of `max_bytes`) and the tier starts over, empty.
//!
//! [`Tier::flush`]: cache_core::Tier::flush

mod config;
mod error;
mod evict;
mod get;
mod janitor;
mod put;
mod remove;
mod stats;
mod storage;
mod sweep;
mod tier;

pub use config::DiskConfig;
pub use stats::DiskStats;
pub use tier::DiskTier;
