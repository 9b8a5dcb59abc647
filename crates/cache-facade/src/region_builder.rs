//! Opens a region: its settings and its loader.

use std::{marker::PhantomData, sync::Arc, time::Duration};

use cache_core::{Codec, Error, ErrorKind, Event, Loader, Prefix, Result, Ttl};

use crate::{
    computed::ComputedFrom,
    engine::Engine,
    load::{calls::filled::Filled, coalesce::Coalescer, loaders::shared_loader::SharedLoader},
    policy::Policy,
    region::{Cacheable, Region},
    settings::{span::IntoSpan, ttl::IntoTtl, value_codec::ValueCodec},
    tier::handle::TierHandle,
};

/// Settings of a region. Made by [`Cache::region`](crate::Cache::region).
pub struct RegionBuilder<V> {
    engine: Arc<Engine>,
    kind: String,
    policy: Policy<V>,
    codec: Option<ValueCodec<V>>,
    loader: Option<Arc<dyn Loader<V>>>,
    batch_window: Duration,
    /// Why a setting that was given can't be one.
    refusal: Option<Error>,
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

/// Passes each span on to the policy.
macro_rules! policy_spans {
    ($($name:ident),+ $(,)?) => {$(
        #[doc = concat!("As [`Policy::", stringify!($name), "`]: a `Duration`, or a text such as `\"30s\"`.")]
        #[must_use]
        pub fn $name(self, value: impl IntoSpan) -> Self {
            match value.into_span() {
                Ok(span) => Self { policy: self.policy.$name(span), ..self },
                Err(why) => self.refuse(stringify!($name), &why),
            }
        }
    )+};
}

impl<V: Cacheable> RegionBuilder<V> {
    /// A region whose values tiers can store, if there is a `codec`, else one of memory alone.
    pub(crate) fn new(engine: Arc<Engine>, kind: &str, codec: Option<ValueCodec<V>>) -> Self {
        let tiers = || engine.tiers().iter().map(TierHandle::name).collect();
        let skipped = if codec.is_none() { tiers() } else { Vec::new() };
        Self {
            policy: Policy { skipped, ..Policy::default() },
            engine,
            kind: kind.to_owned(),
            codec,
            loader: None,
            batch_window: Duration::ZERO,
            refusal: None,
            value: PhantomData,
        }
    }

    policy_settings! {
        jitter: f64,
        eager: f64,
        skip: &'static str,
    }

    policy_spans! { stale_for, kept_for, negative, refresh_window, soft_timeout, hard_timeout, late, throttle }

    /// How long a value is fresh, and how long it may be served stale: a `Duration` or a text such as `"30m"`,
    /// without grace; a [`Ttl`](crate::Ttl); a [`Class`](crate::Class), or its name; or a
    /// [`TtlPolicy`](crate::TtlPolicy) that decides. See [`RegionBuilder::stale_for`] for the span past the
    /// life. Default: 60 s, no grace. A fixed grace that is shorter than its life is made as long, and told as
    /// an event.
    ///
    /// ```
    /// use cache_facade::{Cache, Class};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_facade::Result<()> {
    /// let cache = Cache::builder().build().await?;
    /// let prices = cache.region::<f64>("price").ttl("30s").stale_for("1h").open()?;
    /// let names = cache.region::<String>("name").ttl(Class::VeryLong).open()?;
    ///
    /// let error = cache.region::<f64>("bar").ttl("30 fortnights").open().unwrap_err();
    /// assert!(error.to_string().contains("write \"250ms\", \"30m\" or \"1h 30m\""));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn ttl<By>(self, ttl: impl IntoTtl<V, By>) -> Self {
        match ttl.into_ttl() {
            Ok(ttl) => Self { policy: self.policy.living(ttl), ..self },
            Err(why) => self.refuse("ttl", &why),
        }
    }

    /// Notes that a setting can't be used, for [`RegionBuilder::open`] to return.
    fn refuse(mut self, setting: &str, why: &str) -> Self {
        let message = format!("{setting} of the region {:?}: {why}", self.kind);
        self.refusal.get_or_insert_with(|| Error::new(ErrorKind::Config, "open", message));
        self
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

    /// Computes the values by a formula.
    pub(crate) fn computed_by(self, formula: Arc<impl Loader<V> + ComputedFrom + 'static>) -> Self {
        let policy = Policy { computed: Some(Arc::clone(&formula) as _), ..self.policy };
        Self { policy, loader: Some(formula), ..self }
    }

    pub(crate) fn engine(&self) -> Arc<Engine> {
        Arc::clone(&self.engine)
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
    pub fn batch_window(self, window: impl IntoSpan) -> Self {
        match window.into_span() {
            Ok(batch_window) => Self { batch_window, ..self },
            Err(why) => self.refuse("batch_window", &why),
        }
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
    /// `Config` if the kind is invalid, or is open with another type, codec or schema version; for a setting
    /// that was given as a text and can't be read; if it is to be computed from a region of another cache; if
    /// there are tiers, and the shape of the type says that its codec can't read it back from one. For that the
    /// type is deserialised once out of made up values: see
    /// [`needs_self_description`](cache_core::needs_self_description).
    pub fn open(self) -> Result<Region<V>> {
        if let Some(refusal) = self.refusal {
            return Err(refusal);
        }
        let prefix = self.prefix()?;
        if self.loader.as_ref().is_some_and(|loader| loader.max_batch() == 0) {
            let message = format!("the loader of {:?} takes no keys at all: max_batch() is 0", self.kind);
            return Err(Error::new(ErrorKind::Config, "open", message));
        }
        if self.policy.computed.as_ref().is_some_and(|computed| !computed.is_of_one_cache()) {
            let message = format!(
                "{:?} is to be computed from a region of another cache: open that one here",
                self.kind
            );
            return Err(Error::new(ErrorKind::Config, "open", message));
        }
        if let Some(Ttl { life, grace }) = self.policy.ttl.short_grace() {
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
        let region = Region { engine: self.engine, core, policy: Arc::new(self.policy), loader: None };
        let loader = self.loader.map(|loader| -> Arc<dyn SharedLoader<V>> {
            let filled = Filled::new(region.clone(), loader);
            match self.batch_window {
                Duration::ZERO => Arc::new(filled),
                window => Arc::new(Coalescer::new(filled, window)),
            }
        });
        Ok(Region { loader, ..region })
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
