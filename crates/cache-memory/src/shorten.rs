//! Lives of what memory holds, shortened: by a bound, or since it was marked stale.

use cache_core::{Entry, Key, Meta, Timestamp, sync::Mutex};

use crate::{
    memory::Memory,
    store::walk::steps::{no_pause, run},
};

/// How a life is shortened.
#[derive(Clone, Copy)]
struct Shortening {
    /// Until when the life lasts that is shortened.
    lasts: fn(&Meta) -> Timestamp,
    shortened: fn(Meta, Timestamp) -> Meta,
}

/// Of what is marked, the life is bounded that it was promised.
const BOUND: Shortening = Shortening { lasts: Meta::promised, shortened: Meta::stale_by };
const MARK: Shortening = Shortening { lasts: |meta| meta.stale_at, shortened: Meta::marked_stale };

impl Memory {
    /// Shortens the lives of entries: each of which `stale_by` tells a moment is fresh until then at the latest.
    /// Returns how many were shortened. Every entry is visited, and `stale_by` runs under the lock of its shard:
    /// it must be short, and must not call this tier.
    pub fn shorten(&self, stale_by: impl Fn(&Key, &Meta) -> Option<Timestamp>) -> u64 {
        run(self.shorten_as(stale_by, BOUND, no_pause))
    }

    /// Marks entries stale: each of which `marked` tells a moment is fresh until then at the latest, and held and
    /// served as long as before. Otherwise as [`Memory::shorten`].
    pub fn mark_stale(&self, marked: impl Fn(&Key, &Meta) -> Option<Timestamp>) -> u64 {
        run(self.mark_stale_pausing(marked, no_pause))
    }

    /// As [`Memory::mark_stale`]. Waits for `pause` every few hundred entries, so that an async caller can yield.
    pub async fn mark_stale_pausing<F: Future<Output = ()>>(
        &self,
        marked: impl Fn(&Key, &Meta) -> Option<Timestamp>,
        pause: impl Fn() -> F,
    ) -> u64 {
        self.shorten_as(marked, MARK, pause).await
    }

    /// Marks what is held of a key stale from `at` on, if it was born at `until` or before.
    pub fn mark_key_stale(&self, key: &Key, until: Timestamp, at: Timestamp) {
        let _told = self.evictions.tell_after();
        self.shorten_key(key, |meta| meta.born <= until, at, MARK);
    }

    async fn shorten_as<F: Future<Output = ()>>(
        &self,
        until: impl Fn(&Key, &Meta) -> Option<Timestamp>,
        how: Shortening,
        pause: impl Fn() -> F,
    ) -> u64 {
        let _told = self.evictions.tell_after();
        let found = Mutex::new(Vec::new());
        let note = |key: &Key, meta: &Meta| {
            if let Some(at) = until(key, meta).filter(|at| *at < (how.lasts)(meta)) {
                found.lock().push((key.clone(), meta.born, at));
            }
            false
        };
        let mut pauses = self.pauses(pause);
        self.store.remove_all(|key| self.stripe(key), note, |_, _| {}, &mut pauses).await;
        let mut count = 0;
        for (key, born, at) in found.into_inner() {
            // It may have been replaced since.
            count += u64::from(self.shorten_key(&key, |meta| meta.born == born, at, how));
            pauses.visited(1).await;
        }
        count
    }

    /// Returns whether it is still there.
    fn shorten_key(
        &self,
        key: &Key,
        is_concerned: impl Fn(&Meta) -> bool,
        at: Timestamp,
        how: Shortening,
    ) -> bool {
        let _stripe = self.stripe(key);
        let Some(entry) =
            self.peek(key).filter(|entry| is_concerned(&entry.meta) && at < (how.lasts)(&entry.meta))
        else {
            return false;
        };
        let entry = Entry { meta: (how.shortened)(entry.meta.clone(), at), ..entry };
        // It takes the room that it had.
        self.store.put(key.clone(), entry, self.protection.covers(key), Timestamp::MIN);
        true
    }
}
