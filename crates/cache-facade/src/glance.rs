//! The first hop of a read: memory, without awaiting.

use std::sync::Arc;

use cache_core::{Event, Freshness, Key, LookupKey, Meta, Timestamp, ToKey};
use cache_memory::EntryRef;

use crate::{
    counters::Count,
    lookup::{Found, Source},
    region::{Cacheable, Region},
    stamps::Verdict,
};

/// What memory has to say about a key.
#[derive(Debug)]
pub(crate) enum Glance<V> {
    /// To be served as it is.
    Fresh(Found<V>),
    /// To be served as it is, and refreshed behind: most of its life is over.
    Due(Found<V>),
    /// In grace.
    Stale(Found<V>),
    /// Nothing that may be served.
    Miss,
}

impl<V: Cacheable> Region<V> {
    /// What memory has, without counting.
    pub(crate) fn glance(&self, key: &impl LookupKey, now: Timestamp) -> Glance<V> {
        let entry = self.looks(key).then(|| self.engine.memory.peek(key)).flatten();
        let Some(entry) = entry else { return Glance::Miss };
        let held = EntryRef::from(&entry);
        let freshness = entry.meta.freshness(now);
        if freshness == Freshness::Dead || !self.alive(&entry.meta) {
            return Glance::Miss;
        }
        let due = self.due(&entry.meta, now);
        match typed(held) {
            None => Glance::Miss,
            Some(found) if freshness == Freshness::Stale => Glance::Stale(found),
            Some(found) if due => Glance::Due(found),
            Some(found) => Glance::Fresh(found),
        }
    }

    /// The hit: what `take` makes of an entry that can be served with nothing else to be done about it,
    /// counted. What is not so simple is `None` and takes the longer way.
    #[inline]
    pub(crate) fn fresh<K: ToKey + ?Sized, T>(
        &self,
        key: &K,
        take: impl FnOnce(EntryRef<'_>) -> Option<T>,
    ) -> Option<T> {
        let key = &key.to_lookup(&self.core.prefix);
        if !self.looks(key) {
            return None;
        }
        let cleared = self.core.cleared();
        let plain = cleared == Timestamp::MIN && self.policy.eager.is_none();
        let taken = self.engine.memory.read(key, |held| {
            // The clock is read while the entry is on its way from memory.
            let now = self.engine.clock.coarse();
            let simple =
                now < held.stale_at() && (plain && !held.is_tagged() || self.holds(held, cleared, now));
            if simple { take(held) } else { None }
        })??;
        self.engine.memory.count_hit(key);
        if self.engine.observers.any()
            && let Ok(key) = key.key()
        {
            self.engine.observers.tell(&Event::Hit { key: &key, source: "memory", stale: false });
        }
        Some(taken)
    }

    /// Whether memory takes part for this key.
    #[inline]
    fn looks(&self, key: &impl LookupKey) -> bool {
        key.has_prefix(&self.core.prefix) && !self.policy.skips("memory") && self.engine.memory_on()
    }

    /// Whether a fresh entry outlived all stamps, and is not due to be refreshed.
    #[inline(never)]
    fn holds(&self, held: EntryRef<'_>, cleared: Timestamp, now: Timestamp) -> bool {
        let meta = held.meta();
        meta.born > cleared
            && (!held.is_tagged() || self.engine.stamps.verdict(meta, false) == Verdict::Alive)
            && !self.due(meta, now)
    }

    /// Whether no stamp known here kills it.
    pub(crate) fn alive(&self, meta: &Meta) -> bool {
        meta.born > self.core.cleared() && self.engine.stamps.verdict(meta, false) == Verdict::Alive
    }

    /// Counts a read that memory answered.
    pub(crate) fn hit(&self, key: &Key, stale: bool) {
        self.engine.memory.count_hit(key);
        if stale {
            self.engine.counters.bump(Count::MemoryStale);
        }
        self.engine.observers.tell(&Event::Hit { key, source: "memory", stale });
    }

    /// Whether the eager share of a life is over.
    pub(crate) fn due(&self, meta: &Meta, now: Timestamp) -> bool {
        self.policy.eager.is_some_and(|share| {
            let life = meta.stale_at.as_micros().saturating_sub(meta.born.as_micros());
            let spent = now.as_micros().saturating_sub(meta.born.as_micros());
            spent as f64 >= life as f64 * share
        })
    }
}

/// The entry with its value as a `V`; `None` for another type's, which a region never puts there.
pub(crate) fn typed<V: Cacheable>(held: EntryRef<'_>) -> Option<Found<V>> {
    Some(Found { value: typed_value(held)?, source: Source::Memory, meta: held.meta().clone() })
}

/// The value as a `V`, if there is one; `None` if it is of another type.
#[inline]
pub(crate) fn typed_value<V: Cacheable>(held: EntryRef<'_>) -> Option<Option<Arc<V>>> {
    match held.value() {
        Some(value) => Some(Some(Arc::clone(value).downcast::<V>().ok()?)),
        None => Some(None),
    }
}
