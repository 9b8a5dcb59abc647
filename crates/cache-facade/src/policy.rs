//! The settings of a region: how long its values live, and how long a read waits for them.

use std::{fmt, sync::Arc, time::Duration};

use cache_core::{Jitter, Ttl, TtlPolicy};

use crate::{computed::ComputedFrom, read::demand::AgeDemand, settings::ttl::RegionTtl};

/// What a value weighs.
type Cost<V> = dyn Fn(&V) -> u32 + Send + Sync;

/// The settings of a region; each call can be given its own by [`Region::with`](crate::Region::with).
pub struct Policy<V> {
    pub(crate) ttl: RegionTtl<V>,
    pub(crate) negative: Duration,
    pub(crate) jitter: Jitter,
    pub(crate) eager: Option<f64>,
    pub(crate) refresh_window: Duration,
    pub(crate) soft_timeout: Duration,
    pub(crate) hard_timeout: Duration,
    pub(crate) late: Duration,
    pub(crate) throttle: Duration,
    pub(crate) cost: Option<Arc<Cost<V>>>,
    pub(crate) skipped: Vec<&'static str>,
    /// Whether the knowledge that there is no value is no answer: the caller's loader always has one.
    pub(crate) needs_value: bool,
    /// What is asked of the age of what is cached.
    pub(crate) demand: AgeDemand,
    /// Whether nothing is loaded.
    pub(crate) only_cached: bool,
    /// Whether what tiers have is brought to memory for nobody's read, and so is no hit.
    pub(crate) lifts: bool,
    /// What the values are computed from, if they are.
    pub(crate) computed: Option<Arc<dyn ComputedFrom>>,
}

impl<V> Clone for Policy<V> {
    fn clone(&self) -> Self {
        Self {
            ttl: self.ttl.clone(),
            cost: self.cost.clone(),
            skipped: self.skipped.clone(),
            computed: self.computed.clone(),
            ..*self
        }
    }
}

impl<V> Default for Policy<V> {
    fn default() -> Self {
        Self {
            ttl: RegionTtl::by_policy(Ttl::new(Duration::from_secs(60))),
            negative: Duration::ZERO,
            jitter: Jitter::default(),
            eager: None,
            refresh_window: Duration::ZERO,
            soft_timeout: Duration::ZERO,
            hard_timeout: Duration::from_secs(30),
            late: Duration::from_secs(30),
            throttle: Duration::from_secs(5),
            cost: None,
            skipped: Vec::new(),
            needs_value: false,
            demand: AgeDemand::NONE,
            lifts: false,
            only_cached: false,
            computed: None,
        }
    }
}

impl<V> Policy<V> {
    /// How long a value is fresh, and how long it may be served stale: a fixed [`Ttl`], or a policy that decides.
    /// Default: 60 s, no grace.
    #[must_use]
    pub fn ttl(self, ttl: impl TtlPolicy<V> + 'static) -> Self {
        self.living(RegionTtl::by_policy(ttl))
    }

    pub(crate) fn living(mut self, ttl: RegionTtl<V>) -> Self {
        let stale_for = self.ttl.stale_for();
        self.ttl = ttl.with_stale_for(stale_for);
        self
    }

    /// How long past its life a value may be served, in place of a grace, which counts from birth: each value's
    /// grace is then its life, whoever says that, and this. It holds wherever in the chain it is written. A life
    /// that the source of a value states has the grace that the source states. Default: as [`Policy::ttl`] says.
    #[must_use]
    pub fn stale_for(mut self, span: Duration) -> Self {
        self.ttl = self.ttl.with_stale_for(Some(span));
        self
    }

    /// How long it is remembered that the source has no such key. Default: zero, not at all.
    #[must_use]
    pub fn negative(mut self, life: Duration) -> Self {
        self.negative = life;
        self
    }

    /// Shortens each life by up to this share of it, so that values that were loaded together don't expire
    /// together. Default: 0.
    #[must_use]
    pub fn jitter(mut self, share: f64) -> Self {
        self.jitter = Jitter::new(share);
        self
    }

    /// Refreshes in the background when a value is read after this share of its life, `0.0..1.0`. Default: never.
    #[must_use]
    pub fn eager(mut self, share: f64) -> Self {
        self.eager = (share > 0.0 && share < 1.0).then_some(share);
        self
    }

    /// How long a refresh that [`Policy::eager`] begins waits for others of the region, to go with them in one
    /// call or in the free places of a call that is made meanwhile; no longer than half the life that the value
    /// has left. Default: zero, it goes at once; but that of a value that was marked stale gathers for 0.1 s where
    /// the loader takes several keys.
    #[must_use]
    pub fn refresh_window(mut self, window: Duration) -> Self {
        self.refresh_window = window;
        self
    }

    /// How long a read waits for a fresh value while a stale one could be served. Default: zero, the stale value
    /// is served at once and refreshed in the background.
    #[must_use]
    pub fn soft_timeout(mut self, limit: Duration) -> Self {
        self.soft_timeout = limit;
        self
    }

    /// How long a read waits at all, and how long a load keeps another one of its key from beginning. Default:
    /// 30 s.
    #[must_use]
    pub fn hard_timeout(mut self, limit: Duration) -> Self {
        self.hard_timeout = limit;
        self
    }

    /// Extra time after `hard_timeout` in which a late result is still cached, if nothing newer came. Default:
    /// 30 s.
    #[must_use]
    pub fn late(mut self, limit: Duration) -> Self {
        self.late = limit;
        self
    }

    /// How long after a failed load a value in grace is served without another load, unless the error says so
    /// itself: [`Error::with_retry_after`](cache_core::Error::with_retry_after). Default: 5 s.
    #[must_use]
    pub fn throttle(mut self, pause: Duration) -> Self {
        self.throttle = pause;
        self
    }

    /// What a value weighs in the memory budget, in bytes. Default: the length of its encoding.
    #[must_use]
    pub fn cost(mut self, cost: impl Fn(&V) -> u32 + Send + Sync + 'static) -> Self {
        self.cost = Some(Arc::new(cost));
        self
    }

    /// Neither reads nor writes the tier of this name; `"memory"` is the near tier. Removals still reach it, and a
    /// write ends what it holds from before, if another handle of the region has a part in it. A tier may answer
    /// with what this node owes it, having written that while the tier was away.
    #[must_use]
    pub fn skip(mut self, tier: &'static str) -> Self {
        self.skipped.push(tier);
        self
    }

    /// How old a cached value may be at most, for calls that ask for younger ones than the region's life allows:
    /// what is older is loaded anew, and does not stand in if that fails. A load that is under way will do.
    /// Default: as old as its life and grace allow.
    ///
    /// ```
    /// use std::time::Duration;
    /// use cache_facade::{Cache, Source};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_facade::Result<()> {
    /// let cache = Cache::builder().build().await?;
    /// let prices = cache.region::<f64>("price").ttl("5m").open()?;
    /// prices.put("AAPL", 190.5).await?;
    /// let to_trade = prices.with(|policy| policy.max_age(Duration::ZERO).only_cached());
    /// assert_eq!(to_trade.lookup("AAPL").await?.source, Source::Nowhere);
    /// assert_eq!(prices.lookup("AAPL").await?.source, Source::Memory);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn max_age(mut self, age: Duration) -> Self {
        self.demand.max_age = Some(age);
        self
    }

    /// For how long the life of a cached value may be over at most, within its grace; with zero nothing stale will
    /// do. Otherwise as [`Policy::max_age`]. Default: as long as its grace allows.
    #[must_use]
    pub fn max_stale(mut self, span: Duration) -> Self {
        self.demand.max_stale = Some(span);
        self
    }

    /// How long a cached value must still be fresh at least. Otherwise as [`Policy::max_age`]. Default: zero.
    #[must_use]
    pub fn min_fresh(mut self, span: Duration) -> Self {
        self.demand.min_fresh = span;
        self
    }

    /// How old a value that is fresh must be to be loaded anew for a call that asks for a younger one, or one that
    /// is fresh for longer. It bounds what such calls cost. Default: zero.
    #[must_use]
    pub fn reload_after(mut self, age: Duration) -> Self {
        self.demand.reload_after = age;
        self
    }

    /// For how long past its life and grace a value is kept for its loader, as
    /// [`Request::previous`](crate::Request::previous), and served to nobody: for a loader that needs much less of
    /// its source where it has an older value. What has a life of its own is kept for that. Default: zero.
    #[must_use]
    pub fn kept_for(mut self, span: Duration) -> Self {
        self.demand.kept = span;
        self
    }

    /// Asks nothing of the age of what is cached: whatever lives will do, as for what never changes.
    #[must_use]
    pub fn any_age(mut self) -> Self {
        self.demand = AgeDemand { kept: self.demand.kept, ..AgeDemand::NONE };
        self
    }

    /// Loads nothing: what no tier has is not there, and its source is
    /// [`Source::Nowhere`](crate::Source::Nowhere). A `get_or_load` whose closure has a value for every key fails
    /// with `Load` instead. A load that is under way is waited for.
    #[must_use]
    pub fn only_cached(mut self) -> Self {
        self.only_cached = true;
        self
    }

    /// The tiers that it neither reads nor writes.
    pub(crate) fn skipped(&self) -> &[&'static str] {
        &self.skipped
    }

    #[inline]
    pub(crate) fn skips(&self, tier: &str) -> bool {
        !self.skipped.is_empty() && self.skipped.contains(&tier)
    }

    /// Whether a value needs no look but at its age.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.eager.is_none() && self.computed.is_none() && self.demand == AgeDemand::NONE
    }

    /// The longest time in which a load that begins now may still write.
    pub(crate) fn load_limit(&self) -> Duration {
        self.hard_timeout.saturating_add(self.late)
    }
}

impl<V> fmt::Debug for Policy<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("ttl", &self.ttl)
            .field("negative", &self.negative)
            .field("jitter", &self.jitter)
            .field("eager", &self.eager)
            .field("refresh_window", &self.refresh_window)
            .field("soft_timeout", &self.soft_timeout)
            .field("hard_timeout", &self.hard_timeout)
            .field("late", &self.late)
            .field("throttle", &self.throttle)
            .field("skipped", &self.skipped)
            .finish_non_exhaustive()
    }
}
