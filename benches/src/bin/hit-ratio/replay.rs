//! Replaying a trace through the near tier: a `get` for each access, and after a miss a `put`.

use std::{sync::Arc, time::Duration};

use cache_core::{Entry, Meta, Timestamp, Ttl};
use cache_facade::{Eviction, Memory};
use cache_memory::Value;

use crate::trace::Trace;

/// Longer than any replay: nothing dies. All lives being equal, `ttl` evicts in the order of births.
const LIFE: Duration = Duration::from_secs(24 * 3600);

/// A way to run the near tier.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Variant {
    pub(crate) name: &'static str,
    eviction: Eviction,
    /// Whether in one shard, settled after each access, so that the policy alone decides; else in as
    /// many shards as it takes by default, and never settled.
    exact: bool,
}

impl Variant {
    /// Each policy, exactly, and the hybrid once more as it is by default.
    pub(crate) fn all() -> Vec<Self> {
        let exact = |eviction: Eviction| Self { name: eviction.as_str(), eviction, exact: true };
        let shipped = Self { name: crate::summary::SHIPPED, eviction: Eviction::Hybrid, exact: false };
        Eviction::ALL.into_iter().map(exact).chain([shipped]).collect()
    }

    /// The share of accesses that hit, with room for `size` entries.
    pub(crate) fn replay(self, trace: &Trace, size: u64) -> f64 {
        let builder = Memory::builder().entries(size).eviction(self.eviction);
        let memory = if self.exact { builder.shards(1).build() } else { builder.build() };
        let value: Value = Arc::new(());
        let mut hits = 0_u64;
        for (micros, &at) in (1..).zip(&trace.accesses) {
            let key = &trace.keys[at as usize];
            if memory.get(key).is_some() {
                hits += 1;
            } else {
                let now = Timestamp::from_micros(micros);
                let meta = Meta::new(now, Ttl::new(LIFE));
                memory.put(key.clone(), Entry::new(Arc::clone(&value), meta), now);
            }
            if self.exact {
                memory.settle();
            }
        }
        hits as f64 / trace.accesses.len() as f64
    }
}

/// Policies at their plainest, to prove reader and references right against each other.
#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::data::Data;

    /// The hit ratio of a list bounded to `size` keys, which drops its front; a hit moves a key to the
    /// back if `recent`.
    fn simulated(trace: &Trace, size: u64, recent: bool) -> f64 {
        let mut hits = 0;
        let mut places: Vec<Option<usize>> = vec![None; trace.keys.len()];
        let mut order = BTreeMap::new();
        for (now, &at) in trace.accesses.iter().enumerate() {
            let held = places[at as usize];
            hits += usize::from(held.is_some());
            if held.is_some() && !recent {
                continue;
            }
            if let Some(place) = held {
                order.remove(&place);
            } else if order.len() as u64 == size {
                let (_, dropped) = order.pop_first().unwrap();
                places[dropped as usize] = None;
            }
            order.insert(now, at);
            places[at as usize] = Some(now);
        }
        hits as f64 / trace.accesses.len() as f64
    }

    #[test]
    fn simulated_lru_and_fifo_equal_the_committed_references() {
        let data = Data::find(Some("no such folder".into())).unwrap();
        let trace = Trace::read(&data.trace("web12").unwrap()).unwrap();
        let rows: Vec<_> = data.rows().unwrap().into_iter().filter(|row| row.trace == "web12").collect();
        assert_eq!(rows.len(), 4);
        for row in rows {
            assert_eq!(row.requests, Some(trace.accesses.len() as u64));
            assert_eq!(row.unique, Some(trace.keys.len() as u64));
            for (column, recent) in [("LRU", true), ("FIFO", false)] {
                let ratio = simulated(&trace, row.size, recent);
                let wanted = row.ratio(column).unwrap();
                assert!((ratio - wanted).abs() < 5e-7, "{column} at {}: {ratio}, not {wanted}", row.size);
            }
        }
    }

    #[test]
    fn exact_lru_and_fifo_equal_the_simulated_ones() {
        let data = Data::find(Some("no such folder".into())).unwrap();
        let mut trace = Trace::read(&data.trace("web12").unwrap()).unwrap();
        trace.accesses.truncate(20_000);
        for variant in Variant::all().into_iter().filter(|variant| variant.exact) {
            let recent = match variant.eviction {
                Eviction::Lru => true,
                // All lives being equal, who dies first is who came first.
                Eviction::Fifo | Eviction::Ttl => false,
                _ => continue,
            };
            for size in [1, 69, 1376] {
                let (ratio, wanted) = (variant.replay(&trace, size), simulated(&trace, size, recent));
                assert_eq!(ratio, wanted, "{} at {size}", variant.name);
            }
        }
    }
}
