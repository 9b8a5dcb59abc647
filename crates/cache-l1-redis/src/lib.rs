//! The shared tier on Redis, its bus and its lease: single server, Sentinel or Cluster.
//!
//! ```no_run
//! use std::time::Duration;
//! use cache_core::{Blob, Bus, Clock, Codec, Entry, Key, Meta, TierExt, Ttl};
//! use cache_l1_redis::{Redis, RedisConfig};
//!
//! # async fn run() -> cache_core::Result<()> {
//! let clock = Clock::system();
//! let config = RedisConfig::parse("redis://app:secret@cache.example:6380/2")?;
//! let redis = Redis::connect(config, clock.clone()).await?;
//! let tier = redis.tier();
//!
//! let key = Key::new("price", "AAPL")?;
//! let meta = Meta::new(clock.tick(), Ttl::new(Duration::from_secs(60)));
//! let entry = Entry::new(Blob::encode(Codec::Bincode, 1, &189.3)?, meta);
//! tier.put_one(key.clone(), entry.clone()).await?;
//! assert_eq!(tier.get_one(&key).await?, Some(entry));
//!
//! redis.bus("changes").publish("AAPL changed".into()).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # What is where
//!
//! Each key is a Redis string of that name, behind the configured namespace. It holds the key's record as
//! [`envelope`](cache_core::envelope) writes it. In a Cluster the name begins with a tag in braces, which groups
//! keys; keys that share a hash tag of their own stay together. `!!patterns` is the log of removed patterns,
//! `!!lease:…` is a lease, and `!!quota:…` counts calls. A value that is no record is overwritten by a put or
//! removal of its very key, and left alone by a removal by pattern. Nothing else on the server is touched.
//!
//! # What is promised
//!
//! The later born wins: the server compares births in the step that writes. A removed key refuses entries born
//! before, and so does a removed pattern, for every node, from before the call returns until the tombstone is
//! dead. The server's expiry only reclaims memory, 10 s late.
//!
//! What was acknowledged lasts as long as the server's persistence and replication make it last. After a server
//! was found restarted or replaced, entries born before that are not stored for as long as a load may take: the
//! server may have lost their removal.
//!
//! No call waits for longer than the response timeout, or several times that for batches above 8,192 keys or
//! 8 MiB. While there is no connection, none waits at all. Commands that block a server, such as `KEYS`,
//! `FLUSHDB`, or `DEL` of a large value, are not used, and scripts touch no more than 256 keys.
//!
//! Connections end with the tokio runtime that they were opened on. The next call, from another runtime, opens
//! them anew, also if the one before has stood still for 3 s.
//!
//! # Which commands the ACL user needs
//!
//! `+get +mget +set +psetex +getrange +setrange +strlen +append +unlink +pttl +pexpire +persist +eval +evalsha
//! +scan +ping +publish +subscribe`, in a Cluster `+cluster|slots +asking` and with a database number
//! `+select`, on the keys and channels of the namespace. `+role +time +info` are used if allowed; quotas that
//! nodes share need `+time`, and `+info` to notice that the server was started again.

mod bus;
mod client;
mod cluster;
mod config;
mod connection;
mod context;
mod error;
mod get;
mod keyspace;
mod lease;
mod patterns;
mod put;
mod remove;
mod scripts;
mod stats;
mod tier;

pub use bus::RedisBus;
pub use client::Redis;
pub use config::RedisConfig;
pub use connection::health::{RedisHealth, ServerHealth};
pub use lease::{RedisLease, RedisQuota};
pub use stats::RedisStats;
pub use tier::RedisTier;
