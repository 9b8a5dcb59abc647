//! A read's first step: memory, without awaiting.

use std::{sync::Arc, time::Duration};

use cache_core::{Entry, Event, Key, LookupKey, Timestamp, ToKey};
use cache_memory::EntryRef;

use super::servable::{Servable, Unservable};
use crate::{
    answer::{Found, Source},
    engine::counters::Count,
    invalidation::marked::marked_in_memory,
    region::{Cacheable, Region},
};

/// What memory has under a key.
#[derive(Debug)]
pub(crate) enum MemoryLookup<V> {
    /// A value to be served as it is.
    Fresh(Found<V>),
    /// A value to be served as it is and refreshed in the background, since most of its life is over.
    Due(Found<V>),
    /// A value in grace.
    Stale(Found<V>),
    /// A value that a newer one elsewhere replaced, in place of a load that fails.
    Replaced(Found<V>),
    /// Nothing that may be served.
    Miss(Unservable),
}

/// What the hit path saw of a key that it could not answer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FirstLook {
    /// Nothing that a closer look could find.
    Nothing(Unservable),
    /// An entry that takes a closer look; or nobody has looked yet.
    Closer,
}

impl<V: Cacheable> Region<V> {
    /// Looks a key up in memory, without counting.
    pub(crate) fn look_in_memory(&self, key: &impl LookupKey, now: Timestamp) -> MemoryLookup<V> {
        if !self.asks_memory(key) {
            return MemoryLookup::Miss(Unservable::NotAsked);
        }
        let Some(entry) = self.engine.memory().peek(key) else {
            return MemoryLookup::Miss(Unservable::Absent);
        };
        if entry.value.is_none() && self.policy.needs_value {
            return MemoryLookup::Miss(Unservable::Absent);
        }
        let tags = self.engine.stamps().verdict(&entry.meta, false);
        let entry = Entry { meta: marked_in_memory(&self.core.stamps(), entry.meta, tags, now), ..entry };
        let servable = self.judge_by(key, &entry.meta, tags, now);
        match (servable, found_as(EntryRef::from(&entry))) {
            (Servable::No(reason), _) => MemoryLookup::Miss(reason),
            (_, None) => MemoryLookup::Miss(Unservable::Unreadable),
            (Servable::Fresh, Some(found)) => MemoryLookup::Fresh(found),
            (Servable::Due, Some(found)) => MemoryLookup::Due(found),
            (Servable::Stale, Some(found)) => MemoryLookup::Stale(found),
            (Servable::Replaced, Some(found)) => MemoryLookup::Replaced(found),
        }
    }

    /// The hit: what `take` makes of an entry that can be served with nothing else to be done about it,
    /// counted. Whatever is not so simple takes the longer way, and what was seen of it is the error.
    #[inline]
    pub(crate) fn fresh_in_memory<K: ToKey + ?Sized, T>(
        &self,
        key: &K,
        take: impl FnOnce(EntryRef<'_>) -> Option<T>,
    ) -> Result<T, FirstLook> {
        let key = &key.to_lookup(&self.core.prefix);
        if !self.asks_memory(key) {
            return Err(FirstLook::Nothing(Unservable::NotAsked));
        }
        let latest_stamp = self.core.latest_stamp();
        let plain = latest_stamp == Timestamp::MIN && self.policy.is_plain();
        let taken = self.engine.memory().read(key, |held| {
            // The clock is read while the entry is on its way from memory.
            let now = self.engine.clock().coarse();
            if self.is_plainly_fresh(held, plain, latest_stamp, now) { take(held) } else { None }
        });
        let taken = taken.ok_or(FirstLook::Nothing(Unservable::Absent))?.ok_or(FirstLook::Closer)?;
        self.engine.memory().count_hit_of(&self.core.reads, key);
        self.engine.observers().tell_hit(key);
        self.engine.spans().hit(&self.core.prefix, key);
        Ok(taken)
    }

    /// Whether memory takes part in a read of this key.
    #[inline]
    fn asks_memory(&self, key: &impl LookupKey) -> bool {
        key.has_prefix(&self.core.prefix) && !self.policy.skips("memory") && self.engine.memory_in_use()
    }

    /// Returns for how long memory's value of a key is still fresh. The look is not counted.
    pub(crate) fn fresh_in_memory_for(&self, key: &Key) -> Option<Duration> {
        let now = self.engine.clock().now();
        match self.look_in_memory(key, now) {
            MemoryLookup::Fresh(found) | MemoryLookup::Due(found) => Some(found.meta.stale_at.since(now)),
            MemoryLookup::Stale(_) | MemoryLookup::Replaced(_) | MemoryLookup::Miss(_) => None,
        }
    }

    /// Whether memory knows that a key has no value. The look is not counted.
    pub(crate) fn is_known_absent_in_memory(&self, key: &Key) -> bool {
        match self.look_in_memory(key, self.engine.clock().now()) {
            MemoryLookup::Fresh(found) | MemoryLookup::Due(found) => found.value.is_none(),
            MemoryLookup::Stale(_) | MemoryLookup::Replaced(_) | MemoryLookup::Miss(_) => false,
        }
    }

    /// Counts a read that memory answered.
    pub(crate) fn count_hit(&self, key: &Key, stale: bool) {
        self.engine.memory().count_hit_of(&self.core.reads, key);
        if stale {
            self.core.counters.bump(Count::MemoryStale);
        }
        self.engine.observers().tell(&Event::Hit { key, source: "memory", stale });
    }

    /// Counts a read that memory could not answer as it should be.
    pub(crate) fn count_miss(&self, key: &Key, servable: Servable) {
        self.engine.memory().count_miss_of(&self.core.reads, key);
        tracing::trace!(%key, ?servable, "memory can't answer a read");
        let reason = servable.miss_reason();
        self.engine.observers().tell(&Event::Miss { key, source: "memory", reason });
    }
}

/// Returns the entry with its value as a `V`; `None` if the value is of another type, which a region never
/// puts there.
pub(crate) fn found_as<V: Cacheable>(held: EntryRef<'_>) -> Option<Found<V>> {
    Some(Found::new(value_as(held)?, Source::Memory, held.meta().clone()))
}

/// Returns the value as a `V`, if there is one; `None` if it is of another type.
#[inline]
pub(crate) fn value_as<V: Cacheable>(held: EntryRef<'_>) -> Option<Option<Arc<V>>> {
    match held.value() {
        Some(value) => Some(Some(Arc::clone(value).downcast::<V>().ok()?)),
        None => Some(None),
    }
}
