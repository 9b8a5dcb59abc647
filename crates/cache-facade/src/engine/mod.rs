//! What all regions of a cache share.

pub(crate) mod counters;
mod figures;
mod life_bound;
pub(crate) mod log_sums;
pub(crate) mod loops;
pub(crate) mod observers;
pub(crate) mod regions;
mod shutdown;
pub(crate) mod spans;
mod upkeep;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use cache_core::{
    CacheFigures, Clock, Error, ErrorKind, Event, Fill, GivenTtl, Key, Lease, Lives, Pattern, Result, Target,
    Timestamp, Tombstone, Ttl, sync::RwLock,
};
use cache_memory::Memory;
use tokio::{runtime::Handle, sync::Notify};
use tokio_util::task::TaskTracker;

use self::{
    counters::Counters, life_bound::LifeBound, log_sums::LogSums, loops::Loops, observers::Observers,
    regions::Regions, spans::Spans,
};
use crate::{
    invalidation::{
        bus_client::{BusClient, OnBusLoss},
        message_gaps::MessageGaps,
        stamps::Stamps,
    },
    load::late_loads::LateLoads,
    policy::Policy,
    tier::handle::TierHandle,
    write::local_writes::LocalWrites,
};

tokio::task_local! {
    /// Set in a task that began before its cache shut down: which cache that is.
    static ADMITTED: usize;
}

/// What the near tier is there for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MemoryMode {
    /// In front of the other tiers, always.
    #[default]
    Near,
    /// Used only while another tier fails, and emptied when all of them work again, since other processes
    /// may have written meanwhile what this one has not seen.
    Fallback,
}

/// What a cache is put together from.
pub(crate) struct Parts {
    pub(crate) clock: Clock,
    pub(crate) lives: RwLock<Lives>,
    pub(crate) namespace: Option<String>,
    pub(crate) memory: Memory,
    pub(crate) mode: MemoryMode,
    pub(crate) tiers: Vec<TierHandle>,
    pub(crate) stamps: Stamps,
    pub(crate) observers: Observers,
    pub(crate) spans: Spans,
    pub(crate) fill: Option<Arc<dyn Fill>>,
    pub(crate) longest_life: Duration,
    pub(crate) bus: Option<Arc<BusClient>>,
    pub(crate) on_bus_loss: OnBusLoss,
    pub(crate) lease: Option<Arc<dyn Lease>>,
}

/// What the regions of a cache share.
pub(crate) struct Engine {
    parts: Parts,
    regions: Regions,
    counters: Counters,
    log_sums: LogSums,
    tasks: TaskTracker,
    gaps: MessageGaps,
    late_loads: LateLoads,
    local_writes: LocalWrites,
    life_bound: LifeBound,
    loops: Loops,
    /// Wakes the loop that sweeps memory, when it should not wait for its time.
    sweep_due: Arc<Notify>,
    /// Whether memory was used while a tier failed, and has to be emptied when all of them work.
    used_as_fallback: AtomicBool,
    /// The longest time in which a load of any region may still write, in microseconds.
    load_limit: AtomicU64,
}

impl Engine {
    /// Tells observers whom to ask for figures.
    pub(crate) fn tell_observers_of_figures(self: &Arc<Self>) {
        let cache: Arc<dyn CacheFigures> = Arc::clone(self) as _;
        self.observers().tell_of_figures(&Arc::downgrade(&cache));
    }

    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            parts,
            regions: Regions::default(),
            counters: Counters::default(),
            log_sums: LogSums::default(),
            tasks: TaskTracker::new(),
            gaps: MessageGaps::default(),
            late_loads: LateLoads::default(),
            local_writes: LocalWrites::default(),
            life_bound: LifeBound::default(),
            loops: Loops::default(),
            sweep_due: Arc::default(),
            used_as_fallback: AtomicBool::new(false),
            load_limit: AtomicU64::new(0),
        }
    }

    #[inline]
    pub(crate) fn clock(&self) -> &Clock {
        &self.parts.clock
    }

    /// What the classes of lives come to, which may be changed.
    pub(crate) fn lives(&self) -> &RwLock<Lives> {
        &self.parts.lives
    }

    /// The TTL that was given, whatever its class comes to now.
    pub(crate) fn ttl(&self, given: GivenTtl) -> Ttl {
        match given {
            GivenTtl::Fixed(ttl) => ttl,
            GivenTtl::Class(class) => self.lives().read().of(class),
        }
    }

    pub(crate) fn namespace(&self) -> Option<&str> {
        self.parts.namespace.as_deref()
    }

    /// A pattern that is written without the namespace, as it matches whole keys.
    pub(crate) fn within(&self, pattern: &Pattern) -> Pattern {
        self.namespace().map_or_else(|| pattern.clone(), |space| pattern.within(space))
    }

    #[inline]
    pub(crate) fn memory(&self) -> &Memory {
        &self.parts.memory
    }

    /// The tiers behind memory, in the order in which they are asked.
    pub(crate) fn tiers(&self) -> &[TierHandle] {
        &self.parts.tiers
    }

    /// The tiers that `policy` does not skip.
    pub(crate) fn tiers_for<V>(&self, policy: &Policy<V>) -> impl Iterator<Item = &TierHandle> {
        self.parts.tiers.iter().filter(|tier| !policy.skips(tier.name()))
    }

    #[inline]
    pub(crate) fn stamps(&self) -> &Stamps {
        &self.parts.stamps
    }

    #[inline]
    pub(crate) fn observers(&self) -> &Observers {
        &self.parts.observers
    }

    /// How spans are made.
    #[inline]
    pub(crate) fn spans(&self) -> Spans {
        self.parts.spans
    }

    /// What fills the free places of calls, if anything does.
    pub(crate) fn fill(&self) -> Option<&dyn Fill> {
        self.parts.fill.as_deref()
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    pub(crate) fn log_sums(&self) -> &LogSums {
        &self.log_sums
    }

    pub(crate) fn regions(&self) -> &Regions {
        &self.regions
    }

    pub(crate) fn bus(&self) -> Option<&Arc<BusClient>> {
        self.parts.bus.as_ref()
    }

    pub(crate) fn lease(&self) -> Option<&Arc<dyn Lease>> {
        self.parts.lease.as_ref()
    }

    /// How often messages of other nodes may have been missed.
    pub(crate) fn gaps(&self) -> &MessageGaps {
        &self.gaps
    }

    /// The loads that outlive their hard timeout.
    pub(crate) fn late_loads(&self) -> &LateLoads {
        &self.late_loads
    }

    /// The latest writes of this node.
    pub(crate) fn local_writes(&self) -> &LocalWrites {
        &self.local_writes
    }

    pub(crate) fn longest_life(&self) -> Duration {
        self.parts.longest_life
    }

    /// Whether memory takes part in reads and writes now.
    #[inline]
    pub(crate) fn memory_in_use(&self) -> bool {
        if self.parts.on_bus_loss == OnBusLoss::AskTiers && self.bus_lost() {
            return false;
        }
        match self.parts.mode {
            MemoryMode::Near => true,
            MemoryMode::Fallback => {
                let failing = self.parts.tiers.iter().any(TierHandle::is_failing);
                if failing {
                    self.used_as_fallback.store(true, Ordering::Relaxed);
                } else if self.used_as_fallback.swap(false, Ordering::Relaxed) {
                    self.parts.memory.clear();
                }
                failing
            }
        }
    }

    /// Whether there is a bus and this node does not receive from it.
    #[cold]
    fn bus_lost(&self) -> bool {
        self.parts.bus.as_ref().is_some_and(|bus| !bus.is_subscribed())
    }

    /// `ttl` cut to the longest life that stamps outlive.
    pub(crate) fn bounded(&self, ttl: Ttl) -> Ttl {
        let (ttl, longest) = (ttl.normalised(), self.parts.longest_life);
        Ttl { life: ttl.life.min(longest), grace: ttl.grace.min(longest) }
    }

    /// A tombstone born now, kept for as long as a load that is under way may last.
    pub(crate) fn tombstone(&self) -> Tombstone {
        self.tombstone_born(self.clock().tick_removal())
    }

    pub(crate) fn tombstone_born(&self, born: Timestamp) -> Tombstone {
        Tombstone { born, dead_at: self.clock().now().max(born).after(self.load_limit()) }
    }

    /// The longest time in which a load that began just now may still write.
    pub(crate) fn load_limit(&self) -> Duration {
        Duration::from_micros(self.load_limit.load(Ordering::Relaxed))
    }

    /// Makes tombstones outlast loads under `policy`.
    pub(crate) fn admit_loads_of<V>(&self, policy: &Policy<V>) {
        let limit = u64::try_from(policy.load_limit().as_micros()).unwrap_or(u64::MAX);
        self.load_limit.fetch_max(limit, Ordering::Relaxed);
    }

    /// The loops in the background.
    pub(crate) fn loops(&self) -> &Loops {
        &self.loops
    }

    /// Runs work in a task that [`Engine::shutdown`] waits for. Outside a runtime it is dropped.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        if let Ok(runtime) = Handle::try_current() {
            self.tasks.spawn_on(ADMITTED.scope(self.id(), work), &runtime);
        }
    }

    /// Runs work to its end, even if the caller is dropped before, within the caller's span and trace context.
    /// Returns nothing if the runtime ends, and then nobody waits.
    pub(crate) async fn run_to_completion<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        match Handle::try_current() {
            Ok(runtime) => {
                let work = spans::carried(ADMITTED.scope(self.id(), work));
                self.tasks.spawn_on(work, &runtime).await.ok()
            }
            Err(_) => Some(work.await),
        }
    }

    /// Whether memory is all there is: no tier, and nobody to tell.
    pub(crate) fn is_alone(&self) -> bool {
        self.tiers().is_empty() && self.bus().is_none()
    }

    /// As [`Engine::run_to_completion`], for work that waits for the tiers and the bus alone, and pauses for
    /// nothing else. Where there are neither it is over at once, and needs no task.
    pub(crate) async fn complete_elsewhere<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        match self.is_alone() {
            true => Some(work.await),
            false => self.run_to_completion(work).await,
        }
    }

    /// Tells caches apart, for as long as each lives.
    fn id(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.tasks.is_closed()
    }

    fn check_open(&self, operation: &'static str) -> Result<()> {
        // What began before goes on to its end.
        if self.is_closed() && ADMITTED.try_with(|of| *of != self.id()).unwrap_or(true) {
            return Err(Error::new(ErrorKind::Closed, operation, "the cache is shutting down"));
        }
        Ok(())
    }

    /// Protects keys from eviction, those held and those to come, and reports each that there is no room
    /// for.
    pub(crate) fn protect(&self, target: Target<'_>) -> Result<()> {
        self.memory().protect(target)?.iter().for_each(|key| self.report_protection_refused(key));
        Ok(())
    }

    /// Reports an entry that is too heavy for memory, which counts it as evicted.
    #[cold]
    pub(crate) fn report_too_heavy(&self, key: &Key, cost: u32) {
        let error = self.too_heavy(key, cost);
        self.observers().tell(&Event::Refused { tier: "memory", key, error: &error });
    }

    /// The error of a value that is too heavy for memory.
    #[cold]
    pub(crate) fn too_heavy(&self, key: &Key, cost: u32) -> Error {
        let budget = self.memory().budget();
        let message = format!(
            "the entry of {key}, whose value weighs {cost}, is too much for memory and its budget of {budget}"
        );
        Error::new(ErrorKind::Limit, "put", message)
    }

    /// Reports an entry that there is no room to protect.
    pub(crate) fn report_protection_refused(&self, key: &Key) {
        if let Some(times) = self.log_sums.unprotected.count(self.clock().now()) {
            tracing::warn!(%key, times, "memory's share for protected entries is full: entries are not protected");
        }
        self.observers().tell(&Event::ProtectionRefused { key });
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.finish_log_sums();
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("namespace", &self.parts.namespace)
            .field("memory", &self.parts.memory)
            .field("mode", &self.parts.mode)
            .field("tiers", &self.parts.tiers)
            .finish_non_exhaustive()
    }
}
