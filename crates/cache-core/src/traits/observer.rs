//! What a cache tells those who watch it.

use std::fmt::Debug;

use crate::{Error, Key};

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// A read was answered from a tier.
    Hit {
        /// The key.
        key: &'a Key,
        /// `"memory"` or the tier's name.
        source: &'static str,
        /// Whether the answer was past its life and in grace.
        stale: bool,
    },
    /// No tier had a usable entry.
    Miss {
        /// The key.
        key: &'a Key,
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
        /// What it was asked to do.
        operation: Operation,
        /// Why it could not.
        error: &'a Error,
    },
    /// A tier that had failed works again.
    TierRecovered {
        /// The tier's name.
        tier: &'static str,
    },
    /// A write that a tier could not take will never be told to it: more was owed than is remembered,
    /// or the tier refused this one again and again.
    Lost {
        /// The tier's name.
        tier: &'static str,
        /// The key.
        key: &'a Key,
    },
    /// The bus failed: other nodes don't hear of this one, or this one of them.
    BusFailed {
        /// The bus's name.
        bus: &'static str,
        /// Why.
        error: &'a Error,
    },
    /// What other nodes said may have been missed: what memory holds was let go.
    Unproven {
        /// The bus's name.
        bus: &'static str,
    },
    /// Nobody could be asked who loads a key, and it was loaded without.
    LeaseFailed {
        /// The lease's name.
        lease: &'static str,
        /// Why.
        error: &'a Error,
    },
    /// A stored value could not be read, and counts as missing.
    Corrupt {
        /// The tier's name.
        tier: &'static str,
        /// The key.
        key: &'a Key,
        /// What was wrong with the bytes.
        error: &'a Error,
    },
    /// A setting could not hold as given and was changed.
    Normalised {
        /// The kind of the region.
        kind: &'a str,
        /// What was given, and what holds.
        change: &'a str,
    },
    /// A protected entry could not be protected: the share of memory for protected entries is full.
    ProtectionRefused {
        /// The key.
        key: &'a Key,
    },
}

/// What a tier can be asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Look keys up.
    Get,
    /// Store entries.
    Put,
    /// Remove entries.
    Remove,
    /// Make what was written lasting.
    Flush,
}

/// Someone who watches. Called in the midst of reads and writes: it must return at once and not
/// call back.
pub trait Observer: Debug + Send + Sync + 'static {
    /// Takes note of an event.
    fn on(&self, event: &Event<'_>);
}
