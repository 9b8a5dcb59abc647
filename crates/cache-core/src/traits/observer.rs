//! Observer: what a cache reports to those who watch it, as events.

use std::{
    fmt::Debug,
    sync::{Arc, Weak},
    time::Duration,
};

use crate::{CacheFigures, Error, Key, Meta, MissReason, Pattern, Tag};

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
    /// Memory or a tier had no entry that answers a read: it goes on to the next tier, and to the loader. If a
    /// tier answers it, a [`Event::Hit`] of that tier follows.
    Miss {
        /// The key.
        key: &'a Key,
        /// `"memory"` or the tier's name.
        source: &'static str,
        /// Why.
        reason: MissReason,
    },
    /// A read that memory could not answer has its answer, or gave up. Each such read tells it once.
    Answered {
        /// The key.
        key: &'a Key,
        /// Where the answer came from.
        outcome: Outcome,
        /// How long it waited.
        waited: Duration,
        /// Whether it waited for what another read had begun.
        joined: bool,
    },
    /// A load brought a value in place of one that was at hand.
    Refreshed {
        /// The key.
        key: &'a Key,
        /// Whether it is another one; `None` if nobody can tell.
        changed: Option<bool>,
        /// How much later it was born.
        after: Duration,
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
    /// Memory is given an entry: what was put, loaded, or found in a tier. It may give way at once to others, or
    /// be too large to be held at all. It is told before memory has it, and so before any [`Event::Evicted`] of
    /// it, under the lock of the key's writers.
    Stored {
        /// The key.
        key: &'a Key,
        /// Its life and cost.
        meta: &'a Meta,
        /// What it weighs in memory's budget.
        weight: u64,
    },
    /// A caller of this node removed, invalidated or cleared something, whether or not there was any. What other
    /// nodes end is told as [`Event::Evicted`], as far as memory held it.
    Removed {
        /// What.
        what: Removal<'a>,
    },
    /// A caller of this node marked something stale, whether or not there was any.
    MarkedStale {
        /// What was marked.
        what: Marked<'a>,
    },
    /// A batch of keys was loaded from the source.
    Load {
        /// The kind of the region.
        kind: &'a str,
        /// How many keys were asked for.
        keys: usize,
        /// How many of them failed: all if the whole call did.
        failed: usize,
        /// How long it took.
        took: Duration,
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

/// Where the answer of a read came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// A tier of this name had it, or memory by then.
    Found(&'static str),
    /// A stale value of this tier stands in for one that could not be had in time.
    Stale(&'static str),
    /// The loader brought it, or that there is none.
    Loaded,
    /// Nowhere: no tier had it, and nobody loads it.
    Nothing,
    /// The read failed.
    Failed,
    /// Its caller went away before it was answered.
    Cancelled,
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

/// What a caller marked stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Marked<'a> {
    /// A key.
    Key(&'a Key),
    /// The keys that match, the cache's namespace included.
    Matching(&'a Pattern),
    /// What carries a tag.
    Tag(&'a Tag),
    /// Every entry of a kind, also in place of more of its keys than marks are kept of.
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

    /// Told once, before the first event, whom to ask for the cache's own figures: hits in memory need not be
    /// counted one by one.
    fn figures_of(&self, cache: Weak<dyn CacheFigures>) {
        let _ = cache;
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

    fn figures_of(&self, cache: Weak<dyn CacheFigures>) {
        (**self).figures_of(cache);
    }
}
