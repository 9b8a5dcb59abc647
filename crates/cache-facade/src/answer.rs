//! An answer and where it came from, how old it is, and how long it may still be served.

use std::{fmt, sync::Arc, time::Duration};

use cache_core::{Error, Meta, MissReason, Result, Tag, Timestamp, Ttl};

use crate::computed::{self, provenance::Provenance};

/// Where an answer came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Source {
    /// The near tier.
    Memory,
    /// The tier of this name.
    Tier(&'static str),
    /// The loader.
    Loader,
    /// Nowhere: no tier has the key, and the region has no loader.
    Nowhere,
}

impl Source {
    /// Returns the name: `memory`, the tier's own, `loader`, `nowhere`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Tier(name) => name,
            Self::Loader => "loader",
            Self::Nowhere => "nowhere",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An answer and where it came from, how old it is, and how long it may still be served.
#[derive(Debug)]
pub struct Lookup<V> {
    /// The value; `None` if there is none.
    pub value: Option<Arc<V>>,
    /// Where the answer came from.
    pub source: Source,
    /// When the load that brought it began, or it was put; of a computed value, when the oldest of its inputs was
    /// born. A new life is a put: [`Region::set_life`] gives the
    /// value a birth of its own, and that of the load is no longer known.
    ///
    /// [`Region::set_life`]: crate::Region::set_life
    pub born: Timestamp,
    /// How old it is: the time since it was born.
    pub age: Duration,
    /// Whether it is past its life, and served in grace, or was marked stale before: see
    /// [`Cache::mark_stale`](crate::Cache::mark_stale).
    pub stale: bool,
    /// How long it is still fresh; never more than at its birth.
    pub fresh_for: Duration,
    /// How long it may still be served, fresh or stale; never more than at its birth.
    pub servable_for: Duration,
    /// Why memory could not answer; `None` if it did.
    pub missed: Option<MissReason>,
    /// Whether it waited for a load that another read had begun.
    pub joined: bool,
    meta: Meta,
}

impl<V> Lookup<V> {
    /// Returns the tags that it was put or loaded with.
    ///
    /// ```
    /// use cache_facade::{Cache, Fetched};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_facade::Result<()> {
    /// let cache = Cache::builder().build().await?;
    /// let sessions = cache.region::<u64>("session").open()?;
    /// sessions.put("abc", Fetched::new(1).tag("users:17")).await?;
    /// let session = sessions.lookup("abc").await?;
    /// cache.invalidate(session.tags()[0].clone()).await?;
    /// assert_eq!(sessions.get("abc").await?, None);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn tags(&self) -> &[Tag] {
        self.meta.tags()
    }

    /// Returns for how long its life has been over, if it is stale; zero otherwise.
    #[must_use]
    pub fn stale_for(&self) -> Duration {
        if self.stale { self.born.after(self.age).since(self.meta.stale_at) } else { Duration::ZERO }
    }

    /// Whether the key is known to have no value: the loader said so now, or before and that is still cached.
    /// Otherwise there is a value, or nobody knows.
    ///
    /// ```
    /// use std::time::Duration;
    /// use cache_facade::{Cache, Loaded};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_facade::Result<()> {
    /// let cache = Cache::builder().build().await?;
    /// let prices = cache.region::<f64>("price").negative(Duration::from_secs(30)).open()?;
    /// assert!(!prices.lookup("NOPE").await?.is_known_absent(), "nobody was asked");
    ///
    /// prices.get_or_load("NOPE", || async { Ok::<_, cache_facade::Error>(Loaded::Absent) }).await?;
    /// assert!(prices.lookup("NOPE").await?.is_known_absent());
    /// assert!(!prices.contains("NOPE").await?);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn is_known_absent(&self) -> bool {
        self.value.is_none() && self.source != Source::Nowhere
    }
}

/// An answer as a flight brings it, not yet measured against a clock.
#[derive(Debug)]
pub(crate) struct Found<V> {
    pub(crate) value: Option<Arc<V>>,
    pub(crate) source: Source,
    pub(crate) meta: Meta,
    /// What the load failed with that this answer stands in for.
    pub(crate) failure: Option<Error>,
    /// Why memory could not answer the read.
    pub(crate) missed: Option<MissReason>,
    /// Whether the read waited for what another had begun.
    pub(crate) joined: bool,
}

/// What a flight brings.
pub(crate) type FlightResult<V> = Result<Found<V>>;

impl<V> Clone for Found<V> {
    fn clone(&self) -> Self {
        Self {
            value: self.value.clone(),
            source: self.source,
            meta: self.meta.clone(),
            failure: self.failure.clone(),
            missed: self.missed,
            joined: self.joined,
        }
    }
}

impl<V> Found<V> {
    pub(crate) fn new(value: Option<Arc<V>>, source: Source, meta: Meta) -> Self {
        Self { value, source, meta, failure: None, missed: None, joined: false }
    }

    /// No answer: no tier has the key, and nothing may be loaded.
    pub(crate) fn nowhere(now: Timestamp) -> Self {
        Self::new(None, Source::Nowhere, Meta::new(now, Ttl::NONE))
    }

    pub(crate) fn at(self, now: Timestamp) -> Lookup<V> {
        // By a clock that is behind that of the writer, no more is left than at birth. What was born while the
        // clock was set back counts from the time that the clock told then.
        let left =
            |end: Timestamp| end.since(if end < self.meta.born { now } else { now.max(self.meta.born) });
        let inputs = computed::provenance(&self.meta);
        let born = inputs.as_ref().and_then(Provenance::born).unwrap_or(self.meta.born);
        Lookup {
            value: self.value,
            source: self.source,
            born,
            age: now.since(born),
            stale: match self.source {
                // What was just loaded is not stale, even if it may not be stored; unless it was marked meanwhile.
                Source::Loader | Source::Nowhere => {
                    self.meta.is_marked_stale() || inputs.is_some_and(|inputs| inputs.is_stale())
                }
                Source::Memory | Source::Tier(_) => now >= self.meta.stale_at,
            },
            fresh_for: left(self.meta.stale_at),
            servable_for: left(self.meta.dead_at),
            missed: self.missed,
            joined: self.joined,
            meta: self.meta,
        }
    }
}

#[cfg(test)]
mod tests {
    use cache_core::Ttl;

    use super::*;

    fn fresh_for(born: i64, counted_from: i64, now: i64) -> u128 {
        let at = Timestamp::from_micros;
        let meta = Meta::new(at(born), Ttl::new(Duration::from_micros(100))).counted_from(at(counted_from));
        Found::new(Some(Arc::new(1)), Source::Memory, meta).at(at(now)).fresh_for.as_micros()
    }

    #[test]
    fn what_is_left_of_a_life_is_never_more_than_at_birth_and_counts_down() {
        for (born, counted_from, now, left) in [
            (1000, 1000, 1000, 100),
            (1000, 1000, 1040, 60),
            (1000, 1000, 1200, 0),
            // By the clock of another node, ahead of this one's.
            (1000, 1000, 900, 100),
            // Born after this node's clock was set back: births go on from where they were.
            (1000, 400, 400, 100),
            (1000, 400, 440, 60),
            (1000, 400, 600, 0),
        ] {
            assert_eq!(fresh_for(born, counted_from, now), left, "{born} {counted_from} {now}");
        }
    }
}
