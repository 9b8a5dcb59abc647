//! The open regions of a cache, by kind: one type, codec and schema version each.

use std::{
    any::{Any, TypeId, type_name},
    collections::HashMap,
    sync::Arc,
};

use cache_core::{
    Error, ErrorKind, Key, Pattern, Prefix, Result, Timestamp,
    message::KeyText,
    sync::{Mutex, RwLock},
};
use cache_memory::Memory;

use super::counters::{Count, Counters};
use crate::{
    invalidation::stamps::kinds::KindStamps, region::Cacheable, region_core::RegionCore,
    settings::value_codec::ValueCodec, stats::RegionStats,
};

/// The open regions of a cache.
pub(crate) struct Regions {
    by_kind: Mutex<HashMap<String, OpenRegion>>,
    /// What [`Cache::region_once`](crate::Cache::region_once) opened, by the place in the code that asked.
    by_call_site: RwLock<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
    /// What concerns every kind: the last clear and mark of the whole cache, and the last mark of a key whose kind
    /// is not open. A region that is opened later begins with it.
    of_all: Mutex<KindStamps>,
}

/// A kind that was opened, and as what.
struct OpenRegion {
    type_id: TypeId,
    type_name: &'static str,
    core: Arc<dyn Any + Send + Sync>,
    untyped: Arc<dyn UntypedRegion>,
}

/// What the engine may do to a region without knowing its type.
pub(crate) trait UntypedRegion: Send + Sync {
    /// Whether memory alone holds its values.
    fn is_memory_only(&self) -> bool;

    /// Overtakes flights, so that their results are not kept: those of keys that match, or all.
    fn overtake(&self, pattern: Option<&Pattern>);
    /// Ends and marks what these stamps concern.
    fn raise(&self, stamps: KindStamps);
    /// Returns the stamps that are known.
    fn stamps(&self) -> KindStamps;
    /// The kind.
    fn kind(&self) -> &str;
    /// Whether the stamps of earlier processes were read from the tiers.
    fn are_stamps_known(&self) -> bool;
    /// Notes whether they were.
    fn set_stamps_known(&self, known: bool);
    /// What was counted of it off the hit path.
    fn counters(&self) -> &Counters;
    /// Returns how many reads memory answered.
    fn memory_hits(&self) -> u64;
    /// Returns it in numbers.
    fn stats(&self) -> RegionStats;
    /// Returns how many flights there are.
    fn flights(&self) -> usize;
    /// Overtakes the flight of a key of this region, and ends the key's pause. Returns the key and whether
    /// it had a flight; `None` for a key of another region.
    fn overtake_text(&self, text: &KeyText) -> Option<(Key, bool)>;
    /// Returns the key, if it is of this region.
    fn key_of(&self, text: &KeyText) -> Option<Key>;
}

impl Default for Regions {
    fn default() -> Self {
        Self {
            by_kind: Mutex::default(),
            by_call_site: RwLock::default(),
            of_all: Mutex::new(KindStamps::NONE),
        }
    }
}

impl Regions {
    /// Returns what the handles of a kind share, made by the first who opens it.
    ///
    /// # Errors
    ///
    /// `Config` if the kind is open with another type, codec or schema version.
    pub(crate) fn open<V: Cacheable>(
        &self,
        kind: &str,
        prefix: Prefix,
        codec: Option<ValueCodec<V>>,
        memory: &Memory,
    ) -> Result<Arc<RegionCore<V>>> {
        let mut regions = self.by_kind.lock();
        if let Some(open) = regions.get(kind) {
            let same = Arc::clone(&open.core).downcast::<RegionCore<V>>().ok();
            let same = same.filter(|core| core.codec == codec);
            return same.ok_or_else(|| {
                let message = if open.type_id == TypeId::of::<V>() {
                    format!(
                        "the kind {kind:?} is open with another codec or schema version, or for memory alone"
                    )
                } else {
                    format!("the kind {kind:?} is open for {}, not for {}", open.type_name, type_name::<V>())
                };
                Error::new(ErrorKind::Config, "open", format!("{message}: use one per kind"))
            });
        }
        let core = RegionCore::<V>::new(prefix, codec, self.stamps_of_all(), memory.read_counter());
        let core = Arc::new(core);
        let open = OpenRegion {
            type_id: TypeId::of::<V>(),
            type_name: type_name::<V>(),
            core: core.clone(),
            untyped: core.clone(),
        };
        regions.insert(kind.to_owned(), open);
        Ok(core)
    }

    /// Returns what was opened by this call site, if it was of type `T`.
    pub(crate) fn opened_by<T: Send + Sync + 'static>(&self, call_site: TypeId) -> Option<Arc<T>> {
        let opened = self.by_call_site.read().get(&call_site).cloned();
        opened.and_then(|parts| parts.downcast().ok())
    }

    pub(crate) fn note_opened_by<T: Send + Sync + 'static>(&self, call_site: TypeId, parts: Arc<T>) {
        self.by_call_site.write().insert(call_site, parts);
    }

    /// Returns the region of a kind, if it is open.
    pub(crate) fn of_kind(&self, kind: &str) -> Option<Arc<dyn UntypedRegion>> {
        self.by_kind.lock().get(kind).map(|open| Arc::clone(&open.untyped))
    }

    /// Returns the kinds that are open, in order.
    pub(crate) fn kinds(&self) -> Vec<String> {
        let mut kinds: Vec<String> = self.by_kind.lock().keys().cloned().collect();
        kinds.sort_unstable();
        kinds
    }

    /// Returns the regions in numbers, by kind.
    pub(crate) fn stats(&self) -> Vec<RegionStats> {
        let mut stats: Vec<_> = self.by_kind.lock().values().map(|open| open.untyped.stats()).collect();
        stats.sort_unstable_by(|a, b| a.kind.cmp(&b.kind));
        stats
    }

    /// Tells of each kind how many reads memory answered.
    pub(crate) fn memory_hits(&self, tell: &mut dyn FnMut(&str, u64)) {
        let regions: Vec<_> = self.by_kind.lock().values().map(|open| Arc::clone(&open.untyped)).collect();
        regions.iter().for_each(|region| tell(region.kind(), region.memory_hits()));
    }

    /// Returns what all regions counted.
    pub(crate) fn total(&self, count: Count) -> u64 {
        self.by_kind.lock().values().map(|open| open.untyped.counters().total(count)).sum()
    }

    /// Returns the last clear of each kind that is open.
    pub(crate) fn cleared_by_kind(&self) -> HashMap<String, Timestamp> {
        self.by_kind.lock().iter().map(|(kind, open)| (kind.clone(), open.untyped.stamps().cleared)).collect()
    }

    /// Whether an entry of a kind was ended by a clear.
    pub(crate) fn is_cleared(&self, kind: &str, born: Timestamp) -> bool {
        let cleared = self.by_kind.lock().get(kind).map(|open| open.untyped.stamps().cleared);
        born <= cleared.unwrap_or_else(|| self.stamps_of_all().cleared)
    }

    /// Returns what concerns the entries of a kind that is not open.
    pub(crate) fn stamps_of_all(&self) -> KindStamps {
        *self.of_all.lock()
    }

    /// Marks as dead what was born at `at` or before, in all regions and in those opened later.
    pub(crate) fn clear(&self, at: Timestamp) {
        self.raise_all(KindStamps { cleared: at, ..KindStamps::NONE });
        self.for_each(|region| region.overtake(None));
    }

    /// Marks as dead what was born at `at` or before, in the region of a kind.
    pub(crate) fn clear_kind(&self, kind: &str, at: Timestamp) {
        if let Some(region) = self.of_kind(kind) {
            region.raise(KindStamps { cleared: at, ..KindStamps::NONE });
            region.overtake(None);
        }
    }

    /// Marks as stale what was born at `at` or before, in all regions and in those opened later.
    pub(crate) fn mark_stale(&self, at: Timestamp) {
        self.raise_all(KindStamps { marked: at, ..KindStamps::NONE });
    }

    /// Marks as stale what was born at `at` or before, in the region of a kind.
    pub(crate) fn mark_kind_stale(&self, kind: &str, at: Timestamp) {
        if let Some(region) = self.of_kind(kind) {
            region.raise(KindStamps { marked: at, ..KindStamps::NONE });
        }
    }

    /// Notes a mark of some key of a kind.
    pub(crate) fn note_key_mark(&self, kind: &str, at: Timestamp) {
        let stamps = KindStamps { last_key_mark: at, ..KindStamps::NONE };
        // No kind is opened in between.
        match self.by_kind.lock().get(kind) {
            Some(open) => open.untyped.raise(stamps),
            None => {
                let mut of_all = self.of_all.lock();
                *of_all = of_all.max(stamps);
            }
        }
    }

    /// Raises the stamps of all regions and of those opened later.
    fn raise_all(&self, stamps: KindStamps) {
        // No kind is opened in between.
        let by_kind = self.by_kind.lock();
        let mut of_all = self.of_all.lock();
        *of_all = of_all.max(stamps);
        by_kind.values().for_each(|open| open.untyped.raise(stamps));
    }

    /// Returns the key, if an open region has it.
    pub(crate) fn key_of(&self, text: &KeyText) -> Option<Key> {
        self.by_kind.lock().get(kind_of(text))?.untyped.key_of(text)
    }

    /// Overtakes all flights, and forgets that the stamps of kinds are known, so that they are read again.
    pub(crate) fn forget_stamps(&self) {
        self.for_each(|region| {
            region.set_stamps_known(false);
            region.overtake(None);
        });
    }

    /// Overtakes the flights of keys that match.
    pub(crate) fn overtake_matching(&self, pattern: &Pattern) {
        self.for_each(|region| region.overtake(Some(pattern)));
    }

    /// Overtakes the flight of a key whose kind is known.
    pub(crate) fn overtake(&self, kind: &str, key: &Key) {
        if let Some(open) = self.by_kind.lock().get(kind) {
            open.untyped.overtake_text(&key.into());
        }
    }

    /// Overtakes the flight of a key. Returns the key and whether it had a flight; `None` if no open region
    /// has it.
    pub(crate) fn overtake_text(&self, text: &KeyText) -> Option<(Key, bool)> {
        self.by_kind.lock().get(kind_of(text))?.untyped.overtake_text(text)
    }

    /// Returns how many flights there are.
    pub(crate) fn flights(&self) -> u64 {
        self.by_kind.lock().values().map(|open| open.untyped.flights() as u64).sum()
    }

    fn for_each(&self, act: impl Fn(&dyn UntypedRegion)) {
        self.by_kind.lock().values().for_each(|open| act(&*open.untyped));
    }
}

/// The kind of a key, which may be of another namespace: its region looks at the whole.
fn kind_of(text: &KeyText) -> &str {
    let named = text.prefix.strip_suffix(':').unwrap_or(&text.prefix);
    named.rsplit_once(':').map_or(named, |(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_100_a_key_that_another_node_names_is_looked_for_in_its_region_alone() {
        for (namespace, kind) in [(None, "price"), (Some("md"), "price"), (Some("price"), "md")] {
            let key = Prefix::new(namespace, kind).unwrap().key("AAPL:yahoo").unwrap();
            assert_eq!(kind_of(&(&key).into()), kind);
        }
    }
}
