//! The open regions of a cache, by kind: one type, codec and schema version each.

use std::{
    any::{Any, TypeId, type_name},
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use cache_core::{
    Error, ErrorKind, Key, Pattern, Prefix, Result, Timestamp,
    message::KeyText,
    sync::{Mutex, RwLock},
};
use cache_memory::Memory;

use super::counters::{Count, Counters};
use crate::{
    region::Cacheable, region_core::RegionCore, settings::value_codec::ValueCodec, stats::RegionStats,
};

/// The open regions of a cache.
pub(crate) struct Regions {
    by_kind: Mutex<HashMap<String, OpenRegion>>,
    /// What [`Cache::region_once`](crate::Cache::region_once) opened, by the place in the code that asked.
    by_call_site: RwLock<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
    /// The stamp of the last clear of the whole cache, for regions opened later.
    cleared: AtomicI64,
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
    /// Marks as dead what was born at `at` or before.
    fn clear(&self, at: Timestamp);
    /// The kind.
    fn kind(&self) -> &str;
    /// Returns the latest clear that is known.
    fn cleared(&self) -> Timestamp;
    /// Whether the clears of earlier processes were read from the tiers.
    fn are_clears_known(&self) -> bool;
    /// Notes that they were.
    fn note_clears_known(&self);
    /// What was counted of it off the hit path.
    fn counters(&self) -> &Counters;
    /// Returns it in numbers.
    fn stats(&self) -> RegionStats;
    /// Returns how many flights there are.
    fn flights(&self) -> usize;
    /// Forgets which clears are known, so that they are read from the tiers again.
    fn forget_clears(&self);
    /// Overtakes the flight of a key of this region, and ends the key's pause. Returns the key and whether
    /// it had a flight; `None` for a key of another region.
    fn overtake_text(&self, text: &KeyText) -> Option<(Key, bool)>;
}

impl Default for Regions {
    fn default() -> Self {
        Self {
            by_kind: Mutex::default(),
            by_call_site: RwLock::default(),
            cleared: AtomicI64::new(Timestamp::MIN.as_micros()),
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
        let cleared = self.cleared();
        let core = Arc::new(RegionCore::<V>::new(prefix, codec, cleared, memory.read_counter()));
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

    /// Returns the regions in numbers, by kind.
    pub(crate) fn stats(&self) -> Vec<RegionStats> {
        let mut stats: Vec<_> = self.by_kind.lock().values().map(|open| open.untyped.stats()).collect();
        stats.sort_unstable_by(|a, b| a.kind.cmp(&b.kind));
        stats
    }

    /// Returns what all regions counted.
    pub(crate) fn total(&self, count: Count) -> u64 {
        self.by_kind.lock().values().map(|open| open.untyped.counters().total(count)).sum()
    }

    /// Returns the last clear of each kind that is open.
    pub(crate) fn cleared_by_kind(&self) -> HashMap<String, Timestamp> {
        self.by_kind.lock().iter().map(|(kind, open)| (kind.clone(), open.untyped.cleared())).collect()
    }

    /// Returns the last clear of the whole cache.
    pub(crate) fn cleared(&self) -> Timestamp {
        Timestamp::from_micros(self.cleared.load(Ordering::Acquire))
    }

    /// Marks as dead what was born at `at` or before, in all regions and in those opened later.
    pub(crate) fn clear(&self, at: Timestamp) {
        self.cleared.fetch_max(at.as_micros(), Ordering::AcqRel);
        self.for_each(|region| {
            region.clear(at);
            region.overtake(None);
        });
    }

    /// Marks as dead what was born at `at` or before, in the region of a kind.
    pub(crate) fn clear_kind(&self, kind: &str, at: Timestamp) {
        if let Some(open) = self.by_kind.lock().get(kind) {
            open.untyped.clear(at);
            open.untyped.overtake(None);
        }
    }

    /// Overtakes all flights, and forgets which clears are known.
    pub(crate) fn forget_clears(&self) {
        self.for_each(|region| {
            region.forget_clears();
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
        self.by_kind.lock().values().find_map(|open| open.untyped.overtake_text(text))
    }

    /// Returns how many flights there are.
    pub(crate) fn flights(&self) -> u64 {
        self.by_kind.lock().values().map(|open| open.untyped.flights() as u64).sum()
    }

    fn for_each(&self, act: impl Fn(&dyn UntypedRegion)) {
        self.by_kind.lock().values().for_each(|open| act(&*open.untyped));
    }
}
