//! Opens a region: its settings and its loader.

use std::{marker::PhantomData, sync::Arc, time::Duration};

use cache_core::{Codec, Error, ErrorKind, Event, Loader, Prefix, Result, TtlPolicy};

use crate::{
    engine::Engine,
    load::{
        coalesce::Coalescer,
        loaders::{instrumented::Instrumented, shared_loader::SharedLoader},
    },
    policy::Policy,
    region::{Cacheable, Region},
    write::value_codec::ValueCodec,
};

/// Settings of a region. Made by [`Cache::region`](crate::Cache::region).
pub struct RegionBuilder<V> {
    engine: Arc<Engine>,
    kind: String,
    policy: Policy<V>,
    codec: Option<ValueCodec<V>>,
    loader: Option<Arc<dyn Loader<V>>>,
    batch_window: Duration,
    short_grace: Option<(Duration, Duration)>,
    value: PhantomData<fn() -> V>,
}

/// Passes each setting on to the policy, so that a region is opened in one chain.
macro_rules! policy_settings {
    ($($name:ident: $type:ty),+ $(,)?) => {$(
        #[doc = concat!("As [`Policy::", stringify!($name), "`].")]
        #[must_use]
        pub fn $name(self, value: $type) -> Self {
            Self { policy: self.policy.$name(value), ..self }
        }
    )+};
}

impl<V: Cacheable> RegionBuilder<V> {
    /// A region whose values tiers can store, if there is a `codec`, else one of memory alone.
    pub(crate) fn new(engine: Arc<Engine>, kind: &str, codec: Option<ValueCodec<V>>) -> Self {
        Self {
            engine,
            kind: kind.to_owned(),
            policy: Policy { memory_only: codec.is_none(), ..Policy::default() },
            codec,
            loader: None,
            batch_window: Duration::ZERO,
            short_grace: None,
            value: PhantomData,
        }
    }

    policy_settings! {
        negative: Duration,
        jitter: f64,
        eager: f64,
        soft_timeout: Duration,
        hard_timeout: Duration,
        late: Duration,
        throttle: Duration,
        skip: &'static str,
    }

    /// As [`Policy::ttl`]. A fixed grace that is shorter than its life is made as long, and told as an event.
    #[must_use]
    pub fn ttl(mut self, ttl: impl TtlPolicy<V> + 'static) -> Self {
        let fixed = (&ttl as &dyn std::any::Any).downcast_ref::<cache_core::Ttl>();
        self.short_grace = fixed.filter(|ttl| ttl.grace < ttl.life).map(|ttl| (ttl.life, ttl.grace));
        Self { policy: self.policy.ttl(ttl), ..self }
    }

    /// As [`Policy::cost`].
    #[must_use]
    pub fn cost(self, cost: impl Fn(&V) -> u32 + Send + Sync + 'static) -> Self {
        Self { policy: self.policy.cost(cost), ..self }
    }

    /// How values are encoded in the tiers. Default: bincode. Use JSON for types that describe themselves. Of no
    /// effect in a region of memory alone.
    #[must_use]
    pub fn codec(self, codec: Codec) -> Self {
        Self { codec: self.codec.map(|values| values.codec(codec)), ..self }
    }

    /// The version of the value's type: values stored under another version are not read. Default: 0.
    #[must_use]
    pub fn schema(self, version: u32) -> Self {
        Self { codec: self.codec.map(|values| values.schema(version)), ..self }
    }

    /// Loads values that no tier has. Default: none, such values are `None`.
    #[must_use]
    pub fn loader(self, loader: impl Loader<V>) -> Self {
        Self { loader: Some(Arc::new(loader)), ..self }
    }

    /// How long a key that has to be loaded waits for other keys, to go to the loader with them in one call.
    /// While more keys come within that time of each other, or a call is under way, it waits on, for fifty
    /// windows at most. A call goes at once when it is full. Loads by closure don't wait, nor do keys of the
    /// region that the loader itself reads within a load, in the same task. Default: zero, no key waits.
    ///
    /// The keys of one call can't be read within it (see [`Loader::load`]), and with a window they may be those of
    /// several callers: a loader whose keys need each other has to find them among its requests.
    ///
    /// A window of a few milliseconds turns the misses of hundreds of callers into as many calls as
    /// their keys fill, and is little beside what a call takes:
    ///
    /// ```
    /// use std::time::Duration;
    /// use cache_facade::{Cache, Loaded, Loader, Request, Result};
    ///
    /// struct Lengths;
    ///
    /// #[async_trait::async_trait]
    /// impl Loader<usize> for Lengths {
    ///     fn max_batch(&self) -> usize {
    ///         50
    ///     }
    ///
    ///     async fn load(&self, requests: &[Request<usize>]) -> Result<Vec<Loaded<usize>>> {
    ///         Ok(requests.iter().map(|request| request.key.id().len().into()).collect())
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<()> {
    /// let cache = Cache::builder().build().await?;
    /// let lengths =
    ///     cache.region::<usize>("length").loader(Lengths).batch_window(Duration::from_millis(2)).open()?;
    /// let (apple, tesla) = tokio::join!(lengths.get("AAPL"), lengths.get("TSLA"));
    /// assert_eq!((apple?.as_deref(), tesla?.as_deref()), (Some(&4), Some(&4)));
    /// assert_eq!(cache.stats().loads, 1);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn batch_window(self, window: Duration) -> Self {
        Self { batch_window: window, ..self }
    }

    /// What the keys of the region share.
    ///
    /// # Errors
    ///
    /// `Config` if the kind is invalid.
    pub(crate) fn prefix(&self) -> Result<Prefix> {
        Prefix::new(self.engine.namespace(), &self.kind)
    }

    /// Opens the region. Regions of one kind share their entries and the loads under way. Settings and loader
    /// belong to the handle.
    ///
    /// # Errors
    ///
    /// `Config` if the kind is invalid, or is open with another type, codec or schema version; if there are tiers,
    /// and the shape of the type says that its codec can't read it back from one.
    pub fn open(self) -> Result<Region<V>> {
        let prefix = self.prefix()?;
        if self.loader.as_ref().is_some_and(|loader| loader.max_batch() == 0) {
            let message = format!("the loader of {:?} takes no keys at all: max_batch() is 0", self.kind);
            return Err(Error::new(ErrorKind::Config, "open", message));
        }
        if let Some((life, grace)) = self.short_grace {
            let change =
                format!("grace {grace:?} ends before life {life:?}: it is {life:?} now, none past the life");
            tracing::warn!(kind = self.kind, change);
            self.engine.observers().tell(&Event::Normalised { kind: &self.kind, change: &change });
        }
        let is_stored = self.engine.tiers_for(&self.policy).next().is_some();
        if let Some(codec) = self.codec.as_ref().filter(|_| is_stored) {
            codec.check(&self.kind)?;
        }
        let core = self.engine.regions().open(&self.kind, prefix, self.codec, self.engine.memory())?;
        self.engine.admit_loads_of(&self.policy);
        core.note_opened(&self.policy);
        let instrumented = self.loader.map(|loader| Instrumented {
            engine: Arc::clone(&self.engine),
            core: Arc::clone(&core),
            loader,
        });
        let loader = instrumented.map(|loader| -> Arc<dyn SharedLoader<V>> {
            match self.batch_window {
                Duration::ZERO => Arc::new(loader),
                window => Arc::new(Coalescer::new(loader, window)),
            }
        });
        Ok(Region { engine: self.engine, core, policy: Arc::new(self.policy), loader })
    }
}

impl<V> std::fmt::Debug for RegionBuilder<V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegionBuilder")
            .field("kind", &self.kind)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
