//! Puts a cache together.

use std::{sync::Arc, time::Duration};

use cache_core::{
    Bus, Clock, Error, ErrorKind, Event, Fill, Lease, Lives, Observer, Pattern, Result, Tier, sync::RwLock,
};
use cache_memory::Memory;

use crate::{
    cache::Cache,
    engine::{Engine, MemoryMode, Parts, observers::Observers, spans::Spans},
    invalidation::{
        bus_client::{BusClient, OnBusLoss},
        stamps::{self, MAX_TAGS, StampKind, Stamps},
    },
    sources::tier_source::{GivenTier, Opened, Sources, TierSource},
    tier::handle::TierHandle,
    timer,
};

const YEAR: Duration = Duration::from_secs(366 * 24 * 3600);

/// Settings of a cache. Made by [`Cache::builder`].
#[derive(Debug)]
pub struct CacheBuilder {
    namespace: Option<String>,
    memory: Memory,
    mode: MemoryMode,
    pub(crate) sources: Sources,
    on_bus_loss: OnBusLoss,
    observers: Vec<Arc<dyn Observer>>,
    spans: Spans,
    fill: Option<Arc<dyn Fill>>,
    clock: Option<Clock>,
    lives: Lives,
    longest_life: Duration,
    most_tags: usize,
    require_tiers: bool,
}

impl Default for CacheBuilder {
    fn default() -> Self {
        Self {
            namespace: None,
            memory: Memory::mib(64),
            mode: MemoryMode::Near,
            sources: Sources::default(),
            on_bus_loss: OnBusLoss::ServeMemory,
            observers: Vec::new(),
            spans: Spans::default(),
            fill: None,
            clock: None,
            lives: Lives::default(),
            longest_life: YEAR,
            most_tags: MAX_TAGS,
            require_tiers: false,
        }
    }
}

impl CacheBuilder {
    /// Puts a namespace in front of every key, so that several caches can share a tier. Default: none. A cache
    /// without one must not have a region of that name: its keys would be the same.
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

    /// What the near tier is used for. Default: in front of the others, always.
    #[must_use]
    pub fn memory_mode(mut self, mode: MemoryMode) -> Self {
        self.mode = mode;
        self
    }

    /// Adds a tier behind those added before. One over a network is put in a [`Guard`](crate::Guard), unless it is
    /// in one already; whoever wants other settings than the default ones gives it in a guard. Its clock is the
    /// cache's, see [`CacheBuilder::clock`].
    #[must_use]
    pub fn tier(self, tier: impl Tier) -> Self {
        self.source(GivenTier { tier: Arc::new(tier), local: false })
    }

    pub(crate) fn source(mut self, source: impl TierSource + 'static) -> Self {
        self.sources.tiers.push(Box::new(source));
        self
    }

    /// Adds a tier that no other node sees, such as a disk. With a [bus](CacheBuilder::bus), what other nodes
    /// write or invalidate is removed from it too, and what it held before messages may have been missed is
    /// not served.
    #[must_use]
    pub fn local_tier(self, tier: impl Tier) -> Self {
        self.source(GivenTier { tier: Arc::new(tier), local: true })
    }

    /// Carries writes and invalidations between this node and the others that share its tiers. Memory drops
    /// what another node writes or invalidates, and all it holds when messages may have been missed. Default: that
    /// of the server added by `redis`, else of the one added by `postgres`, on a topic that follows the namespace.
    #[must_use]
    pub fn bus(mut self, bus: impl Bus) -> Self {
        self.sources.bus = Some(Arc::new(bus));
        self
    }

    /// Has no bus, though there is a server that could carry one: for a node that shares its tiers with no other.
    #[must_use]
    pub fn without_bus(mut self) -> Self {
        (self.sources.bus, self.sources.bus_carriers) = (None, &[]);
        self
    }

    /// What memory does while this node receives nothing from the bus. Default: it goes on serving.
    #[must_use]
    pub fn on_bus_loss(mut self, on_bus_loss: OnBusLoss) -> Self {
        self.on_bus_loss = on_bus_loss;
        self
    }

    /// Lets nodes that share tiers agree on who loads a key, so that it is loaded once across all of them.
    /// Default: that of the server added by `redis`, else of the one added by `postgres`.
    #[must_use]
    pub fn lease(mut self, lease: impl Lease) -> Self {
        self.sources.lease = Some(Arc::new(lease));
        self
    }

    /// Has no lease, though there is a server that could keep one: each node loads for itself.
    #[must_use]
    pub fn without_lease(mut self) -> Self {
        (self.sources.lease, self.sources.lease_carriers) = (None, &[]);
        self
    }

    /// Adds an observer, which is told each event.
    #[must_use]
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observers.push(Arc::new(observer));
        self
    }

    /// Whether the spans of this cache name the keys that they are about, the first 16 of each. Default: they
    /// don't, since keys may be about users. What spans there are says `docs/observability`.
    #[must_use]
    pub fn spans_with_keys(mut self, with_keys: bool) -> Self {
        self.spans = Spans { with_keys };
        self
    }

    /// Fills the free places of calls to loaders, as `cache_warming::Warming` does with what it expects to be
    /// asked for. Default: nothing does.
    #[must_use]
    pub fn fill(mut self, fill: impl Fill) -> Self {
        self.fill = Some(Arc::new(fill));
        self
    }

    /// The clock of the cache. Default: that of its tiers, bus and lease, if one was given to them, else the
    /// system's. All must go by one.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = Some(clock);
        self
    }

    /// What each [`Class`](crate::Class) of lives comes to. Default: 5 min, 30 min, 1 h and 1 d, without grace.
    /// [`Cache::set_lives`] changes it later.
    #[must_use]
    pub fn lives(mut self, lives: Lives) -> Self {
        self.lives = lives;
        self
    }

    /// The longest any value lives; longer lives are cut to it. Invalidations of tags are remembered for twice as
    /// long, so that no value outlives them. Default: 366 days.
    #[must_use]
    pub fn longest_life(mut self, life: Duration) -> Self {
        self.longest_life = life;
        self
    }

    /// Whether [`CacheBuilder::build`] fails while a tier can't be reached. Default: the cache starts without the
    /// tier, reports it in [`Cache::health`], and uses it once it works.
    #[must_use]
    pub fn require_tiers(mut self, required: bool) -> Self {
        self.require_tiers = required;
        self
    }

    /// How many invalidated tags are remembered, for tests that need many.
    #[doc(hidden)]
    #[must_use]
    pub fn remembered_tags(mut self, most: usize) -> Self {
        self.most_tags = most;
        self
    }

    /// Builds the cache. Needs a tokio runtime with timers.
    ///
    /// # Errors
    ///
    /// `Config` outside a Tokio runtime with timers, for an invalid namespace, for two tiers of one name, and
    /// for two clocks; the error of what can't be opened, such as a folder; the tier's own error if it can't be
    /// reached and tiers are required.
    pub async fn build(self) -> Result<Cache> {
        if tokio::runtime::Handle::try_current().is_err() {
            let message = "there is no Tokio runtime here: build the cache within one";
            return Err(Error::new(ErrorKind::Config, "build", message));
        }
        if !timer::works() {
            let message = "this Tokio runtime has no timers: build it with enable_time() or enable_all()";
            return Err(Error::new(ErrorKind::Config, "build", message));
        }
        let clock = self.sources.clock(self.clock)?;
        let stamp_life = self.longest_life.saturating_mul(2);
        let stamps = Stamps::new(self.namespace.as_deref(), stamp_life, &clock, self.most_tags)?;
        let Opened { tiers, bus, lease } = self.sources.open(&clock, self.namespace.as_deref())?;
        for (at, (tier, _)) in tiers.iter().enumerate() {
            let name = tier.name();
            if name == "memory" || tiers[..at].iter().any(|(other, _)| other.name() == name) {
                let message = format!(
                    "two tiers are named {name:?}: give each its own name (the near tier is \"memory\")"
                );
                return Err(Error::new(ErrorKind::Config, "build", message));
            }
        }
        let observers = Observers::new(self.observers);
        if observers.any() {
            let observers = observers.clone();
            self.memory.listen(move |key, cause| observers.tell(&Event::Evicted { key, cause }));
        }
        let all = self.namespace.as_deref().map_or_else(|| Pattern::starting_with(""), Pattern::kind);
        let handle =
            |(tier, local)| TierHandle::new(tier, local, observers.clone(), clock.clone(), all.clone());
        let tiers: Vec<TierHandle> = tiers.into_iter().map(handle).collect();
        // Asks every tier something that is needed anyway. A tier that fails is failing from the start.
        match stamps::read(&[stamps.all_key(StampKind::End).clone()], &tiers).await {
            Err(error) if self.require_tiers => return Err(error),
            _ => {}
        }
        let bus = bus.map(|bus| {
            let (clock, observers) = (clock.clone(), observers.clone());
            Arc::new(BusClient::new(bus, self.namespace.as_deref(), clock, observers))
        });
        let engine = Arc::new(Engine::new(Parts {
            clock,
            lives: RwLock::new(self.lives),
            namespace: self.namespace,
            memory: self.memory,
            mode: self.mode,
            tiers,
            stamps,
            observers,
            spans: self.spans,
            fill: self.fill,
            longest_life: self.longest_life,
            bus,
            on_bus_loss: self.on_bus_loss,
            lease,
        }));
        engine.tell_observers_of_figures();
        engine.judge_memory();
        let listening = match engine.bus() {
            // Before anything is held, so that nothing is missed from the start if the bus works.
            Some(bus) => Some(bus.listen().await),
            None => None,
        };
        engine.keep_up(listening);
        Ok(Cache { engine })
    }
}
