//! What all regions of a cache share.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak,
        atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use cache_core::{
    Clock, Entry, Error, ErrorKind, Event, Key, Lease, Pattern, Result, Tag, Target, Timestamp, Tombstone,
    Ttl,
    message::{Change, KeyText},
};
use cache_memory::Memory;
use futures_util::future::join_all;
use tokio_util::task::TaskTracker;

use crate::{
    engine::counters::{Count, Counters},
    invalidation::publisher::Fleet,
    invalidation::stamps::Stamps,
    tier::handle::{Observers, Slot},
    timer,
};

pub(crate) mod counters;

/// How often memory is swept.
const UPKEEP: Duration = Duration::from_secs(30);

/// How often tiers that failed are asked again.
const MENDING: Duration = Duration::from_secs(1);

/// What the near tier is there for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MemoryMode {
    /// In front of the other tiers, always.
    #[default]
    Near,
    /// Only while another tier is unwell; emptied when all are well again, since meanwhile others may
    /// write what this process doesn't see.
    Fallback,
}

/// What memory does while other nodes can't be heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenDeaf {
    /// It goes on: what others end meanwhile may be served until its life is over.
    #[default]
    Serve,
    /// It serves nothing: every read asks the tiers.
    Ask,
}

/// What the regions of a cache share.
pub(crate) struct Engine {
    pub(crate) clock: Clock,
    pub(crate) namespace: Option<String>,
    pub(crate) memory: Memory,
    pub(crate) mode: MemoryMode,
    pub(crate) slots: Vec<Slot>,
    pub(crate) stamps: Stamps,
    pub(crate) counters: Counters,
    pub(crate) observers: Observers,
    pub(crate) tasks: TaskTracker,
    pub(crate) longest_life: Duration,
    /// Whether memory was used while a tier was unwell, and has to be emptied when all are well.
    pub(crate) fallen_back: AtomicBool,
    /// The stamp of the last clear, for regions opened later.
    pub(crate) cleared: AtomicI64,
    /// The longest that a load of any region may still write, in microseconds.
    pub(crate) load_limit: AtomicU64,
    pub(crate) regions: Mutex<HashMap<String, Opened>>,
    /// What [`Cache::region_once`](crate::Cache::region_once) opened, by the place in the code that asked.
    pub(crate) places: RwLock<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
    pub(crate) fleet: Option<Arc<Fleet>>,
    pub(crate) lease: Option<Arc<dyn Lease>>,
    /// Whether memory serves nothing while other nodes can't be heard.
    pub(crate) asks_when_deaf: bool,
    /// How often all that memory held was let go, since others may have ended it unheard.
    pub(crate) epoch: AtomicU64,
    /// When it last was: what a tier of this node alone holds from before is not believed.
    pub(crate) doubted: AtomicI64,
    /// Loads past their hard timeout that may still be kept.
    pub(crate) late: AtomicUsize,
}

/// A kind that was opened, and as what.
pub(crate) struct Opened {
    pub(crate) type_id: TypeId,
    pub(crate) type_name: &'static str,
    pub(crate) core: Arc<dyn Any + Send + Sync>,
    pub(crate) shared: Arc<dyn Shared>,
}

/// What the engine may do to a region without knowing its type.
pub(crate) trait Shared: Send + Sync {
    /// Ends flights so that their results are not kept: those that match, or all.
    fn overtake(&self, pattern: Option<&Pattern>);
    /// What was born at `at` or before is dead.
    fn clear(&self, at: Timestamp);
    /// How many flights there are.
    fn flights(&self) -> usize;
    /// Clears may have been missed: they are to be read from the tiers again.
    fn doubt(&self);
    /// The key, if it is one of this region's; its flight is ended so that its result is not kept. Also
    /// whether there was one.
    fn overtake_text(&self, text: &KeyText) -> Option<(Key, bool)>;
}

impl Engine {
    /// Whether the near tier takes part now.
    #[inline]
    pub(crate) fn memory_on(&self) -> bool {
        if self.asks_when_deaf && self.deaf() {
            return false;
        }
        match self.mode {
            MemoryMode::Near => true,
            MemoryMode::Fallback => {
                let unwell = self.slots.iter().any(Slot::unwell);
                if unwell {
                    self.fallen_back.store(true, Ordering::Relaxed);
                } else if self.fallen_back.swap(false, Ordering::Relaxed) {
                    self.memory.clear();
                }
                unwell
            }
        }
    }

    /// Whether other nodes can't be heard.
    #[cold]
    fn deaf(&self) -> bool {
        self.fleet.as_ref().is_some_and(|fleet| fleet.deaf.load(Ordering::Acquire))
    }

    /// `ttl` cut to the longest life that stamps outlive.
    pub(crate) fn bounded(&self, ttl: Ttl) -> Ttl {
        let ttl = ttl.normalised();
        Ttl { life: ttl.life.min(self.longest_life), grace: ttl.grace.min(self.longest_life) }
    }

    /// A tombstone born now, kept for as long as a load that is under way may last.
    pub(crate) fn tombstone(&self) -> Tombstone {
        self.tombstone_of(self.clock.tick())
    }

    pub(crate) fn tombstone_of(&self, born: Timestamp) -> Tombstone {
        let limit = Duration::from_micros(self.load_limit.load(Ordering::Relaxed));
        Tombstone { born, dead_at: self.clock.now().max(born).after(limit) }
    }

    /// Sees work through that its caller may drop.
    pub(crate) async fn see_through(&self, work: impl Future<Output = ()> + Send + 'static) {
        // It fails only if the runtime ends, and then nobody waits.
        let _ = self.tasks.spawn(work).await;
    }

    /// Removes keys from memory, then from every tier: a reader in between finds the tombstone here.
    pub(crate) async fn remove(&self, keys: &[Key], tombstone: Tombstone) {
        self.memory.remove(keys, tombstone, self.clock.now());
        self.remove_far(keys, tombstone).await;
    }

    /// Removes keys from the tiers behind memory.
    pub(crate) async fn remove_far(&self, keys: &[Key], tombstone: Tombstone) {
        join_all(self.slots.iter().map(|slot| slot.remove(Target::Keys(keys), tombstone))).await;
    }

    /// Protects what is to be, and tells of what there is no room for.
    pub(crate) fn protect(&self, target: Target<'_>) -> Result<()> {
        self.memory.protect(target)?.iter().for_each(|key| self.not_protected(key));
        Ok(())
    }

    /// Tells of an entry that there is no room to protect.
    pub(crate) fn not_protected(&self, key: &Key) {
        tracing::warn!(%key, "memory's share for protected entries is full");
        self.observers.tell(&Event::ProtectionRefused { key });
    }

    pub(crate) async fn remove_matching(&self, pattern: &Pattern) -> u64 {
        let tombstone = self.tombstone();
        self.counters.bump(Count::Removal);
        let near = self.remove_near(pattern, tombstone);
        let target = Target::Matching(pattern);
        let far = join_all(self.slots.iter().map(|slot| slot.remove(target, tombstone))).await;
        self.announce([Change::RemovedMatching { pattern: pattern.to_string(), tombstone }]).await;
        far.into_iter().filter_map(Result::ok).fold(near, u64::max)
    }

    /// Removes what matches from memory alone.
    pub(crate) fn remove_near(&self, pattern: &Pattern, tombstone: Tombstone) -> u64 {
        // The tombstone first, then the flights: whoever begins a flight in between finds it.
        let removed = self.memory.remove_matching(pattern, tombstone, self.clock.now());
        self.opened().values().for_each(|opened| opened.shared.overtake(Some(pattern)));
        removed
    }

    pub(crate) async fn invalidate(&self, tag: &Tag) -> Result<()> {
        let key = self.stamps.tag_key(tag)?;
        let at = self.clock.tick();
        self.counters.bump(Count::Removal);
        self.stamps.raise(tag, at);
        if self.write_stamp(key, at).await {
            self.stamps.unpin(tag, at);
        }
        self.announce([Change::TagEnded { tag: tag.as_str().to_owned(), at }]).await;
        Ok(())
    }

    pub(crate) async fn clear(&self) {
        let at = self.clock.tick();
        self.counters.bump(Count::Removal);
        self.clear_near(at);
        self.write_stamp(self.stamps.all_key().clone(), at).await;
        self.announce([Change::AllEnded { at }]).await;
    }

    /// What was born at `at` or before is dead, as far as this process goes.
    pub(crate) fn clear_near(&self, at: Timestamp) {
        self.cleared.fetch_max(at.as_micros(), Ordering::AcqRel);
        for opened in self.opened().values() {
            opened.shared.clear(at);
            opened.shared.overtake(None);
        }
        self.memory.clear();
    }

    /// Tells the other nodes.
    pub(crate) async fn announce(&self, changes: impl IntoIterator<Item = Change>) {
        if let Some(fleet) = &self.fleet {
            fleet.announce(changes).await;
        }
    }

    /// Writes a stamp to every tier; answers whether all have it.
    pub(crate) async fn write_stamp(&self, key: Key, at: Timestamp) -> bool {
        let entries = [(key, self.stamps.entry(at))];
        join_all(self.slots.iter().map(|slot| slot.put(&entries))).await.iter().all(Result::is_ok)
    }

    /// Writes entries to every tier that isn't skipped, and answers whether all took them. Failures are
    /// events.
    pub(crate) async fn write<'a>(
        &self,
        entries: &[(Key, Entry)],
        slots: impl Iterator<Item = &'a Slot>,
    ) -> bool {
        entries.is_empty() || join_all(slots.map(|slot| slot.put(entries))).await.iter().all(Result::is_ok)
    }

    pub(crate) fn check_open(&self, operation: &'static str) -> Result<()> {
        if self.tasks.is_closed() {
            return Err(Error::new(ErrorKind::Closed, operation, "the cache is shutting down"));
        }
        Ok(())
    }

    /// Ends upkeep and new loads, waits for what is under way, and makes it lasting.
    pub(crate) async fn shutdown(&self, limit: Duration) -> Result<()> {
        self.tasks.close();
        // A load that hangs must not cost the flush.
        let drained = tokio::time::timeout(limit.mul_f32(0.7), self.tasks.wait()).await;
        let flush = join_all(self.slots.iter().map(Slot::flush));
        match tokio::time::timeout(limit.mul_f32(0.3), flush).await {
            Ok(flushed) => flushed.into_iter().collect::<Result<Vec<()>>>()?,
            Err(_) => return Err(self.overdue("a tier was still flushing", limit)),
        };
        drained.map_err(|_| self.overdue("loads were still under way", limit))
    }

    fn overdue(&self, what: &str, limit: Duration) -> Error {
        Error::new(ErrorKind::Timeout, "shutdown", format!("{what} at the end of its share of {limit:?}"))
    }

    pub(crate) fn opened(&self) -> MutexGuard<'_, HashMap<String, Opened>> {
        self.regions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks a tier that failed again, and tells it what it could not take once it is well.
    async fn mend(&self, slot: &Slot) {
        let probe = self.stamps.probe_key();
        if slot.unwell() && !slot.is_well(probe).await {
            return;
        }
        if slot.behind() {
            let life = Duration::from_micros(self.load_limit.load(Ordering::Relaxed));
            let told = slot.replay(life, probe).await;
            if !slot.local {
                // Others may have read what it held from before.
                self.announce(told).await;
            }
        }
    }

    /// Mends tiers, for as long as the cache lives.
    pub(crate) async fn keep_well(engine: Weak<Self>, clock: Clock) {
        loop {
            timer::sleep(&clock, MENDING).await;
            let Some(engine) = engine.upgrade() else { return };
            if engine.tasks.is_closed() {
                return;
            }
            let ailing = engine.slots.iter().filter(|slot| slot.unwell() || slot.behind());
            join_all(ailing.map(|slot| engine.mend(slot))).await;
        }
    }

    /// Reclaims memory, for as long as the cache lives.
    pub(crate) async fn keep_up(engine: Weak<Self>, clock: Clock) {
        loop {
            timer::sleep(&clock, UPKEEP).await;
            let Some(engine) = engine.upgrade() else { return };
            if engine.tasks.is_closed() {
                return;
            }
            engine.memory.sweep(clock.now());
            engine.memory_on();
        }
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("namespace", &self.namespace)
            .field("memory", &self.memory)
            .field("mode", &self.mode)
            .field("slots", &self.slots)
            .finish_non_exhaustive()
    }
}
