//! The words and the few small traits of a tiered cache.
//!
//! This crate does no I/O, knows no driver and starts no task. A tier implements [`Tier`], a
//! provider implements [`Loader`], and everything they say to each other is spelled here: a
//! [`Key`], an [`Entry`] with its [`Meta`], the [`Clock`] that judges age, the [`envelope`] that
//! turns an entry into bytes and back.
//!
//! ```
//! use std::time::Duration;
//! use cache_core::{Clock, Freshness, Meta, Ttl};
//!
//! let clock = Clock::manual();
//! let meta = Meta::new(clock.tick(), Ttl::new(Duration::from_secs(60)).grace(Duration::from_secs(300)));
//! assert_eq!(meta.freshness(clock.now()), Freshness::Fresh);
//!
//! clock.advance(Duration::from_secs(61));
//! assert_eq!(meta.freshness(clock.now()), Freshness::Stale);
//! ```

mod backoff;
mod breaker;
mod bus;
mod clock;
mod codec;
mod entry;
pub mod envelope;
mod error;
mod event;
mod key;
mod lease;
mod loader;
pub mod message;
mod pattern;
mod prefix;
mod reader;
mod secret;
pub mod sync;
mod tier;
mod tombstone;
mod ttl;

pub use backoff::Backoff;
pub use breaker::Breaker;
pub use bus::{Bus, Listener};
pub use bytes::Bytes;
pub use clock::{Clock, ManualSleep, Timestamp};
pub use codec::{Blob, Codec, MAX_VALUE_LEN};
pub use entry::{Entry, Freshness, Meta, Tag};
pub use error::{Error, ErrorKind, Result};
pub use event::{Event, Observer, Operation};
pub use key::{Key, KeyHasher, MAX_KEY_LEN, ToKey};
pub use lease::{Holder, Lease};
pub use loader::{Fetched, Loaded, Loader, Refresh, Request};
pub use pattern::Pattern;
pub use prefix::{Parts, Prefix, Query, Whole};
pub use secret::Secret;
pub use tier::{Target, Tier, TierExt};
pub use tombstone::{Tombstone, Tombstones};
pub use ttl::{Jitter, Ttl, TtlPolicy};
