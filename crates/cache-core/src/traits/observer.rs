//! Observer: what a cache reports to those who watch it, as events.

use std::{fmt::Debug, sync::Arc};

use crate::{Error, Key, Pattern, Tag};

/// An event of a cache. More may come, so a `match` needs an arm for those that it doesn't know.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A read was served from memory or a tier.
    Hit {
        /// The key.
        key: &'a Key,
        /// `"memory"` or the tier's name.
        source: &'static str,
        /// Whether the value was stale and within its grace.
        stale: bool,
    },
    /// Memory had no entry that could be served: the read goes on to the tiers and the loader. If a tier
    /// answers it, a [`Event::Hit`] of that tier follows.
    Miss {
        /// The key.
        key: &'a Key,
    },
    /// A read waits for a load of its key that another read began, rather than beginning one.
    Joined {
        /// The key.
        key: &'a Key,
    },
    /// A caller put a value, by a put or an update. It was told when memory had been given it; what becomes of
    /// it in the tiers is told by other events.
    Put {
        /// The key.
        key: &'a Key,
    },
    /// A caller of this node removed, invalidated or cleared something, whether or not there was any. What other
    /// nodes end is told as [`Event::Evicted`], as far as memory held it.
    Removed {
        /// What.
        what: Removal<'a>,
    },
    /// A batch of keys was loaded from the source.
    Load {
        /// The kind of the region.
        kind: &'a str,
        /// How many keys were asked for.
        keys: usize,
        /// Why the whole call failed, if it did.
        error: Option<&'a Error>,
    },
    /// A tier failed; the cache went on without it.
    TierFailed {
        /// The tier's name.
        tier: &'static str,
        /// The operation that failed.
        operation: Operation,
        /// Why it failed.
        error: &'a Error,
    },
    /// A tier that had failed works again.
    TierRecovered {
        /// The tier's name.
        tier: &'static str,
    },
    /// A write that a tier could not take will not be tried again: more writes were pending than are kept,
    /// or this one failed too often.
    Lost {
        /// The tier's name.
        tier: &'static str,
        /// The key.
        key: &'a Key,
    },
    /// A tier would not store a value, which is too large for it, or came too late. What the tier held of the
    /// key from before is no longer served.
    Refused {
        /// The tier's name.
        tier: &'static str,
        /// The key.
        key: &'a Key,
        /// Why.
        error: &'a Error,
    },
    /// A value's codec can't carry it: it can't be encoded, or would be read back as another value. Memory
    /// alone holds it, and what the tiers held of the key from before is no longer served.
    CodecFailed {
        /// The key.
        key: &'a Key,
        /// Why.
        error: &'a Error,
    },
    /// The bus failed: other nodes do not learn of this node's writes, or this node of theirs.
    BusFailed {
        /// The bus's name.
        bus: &'static str,
        /// Why.
        error: &'a Error,
    },
    /// Messages of other nodes may have been missed, so what memory holds is no longer served.
    Unproven {
        /// The bus's name.
        bus: &'static str,
    },
    /// A lease could not be asked for, and the key was loaded without one.
    LeaseFailed {
        /// The lease's name.
        lease: &'static str,
        /// Why.
        error: &'a Error,
    },
    /// A lease that had failed works again.
    LeaseRecovered {
        /// The lease's name.
        lease: &'static str,
    },
    /// A stored value could not be read, and counts as absent.
    Corrupt {
        /// The tier's name.
        tier: &'static str,
        /// The key.
        key: &'a Key,
        /// What was wrong with the bytes.
        error: &'a Error,
    },
    /// A setting contradicted another and was changed.
    Normalised {
        /// The kind of the region.
        kind: &'a str,
        /// What was set, and what applies.
        change: &'a str,
    },
    /// An entry left memory, for whatever cause; each entry once. It is told under no lock of memory, by the call
    /// that made it leave, or with `lru` and `lfu` a little later. Of a value that replaces another the old one
    /// leaves, so a busy cache tells this often.
    Evicted {
        /// The key.
        key: &'a Key,
        /// Why it left.
        cause: EvictionCause,
    },
    /// An entry could not be protected: the share of memory for protected entries is full.
    ProtectionRefused {
        /// The key.
        key: &'a Key,
    },
}

/// What a caller removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Removal<'a> {
    /// A key.
    Key(&'a Key),
    /// The keys that match, the cache's namespace included.
    Matching(&'a Pattern),
    /// What carries a tag.
    Tag(&'a Tag),
    /// Every entry of a kind.
    Kind(&'a str),
    /// Every entry of the cache.
    All,
}

/// Why an entry left memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EvictionCause {
    /// There was no room for another entry.
    Size,
    /// It was dead, and a sweep reclaimed it.
    Expired,
    /// It was ended: by key, by pattern, by another node's write, or as all of memory was cleared.
    Removed,
    /// An entry born later took its place, or the same with a shorter life.
    Replaced,
    /// It weighs more than memory may hold at all, and so was never held.
    Oversized,
}

impl EvictionCause {
    /// Returns its name: `size`, `expired`, `removed`, `replaced`, `oversized`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Expired => "expired",
            Self::Removed => "removed",
            Self::Replaced => "replaced",
            Self::Oversized => "oversized",
        }
    }
}

/// The operations of a tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// Look keys up.
    Get,
    /// Store entries.
    Put,
    /// Remove entries.
    Remove,
    /// Make writes durable.
    Flush,
}

/// Receives events. It is called in the middle of reads and writes, so it must return at once and must not
/// call the cache.
pub trait Observer: Debug + Send + Sync + 'static {
    /// Called with each event.
    fn on(&self, event: &Event<'_>);

    /// Counts a hit in memory by the hash of its key, and returns whether that was all it needs to know: else it
    /// is called with the [`Event::Hit`], for which the key has to be built. By default it was not.
    #[inline]
    fn counts_hit(&self, hash: u64) -> bool {
        let _ = hash;
        false
    }
}

#[deny(clippy::missing_trait_methods)]
impl<O: Observer + ?Sized> Observer for Arc<O> {
    fn on(&self, event: &Event<'_>) {
        (**self).on(event);
    }

    #[inline]
    fn counts_hit(&self, hash: u64) -> bool {
        (**self).counts_hit(hash)
    }
}
