//! Putting a cache together.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, RwLock,
        atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize},
    },
    time::Duration,
};

use cache_core::{Bus, Clock, Error, ErrorKind, Lease, Observer, Pattern, Result, Tier, Timestamp};
use cache_memory::Memory;
use tokio_util::task::TaskTracker;

use crate::{
    cache::Cache,
    engine::counters::Counters,
    engine::{Engine, MemoryMode, WhenDeaf},
    invalidation::publisher::Fleet,
    invalidation::stamps::{self, Stamps},
    invalidation::subscriber,
    tier::handle::{Observers, Slot},
};

const YEAR: Duration = Duration::from_secs(366 * 24 * 3600);

/// Settings of a cache. Made by [`Cache::builder`].
#[derive(Debug)]
pub struct CacheBuilder {
    namespace: Option<String>,
    memory: Memory,
    mode: MemoryMode,
    /// Each tier, and whether it is this node's alone.
    tiers: Vec<(Arc<dyn Tier>, bool)>,
    bus: Option<Arc<dyn Bus>>,
    lease: Option<Arc<dyn Lease>>,
    when_deaf: WhenDeaf,
    observers: Vec<Arc<dyn Observer>>,
    clock: Clock,
    longest_life: Duration,
    require_tiers: bool,
}

impl Default for CacheBuilder {
    fn default() -> Self {
        Self {
            namespace: None,
            memory: Memory::mib(64),
            mode: MemoryMode::Near,
            tiers: Vec::new(),
            bus: None,
            lease: None,
            when_deaf: WhenDeaf::Serve,
            observers: Vec::new(),
            clock: Clock::system(),
            longest_life: YEAR,
            require_tiers: false,
        }
    }
}

impl CacheBuilder {
    /// What stands in front of every key, so that several caches can share a tier.
    #[must_use]
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = Some(namespace.into());
        self
    }

    /// The near tier, or the settings of one. Default: 64 MiB, by the default policy.
    #[must_use]
    pub fn memory(mut self, memory: impl Into<Memory>) -> Self {
        self.memory = memory.into();
        self
    }

    /// What the near tier is there for. Default: in front of the others.
    #[must_use]
    pub fn memory_mode(mut self, mode: MemoryMode) -> Self {
        self.mode = mode;
        self
    }

    /// One more tier, behind those named before. A remote one belongs in a [`Guard`](crate::Guard).
    #[must_use]
    pub fn tier(mut self, tier: impl Tier) -> Self {
        self.tiers.push((Arc::new(tier), false));
        self
    }

    /// One more tier that no other node sees, such as a disk. With a [bus](CacheBuilder::bus), what others
    /// write or end is let go there too, and what it held before messages may have been missed is not
    /// believed.
    #[must_use]
    pub fn local_tier(mut self, tier: impl Tier) -> Self {
        self.tiers.push((Arc::new(tier), true));
        self
    }

    /// How this node and the others that share its tiers hear of each other's writes. What memory holds is
    /// let go when another node writes or ends it, and all of it when messages may have been missed.
    #[must_use]
    pub fn bus(mut self, bus: impl Bus) -> Self {
        self.bus = Some(Arc::new(bus));
        self
    }

    /// What memory does while the bus is lost. Default: it goes on.
    #[must_use]
    pub fn when_deaf(mut self, when_deaf: WhenDeaf) -> Self {
        self.when_deaf = when_deaf;
        self
    }

    /// How nodes that share tiers agree on who loads a key, so that it is loaded once in all of them.
    #[must_use]
    pub fn lease(mut self, lease: impl Lease) -> Self {
        self.lease = Some(Arc::new(lease));
        self
    }

    /// Someone who watches.
    #[must_use]
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observers.push(Arc::new(observer));
        self
    }

    /// The clock to live by. Default: the system's.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The longest any value lives; longer lives are cut to it. Invalidations of tags are remembered
    /// for twice as long, so that nothing outlives them. Default: 366 days.
    #[must_use]
    pub fn longest_life(mut self, life: Duration) -> Self {
        self.longest_life = life;
        self
    }

    /// Whether to refuse to start while a tier can't be reached. Default: start without it, say so in
    /// [`Cache::health`], and use it once it is back.
    #[must_use]
    pub fn require_tiers(mut self, required: bool) -> Self {
        self.require_tiers = required;
        self
    }

    /// Builds the cache. Needs a tokio runtime with timers.
    ///
    /// # Errors
    ///
    /// `Config` for a namespace that can't be one, or for two tiers of one name; the tier's own error
    /// if it can't be reached and tiers are required.
    pub async fn build(self) -> Result<Cache> {
        for (at, (tier, _)) in self.tiers.iter().enumerate() {
            let name = tier.name();
            if name == "memory" || self.tiers[..at].iter().any(|(other, _)| other.name() == name) {
                let message = format!(
                    "two tiers are named {name:?}, which tells them apart (the near tier is \"memory\")"
                );
                return Err(Error::new(ErrorKind::Config, "build", message));
            }
        }
        let observers = Observers(self.observers.into());
        let all = self.namespace.as_deref().map_or_else(|| Pattern::starting_with(""), Pattern::kind);
        let slots: Vec<Slot> = self
            .tiers
            .into_iter()
            .map(|(tier, local)| Slot::new(tier, local, observers.clone(), self.clock.clone(), all.clone()))
            .collect();
        let stamps = Stamps::new(self.namespace.as_deref(), self.longest_life.saturating_mul(2))?;
        // Asks every tier something that is needed anyway. Whoever fails is unwell from the start.
        match stamps::read(&[stamps.all_key().clone()], &slots).await {
            Err(error) if self.require_tiers => return Err(error),
            _ => {}
        }
        let fleet = self.bus.map(|bus| {
            Arc::new(Fleet::new(bus, self.namespace.as_deref(), self.clock.clone(), observers.clone()))
        });
        let engine = Arc::new(Engine {
            clock: self.clock,
            namespace: self.namespace,
            memory: self.memory,
            mode: self.mode,
            slots,
            stamps,
            counters: Counters::default(),
            observers,
            tasks: TaskTracker::new(),
            longest_life: self.longest_life,
            fallen_back: AtomicBool::new(false),
            cleared: AtomicI64::new(Timestamp::MIN.as_micros()),
            load_limit: AtomicU64::new(0),
            regions: Mutex::new(HashMap::new()),
            places: RwLock::default(),
            fleet,
            lease: self.lease,
            asks_when_deaf: self.when_deaf == WhenDeaf::Ask,
            epoch: AtomicU64::new(0),
            doubted: AtomicI64::new(Timestamp::MIN.as_micros()),
            late: AtomicUsize::new(0),
        });
        tokio::spawn(Engine::keep_up(Arc::downgrade(&engine), engine.clock.clone()));
        tokio::spawn(Engine::keep_well(Arc::downgrade(&engine), engine.clock.clone()));
        if let Some(fleet) = &engine.fleet {
            tokio::spawn(Fleet::send(Arc::downgrade(fleet)));
            // Before anything is held, so that nothing is missed from the start if the bus is there.
            let listening = fleet.limited("listen", fleet.bus.listen()).await;
            tokio::spawn(subscriber::listen(Arc::downgrade(&engine), listening));
        }
        Ok(Cache { engine })
    }
}
