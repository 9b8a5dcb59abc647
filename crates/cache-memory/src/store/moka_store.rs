//! The near store of moka: reads are noted in buffers, and evictions follow a little later.

use std::{
    hash::BuildHasherDefault,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use cache_core::{Entry, Freshness, Key, KeyHasher, LookupKey, Meta, Timestamp};
use moka::{notification::RemovalCause, policy::EvictionPolicy, sync::Cache};

use crate::{
    memory::Value,
    policies::fifo::Fifo,
    stats::evictions::{Cause, Departures},
    store::Bounds,
    store::entry_ref::Held,
    store::shards::Shards,
    store::weight::Weigher,
};

/// Entries in moka, which can't be told to spare one: those that are protected lie beside it, in a share
/// of the budget that is theirs alone.
pub(crate) struct Buffered {
    entries: Cache<Key, Entry<Value>, BuildHasherDefault<KeyHasher>>,
    protected: Shards<Fifo>,
    /// Held by who moves entries from one to the other, and by who goes through both: nothing slips by.
    moving: Mutex<()>,
    /// Held, after the lock of a key, by who asks whether there is room among the protected and takes it.
    granting: Mutex<()>,
    /// What is not set aside for protected entries.
    room: u64,
    weigher: Weigher,
    departures: Arc<Departures>,
}

impl Buffered {
    pub(crate) fn new(policy: EvictionPolicy, bounds: Bounds, departures: Arc<Departures>) -> Self {
        let Bounds { limit, protected, weigher, .. } = bounds;
        let room = limit - protected;
        let listener = Arc::clone(&departures);
        let entries = Cache::builder()
            .max_capacity(room)
            .weigher(move |key, entry| weigher.weigh(key, entry))
            .eviction_policy(policy)
            .eviction_listener(move |key, entry, cause| match cause {
                RemovalCause::Size => listener.note(Cause::Size, &key, weigher.weigh(&key, &entry)),
                RemovalCause::Replaced => listener.note(Cause::Replaced, &key, weigher.weigh(&key, &entry)),
                // Whoever removes it takes note; there is no expiry.
                RemovalCause::Explicit | RemovalCause::Expired => {}
            })
            .build_with_hasher(KeyHasher::builder());
        let protected = Shards::new(Bounds { limit: protected, ..bounds }, Arc::clone(&departures));
        let (moving, granting) = Default::default();
        Self { entries, protected, moving, granting, room, weigher, departures }
    }

    pub(crate) fn read<T>(&self, key: &impl LookupKey, look: impl FnOnce(Held<'_>) -> T) -> Option<T> {
        match self.entries.get(key) {
            Some(entry) => Some(look(Held::from(&entry))),
            None if self.protected.budget().used() > 0 => self.protected.read(key, look),
            None => None,
        }
    }

    /// As [`Shards::holds`], though moka takes a look at what is held for a read.
    pub(crate) fn holds(&self, key: &Key, wanted: impl Fn(&Meta) -> bool) -> bool {
        // moka would count a miss, too, towards how often the key is asked for.
        let entry = self.entries.contains_key(key).then(|| self.entries.get(key)).flatten();
        entry.is_some_and(|entry| wanted(&entry.meta)) || self.protected.holds(key, wanted)
    }

    /// As [`Shards::put`]. Nobody else may write the key meanwhile.
    pub(crate) fn put(&self, key: Key, entry: Entry<Value>, protected: bool) -> bool {
        self.protected.remove_if(Cause::Replaced, &key, |_| true);
        if protected {
            let _granting = lock(&self.granting);
            if self.has_room(self.weigher.weigh(&key, &entry)) {
                self.end(Cause::Replaced, &key);
                return self.protected.put(key, entry, true);
            }
        }
        self.leave_to_moka(Cause::Oversized, key, entry);
        !protected
    }

    pub(crate) fn remove_if(&self, key: &Key, doomed: impl Fn(&Meta) -> bool) -> bool {
        self.remove_for(Cause::Removed, key, doomed)
    }

    /// Removes whatever is doomed. moka doesn't look and remove in one step, so nobody else may write a
    /// key meanwhile: `hold` sees to that.
    pub(crate) fn remove_all<G>(
        &self,
        cause: Cause,
        hold: impl Fn(&Key) -> G,
        doomed: impl Fn(&Key, &Meta) -> bool,
    ) -> u64 {
        let _moving = lock(&self.moving);
        let mut count = 0;
        for (key, entry) in &self.entries {
            if doomed(&key, &entry.meta) {
                let _held = hold(&key);
                count += u64::from(self.remove_for(cause, &key, |now_held| doomed(&key, now_held)));
            }
        }
        count + self.protected.remove_all(cause, doomed)
    }

    pub(crate) fn sweep<G>(&self, now: Timestamp, hold: impl Fn(&Key) -> G) -> u64 {
        let count = self.remove_all(Cause::Expired, hold, |_, meta| meta.freshness(now) == Freshness::Dead);
        self.settle();
        count
    }

    /// Moves what is wanted to the protected ones; answers with the keys for which there is no room.
    pub(crate) fn protect<G>(&self, hold: impl Fn(&Key) -> G, wanted: impl Fn(&Key) -> bool) -> Vec<Key> {
        let _moving = lock(&self.moving);
        let mut refused = Vec::new();
        for (key, _) in self.entries.iter().filter(|(key, _)| wanted(key)) {
            let _held = hold(&key);
            let Some(entry) = self.entries.get(&*key) else { continue };
            let _granting = lock(&self.granting);
            if self.has_room(self.weigher.weigh(&key, &entry)) {
                if let Some(entry) = self.take(&key) {
                    self.protected.put((*key).clone(), entry, true);
                }
            } else {
                refused.push((*key).clone());
            }
        }
        refused
    }

    /// Moves what is protected and not wanted so to the others.
    pub(crate) fn unprotect<G>(&self, hold: impl Fn(&Key) -> G, wanted: impl Fn(&Key) -> bool) {
        let _moving = lock(&self.moving);
        for key in self.protected.keys().into_iter().filter(|key| !wanted(key)) {
            let _held = hold(&key);
            if let Some((key, entry)) = self.protected.take_if(&key, |_| true) {
                self.leave_to_moka(Cause::Size, key, entry);
            }
        }
    }

    /// Applies what is still in moka's buffers.
    pub(crate) fn settle(&self) {
        self.entries.run_pending_tasks();
    }

    /// Entries held, and how many of them are protected.
    pub(crate) fn len(&self) -> (u64, u64) {
        let (protected, _) = self.protected.len();
        (self.entries.entry_count() + protected, protected)
    }

    /// The weight of what is held.
    pub(crate) fn weight(&self) -> u64 {
        self.entries.weighted_size() + self.protected.budget().used()
    }

    pub(crate) fn protected_weight(&self) -> u64 {
        self.protected.budget().used()
    }

    fn remove_for(&self, cause: Cause, key: &Key, doomed: impl Fn(&Meta) -> bool) -> bool {
        let Some(entry) = self.entries.get(key) else {
            return self.protected.remove_if(cause, key, doomed);
        };
        doomed(&entry.meta) && self.end(cause, key)
    }

    /// Takes an entry from moka, unless moka has evicted it just now.
    fn take(&self, key: &Key) -> Option<Entry<Value>> {
        if self.entries.contains_key(key) {
            // moka 0.12.16 weighs wrong for good if an entry goes whose new weight it has not applied yet.
            self.settle();
        }
        self.entries.remove(key)
    }

    /// Takes an entry from moka and notes why.
    fn end(&self, cause: Cause, key: &Key) -> bool {
        let gone = self.take(key);
        if let Some(entry) = &gone {
            self.departures.note(cause, key, self.weigher.weigh(key, entry));
        }
        gone.is_some()
    }

    /// Leaves an entry to moka, which would drop without a word what it has no room for at all: that is
    /// noted here.
    fn leave_to_moka(&self, cause: Cause, key: Key, entry: Entry<Value>) {
        let weight = self.weigher.weigh(&key, &entry);
        if u64::from(weight) > self.room {
            self.end(Cause::Replaced, &key);
            self.departures.note(cause, &key, weight);
        } else {
            self.entries.insert(key, entry);
        }
    }

    fn has_room(&self, weight: u32) -> bool {
        let budget = self.protected.budget();
        budget.used() + u64::from(weight) <= budget.limit()
    }
}

fn lock(mutex: &Mutex<()>) -> MutexGuard<'_, ()> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
