//! The tier on PostgreSQL that nodes share, its bus and its lease.
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
//! # What is where
//!
//! One table of entries, `cache_entries` if nothing else is said. A row is an entry, or the tombstone of
//! a removed key, which has no record. Of two for one key the later born is kept; the statement that
//! writes compares. Beside it are `cache_entries_patterns` for removals by pattern, which every put is
//! checked against, `cache_entries_version`, and two functions. Migrations make them, under a lock, when
//! the server is first reached.
//!
//! # What lasts
//!
//! What was acknowledged survives a crash of the server, unless the table is unlogged: then it is empty
//! afterwards. What was put in write-behind mode and is still queued ends with the process.
//!
//! # Who says what time it is
//!
//! The [`Clock`](cache_core::Clock) given, never the server. Sweeping only reclaims space.

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
pub use lease::PgLease;
pub use stats::PgStats;
pub use tier::PgTier;
