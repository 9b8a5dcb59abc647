//! The store of the chosen policy: one type, told apart by one branch.

pub(crate) mod budget;
pub(crate) mod entry_ref;
pub(crate) mod fair_lock;
#[cfg(feature = "moka")]
pub(crate) mod moka_store;
pub(crate) mod shard;
pub(crate) mod shards;
pub(crate) mod slots;
pub(crate) mod stored;
pub(crate) mod walk;
pub(crate) mod weight;

use std::sync::Arc;

use cache_core::{Entry, EvictionCause, Key, LookupKey, Meta, Timestamp};

use crate::{
    eviction::Eviction,
    memory::Value,
    policies::{fifo::Fifo, hybrid::Hybrid, ttl::ByExpiry},
    stats::evictions::EvictionLog,
    store::{
        budget::Budget,
        entry_ref::EntryRef,
        shards::Shards,
        stored::Stored,
        walk::{ended::EndJudge, steps::Pauses},
        weight::Weigher,
    },
};
#[cfg(feature = "moka")]
use crate::{
    policies::{lfu, lru},
    store::moka_store::MokaStore,
};

/// The entries, in the store of one of the policies.
pub(crate) enum Store {
    #[cfg(feature = "moka")]
    Moka(Box<MokaStore>),
    Fifo(Shards<Fifo>),
    Ttl(Shards<ByExpiry>),
    Hybrid(Shards<Hybrid>),
}

/// One call for moka's store, and one that is the same for each of our own stores.
macro_rules! dispatch {
    ($self:expr, $moka:ident => $moka_call:expr, $own:ident => $own_call:expr) => {
        match $self {
            Store::Hybrid($own) => $own_call,
            Store::Fifo($own) => $own_call,
            Store::Ttl($own) => $own_call,
            #[cfg(feature = "moka")]
            Store::Moka($moka) => $moka_call,
        }
    };
}

/// How much a store may hold, and how it is divided.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) limit: u64,
    /// The part of `limit` that protected entries may take.
    pub(crate) protected: u64,
    /// The share of the budget that they may take, should it change.
    pub(crate) protected_share: f64,
    pub(crate) weigher: Weigher,
    pub(crate) shards: usize,
}

// Only moka can't look and remove in one step, and has to `hold` other writers in between.
#[cfg_attr(not(feature = "moka"), expect(unused_variables))]
impl Store {
    pub(crate) fn new(
        policy: Eviction,
        bounds: Bounds,
        evictions: Arc<EvictionLog>,
        ended: Arc<EndJudge>,
    ) -> Self {
        match policy {
            #[cfg(feature = "moka")]
            Eviction::Lru => Self::Moka(Box::new(MokaStore::new(lru::policy(), bounds, evictions, ended))),
            #[cfg(feature = "moka")]
            Eviction::Lfu => Self::Moka(Box::new(MokaStore::new(lfu::policy(), bounds, evictions, ended))),
            Eviction::Fifo => Self::Fifo(Shards::new(bounds, evictions, ended)),
            Eviction::Ttl => Self::Ttl(Shards::new(bounds, evictions, ended)),
            Eviction::Hybrid => Self::Hybrid(Shards::new(bounds, evictions, ended)),
        }
    }

    /// Shows the entry of a key to `look`, which runs under a lock and must not call this store.
    #[inline]
    pub(crate) fn read<T>(&self, key: &impl LookupKey, look: impl FnOnce(EntryRef<'_>) -> T) -> Option<T> {
        dispatch!(self, moka => moka.read(key, look), own => own.read(key, look))
    }

    /// Shows an entry to `look`. Our own policies do not count this as a read.
    pub(crate) fn look<T>(&self, key: &Key, look: impl FnOnce(EntryRef<'_>) -> T) -> Option<T> {
        dispatch!(self, moka => moka.look(key, look), own => own.look(key, look))
    }

    /// Stores an entry. Returns `false` if it was to be protected and was not. One writer a key at a time.
    pub(crate) fn put(&self, key: Key, entry: Entry<Value>, protected: bool, now: Timestamp) -> bool {
        let entry = Entry { value: entry.value.map(Stored::new), meta: entry.meta };
        dispatch!(self, moka => moka.put(key, entry, protected), own => own.put(key, entry, protected, now))
    }

    /// Removes and returns an entry if it is doomed. One writer a key at a time.
    pub(crate) fn remove_if(&self, key: &Key, doomed: impl Fn(&Meta) -> bool) -> Option<Entry<Stored>> {
        dispatch!(self, moka => moka.remove_if(key, doomed), own => own.remove_if(EvictionCause::Removed, key, doomed))
    }

    /// Removes every doomed entry, and shows each to `gone`, under a lock. `hold` keeps other writers from a key.
    pub(crate) async fn remove_all<G, F: Future<Output = ()>>(
        &self,
        hold: impl Fn(&Key) -> G,
        doomed: impl Fn(&Key, &Meta) -> bool,
        gone: impl Fn(&Key, &Entry<Stored>),
        pauses: &mut Pauses<impl Fn() -> F>,
    ) -> u64 {
        let doomed = |key: &Key, meta: &Meta| doomed(key, meta).then_some(EvictionCause::Removed);
        dispatch!(
            self,
            moka => moka.remove_all(hold, doomed, gone, pauses).await,
            own => own.remove_all(doomed, gone, pauses).await
        )
    }

    /// Removes every dead entry. Returns how many.
    pub(crate) async fn sweep<G, F: Future<Output = ()>>(
        &self,
        now: Timestamp,
        hold: impl Fn(&Key) -> G,
        pauses: &mut Pauses<impl Fn() -> F>,
    ) -> u64 {
        dispatch!(self, moka => moka.sweep(now, hold, pauses).await, own => own.sweep(now, pauses).await)
    }

    /// Returns the entries whose keys are `wanted`.
    pub(crate) fn held(&self, wanted: impl Fn(&Key) -> bool) -> Vec<(Key, Entry<Value>)> {
        dispatch!(self, moka => moka.held(wanted), own => own.held(wanted))
    }

    /// Returns about `limit` of them from a place on, and the place from which to go on.
    pub(crate) fn held_from(
        &self,
        from: u64,
        limit: usize,
        wanted: impl Fn(&Key) -> bool,
    ) -> (Vec<(Key, Entry<Value>)>, Option<u64>) {
        dispatch!(self, moka => moka.held_from(from, limit, wanted), own => own.held_from(from, limit, wanted))
    }

    /// Protects the entries whose keys are `wanted`. Returns the keys for which the share has no room.
    pub(crate) fn protect<G>(&self, hold: impl Fn(&Key) -> G, wanted: impl Fn(&Key) -> bool) -> Vec<Key> {
        dispatch!(self, moka => moka.protect(hold, wanted), own => own.protect(wanted))
    }

    /// Ends the protection of entries whose keys are no longer `wanted`.
    pub(crate) fn unprotect<G>(&self, hold: impl Fn(&Key) -> G, wanted: impl Fn(&Key) -> bool) {
        dispatch!(self, moka => moka.unprotect(hold, wanted), own => own.unprotect(wanted))
    }

    /// Changes how much all entries may weigh, and how much the protected ones among them: see
    /// [`Shards::set_limits`]. `None` if the store can't.
    pub(crate) fn set_limits(&self, limit: u64, protected: u64) -> Option<bool> {
        dispatch!(self, _moka => None, own => Some(own.set_limits(limit, protected)))
    }

    /// Applies what moka has buffered.
    pub(crate) fn settle(&self) {
        dispatch!(self, moka => moka.settle(), _own => {});
    }

    /// Returns the number of entries, and how many of them are protected.
    pub(crate) fn len(&self) -> (u64, u64) {
        dispatch!(self, moka => moka.len(), own => own.len())
    }

    pub(crate) fn weight(&self) -> u64 {
        dispatch!(self, moka => moka.weight(), own => own.budget().used())
    }

    pub(crate) fn protected_weight(&self) -> u64 {
        dispatch!(self, moka => moka.protected_weight(), own => own.budget().protected())
    }
}

impl Bounds {
    pub(crate) fn budget(&self) -> Budget {
        Budget::new(self.limit, self.protected)
    }
}
