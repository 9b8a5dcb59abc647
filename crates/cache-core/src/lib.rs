//! The words and the few small traits of a tiered cache.
//!
//! This crate does no I/O, knows no driver and starts no task. A tier implements [`Tier`] and a source
//! of values implements [`Loader`]. The types they exchange are defined here: a [`Key`], an [`Entry`] with
//! its [`Meta`], the [`Clock`] by which age is judged, and the [`envelope`] that turns an entry into bytes
//! and back.
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

mod entry;
mod error;
mod key;
mod log_sum;
mod retry;
mod secret;
pub mod sync;
mod time;
pub mod trace;
mod traits;
mod wire;

pub use bytes::Bytes;
pub use entry::{
    Entry, Freshness, Meta, Tag,
    tombstone::{Tombstone, Tombstones},
};
pub use error::{Error, ErrorKind, Result, root_cause};
pub use key::{
    Key, KeyHasher, MAX_KEY_LEN,
    from_id::{FromId, id_parts},
    id::{ByDisplay, IdText, ToId},
    lookup::{BorrowedKey, LookupKey, ToKey, WrittenKey},
    pattern::Pattern,
    prefix::Prefix,
};
pub use log_sum::{LogSum, LogSummary};
pub use retry::{backoff::Backoff, breaker::Breaker, pause::Pause};
pub use secret::Secret;
pub use time::{
    clock::Clock,
    lives::{Class, GivenTtl, Lives},
    manual::ManualSleep,
    timestamp::Timestamp,
    ttl::{Jitter, Ttl, TtlPolicy},
};
pub use traits::{
    bus::{Bus, Listener},
    figures::{CacheFigures, TrialMemory},
    lease::{Holder, Lease},
    listing::{ListCursor, ListItem, ListPage},
    loader::{Beside, Fetched, Loaded, Loader, Refresh, Refreshed, Request},
    miss_reason::MissReason,
    observer::{Event, EvictionCause, Marked, Observer, Operation, Outcome, Removal},
    quota_store::{QuotaSnapshot, QuotaStore},
    removal::RemovalStep,
    tier::{PutOutcome, Target, Tier, TierExt},
    warm::{Fill, OpenCall, Warm},
};
pub use wire::{
    codec::{Blob, Codec, MAX_VALUE_LEN},
    envelope,
    fingerprint::measure,
    message,
    probe::needs_self_description,
};
