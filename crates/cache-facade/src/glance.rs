//! The first hop of a read: memory, without awaiting.

use cache_core::{Entry, Event, Freshness, KeyRef, Timestamp};
use cache_memory::Value;

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
    pub(crate) fn glance(&self, key: KeyRef<'_>, now: Timestamp) -> Glance<V> {
        if key.prefix() != self.core.prefix.as_str()
            || self.policy.skips("memory")
            || !self.engine.memory_on()
        {
            return Glance::Miss;
        }
        let Some(entry) = self.engine.memory.get(key) else { return Glance::Miss };
        let freshness = entry.meta.freshness(now);
        if freshness == Freshness::Dead
            || entry.meta.born <= self.core.cleared()
            || self.engine.stamps.verdict(&entry.meta, false) != Verdict::Alive
        {
            return Glance::Miss;
        }
        let due = self.due(entry.meta.born, entry.meta.stale_at, now);
        match typed(entry) {
            None => Glance::Miss,
            Some(found) if freshness == Freshness::Stale => Glance::Stale(found),
            Some(found) if due => Glance::Due(found),
            Some(found) => Glance::Fresh(found),
        }
    }

    /// What memory can serve with nothing else to be done about it, counted as a hit.
    pub(crate) fn glance_counted(&self, key: KeyRef<'_>) -> Option<Found<V>> {
        match self.glance(key, self.engine.clock.now()) {
            Glance::Fresh(found) if !self.engine.observers.any() => {
                self.engine.counters.bump(Count::MemoryHit);
                Some(found)
            }
            // The rest is counted where it is dealt with; observers want the whole key.
            _ => None,
        }
    }

    /// Counts a read that memory answered.
    pub(crate) fn hit(&self, key: &cache_core::Key, stale: bool) {
        self.engine.counters.bump(Count::MemoryHit);
        if stale {
            self.engine.counters.bump(Count::MemoryStale);
        }
        self.engine.observers.tell(&Event::Hit { key, source: "memory", stale });
    }

    /// Whether the eager share of a life is over.
    pub(crate) fn due(&self, born: Timestamp, stale_at: Timestamp, now: Timestamp) -> bool {
        self.policy.eager.is_some_and(|share| {
            let life = stale_at.as_micros().saturating_sub(born.as_micros());
            let spent = now.as_micros().saturating_sub(born.as_micros());
            spent as f64 >= life as f64 * share
        })
    }
}

/// The entry with its value as a `V`; `None` for another type's, which a region never puts there.
fn typed<V: Cacheable>(entry: Entry<Value>) -> Option<Found<V>> {
    let value = match entry.value {
        Some(value) => Some(value.downcast::<V>().ok()?),
        None => None,
    };
    Some(Found { value, source: Source::Memory, meta: entry.meta })
}
