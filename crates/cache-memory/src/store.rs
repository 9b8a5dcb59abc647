//! The store of the policy chosen: one type, told apart by one branch.

pub(crate) mod budget;
pub(crate) mod entry_ref;
pub(crate) mod moka_store;
pub(crate) mod shard;
pub(crate) mod shards;
pub(crate) mod slots;
pub(crate) mod weight;

use std::sync::Arc;

use cache_core::{Entry, Key, LookupKey, Meta, Timestamp};

use crate::{
    eviction::Eviction,
    memory::Value,
    policies::{fifo::Fifo, hybrid::Hybrid, lfu, lru, ttl::Ttl},
    stats::evictions::{Cause, Departures},
    store::budget::Budget,
    store::entry_ref::Held,
    store::moka_store::Buffered,
    store::shards::Shards,
    store::weight::Weigher,
};

/// Entries, held by one of the policies.
pub(crate) enum Store {
    Buffered(Box<Buffered>),
    Fifo(Shards<Fifo>),
    Ttl(Shards<Ttl>),
    Hybrid(Shards<Hybrid>),
}

/// The same call to whichever of our own stores it is, and the other one's to moka's.
macro_rules! either {
    ($self:expr, $moka:ident => $buffered:expr, $own:ident => $shards:expr) => {
        match $self {
            Store::Hybrid($own) => $shards,
            Store::Fifo($own) => $shards,
            Store::Ttl($own) => $shards,
            Store::Buffered($moka) => $buffered,
        }
    };
}

/// What a store may hold.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) limit: u64,
    /// What protected entries may take of it.
    pub(crate) protected: u64,
    pub(crate) weigher: Weigher,
    pub(crate) shards: usize,
}

impl Store {
    pub(crate) fn new(policy: Eviction, bounds: Bounds, departures: Arc<Departures>) -> Self {
        match policy {
            Eviction::Lru => Self::Buffered(Box::new(Buffered::new(lru::policy(), bounds, departures))),
            Eviction::Lfu => Self::Buffered(Box::new(Buffered::new(lfu::policy(), bounds, departures))),
            Eviction::Fifo => Self::Fifo(Shards::new(bounds, departures)),
            Eviction::Ttl => Self::Ttl(Shards::new(bounds, departures)),
            Eviction::Hybrid => Self::Hybrid(Shards::new(bounds, departures)),
        }
    }

    /// Looks at the entry of a key. `look` runs under a lock, and must not come back.
    #[inline]
    pub(crate) fn read<T>(&self, key: &impl LookupKey, look: impl FnOnce(Held<'_>) -> T) -> Option<T> {
        either!(self, moka => moka.read(key, look), own => own.read(key, look))
    }

    /// Whether there is an entry such as `wanted` says, without counting as a read for the policy.
    pub(crate) fn holds(&self, key: &Key, wanted: impl Fn(&Meta) -> bool) -> bool {
        either!(self, moka => moka.holds(key, wanted), own => own.holds(key, wanted))
    }

    /// Stores an entry; `false` if it was to be protected and could not. One writer a key at a time.
    pub(crate) fn put(&self, key: Key, entry: Entry<Value>, protected: bool) -> bool {
        either!(self, moka => moka.put(key, entry, protected), own => own.put(key, entry, protected))
    }

    /// Removes an entry if it is doomed. One writer a key at a time.
    pub(crate) fn remove_if(&self, key: &Key, doomed: impl Fn(&Meta) -> bool) -> bool {
        either!(self, moka => moka.remove_if(key, doomed), own => own.remove_if(Cause::Removed, key, doomed))
    }

    /// Removes all that is doomed. `hold` keeps other writers from a key.
    pub(crate) fn remove_all<G>(
        &self,
        hold: impl Fn(&Key) -> G,
        doomed: impl Fn(&Key, &Meta) -> bool,
    ) -> u64 {
        let cause = Cause::Removed;
        either!(self, moka => moka.remove_all(cause, hold, doomed), own => own.remove_all(cause, doomed))
    }

    /// Reclaims what is dead.
    pub(crate) fn sweep<G>(&self, now: Timestamp, hold: impl Fn(&Key) -> G) -> u64 {
        either!(self, moka => moka.sweep(now, hold), own => own.sweep(now))
    }

    /// Protects what is held and wanted; answers with those for which the share has no room.
    pub(crate) fn protect<G>(&self, hold: impl Fn(&Key) -> G, wanted: impl Fn(&Key) -> bool) -> Vec<Key> {
        either!(self, moka => moka.protect(hold, wanted), own => own.protect(wanted))
    }

    /// Ends the protection of what is no longer wanted so.
    pub(crate) fn unprotect<G>(&self, hold: impl Fn(&Key) -> G, wanted: impl Fn(&Key) -> bool) {
        either!(self, moka => moka.unprotect(hold, wanted), own => own.unprotect(wanted))
    }

    /// Applies what was put off.
    pub(crate) fn settle(&self) {
        if let Self::Buffered(moka) = self {
            moka.settle();
        }
    }

    /// Entries held, and how many of them are protected.
    pub(crate) fn len(&self) -> (u64, u64) {
        either!(self, moka => moka.len(), own => own.len())
    }

    pub(crate) fn weight(&self) -> u64 {
        either!(self, moka => moka.weight(), own => own.budget().used())
    }

    pub(crate) fn protected_weight(&self) -> u64 {
        either!(self, moka => moka.protected_weight(), own => own.budget().protected())
    }
}

impl Bounds {
    pub(crate) fn budget(&self) -> Budget {
        Budget::new(self.limit, self.protected)
    }
}
