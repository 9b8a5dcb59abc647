//! The durable tier on PostgreSQL that nodes share, with a bus and a lease.
//!
//! ```no_run
//! use std::time::Duration;
//! use cache_core::{Blob, Clock, Codec, Entry, Key, Meta, TierExt, Ttl};
//! use cache_l2_pg::{PgConfig, Postgres};
//!
//! # async fn example() -> cache_core::Result<()> {
//! let clock = Clock::system();
//! let config = PgConfig::new("postgres://cache:secret@localhost/market")?.max_rows(1_000_000);
//! let tier = Postgres::connect(config, clock.clone()).await?.tier();
//!
//! let key = Key::new("price", "AAPL")?;
//! let meta = Meta::new(clock.tick(), Ttl::new(Duration::from_secs(60)));
//! let entry = Entry::new(Blob::encode(Codec::Bincode, 1, &189.3)?, meta);
//! tier.put_one(key.clone(), entry.clone()).await?;
//! assert_eq!(tier.get_one(&key).await?, Some(entry));
//! # Ok(())
//! # }
//! ```
//!
//! # Tables
//!
//! Entries are rows of one table, `cache_entries` by default. A row is an entry, or the tombstone of a
//! removed key, which has no record. Of two writes to one key the later born stays: the statement that
//! writes compares births. Beside the table are `cache_entries_patterns` with the removals by pattern,
//! against which every put is checked, `cache_entries_quotas` with the calls that nodes count together,
//! `cache_entries_version`, a sequence, and four functions.
//! Migrations make them, under a lock, when the server is first reached.
//!
//! # Durability
//!
//! An acknowledged write survives a crash of the server, unless the table is unlogged: then the table is
//! empty afterwards. Puts that are still queued in write-behind mode are lost when the process ends.
//!
//! # Time
//!
//! The given [`Clock`](cache_core::Clock) decides what is dead, never the server's. Sweeping only reclaims
//! space.

mod bus;
mod client;
mod config;
mod connection;
mod error;
mod evict;
mod get;
mod janitor;
mod lease;
mod put;
mod remove;
mod sql;
mod stats;
mod sweep;
mod tier;
mod write_behind;

pub use bus::PgBus;
pub use client::Postgres;
pub use config::{PgConfig, Writes};
pub use lease::{PgLease, PgQuota};
pub use stats::PgStats;
pub use tier::PgTier;
