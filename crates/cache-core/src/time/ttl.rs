//! How long a value may be served: its life and its grace.

use std::time::Duration;

use crate::{Key, Timestamp};

/// How long a value is fresh, and how long it may be served at all. Both spans count from its birth.
///
/// Until `life` is over the value is fresh. From then until `grace` is over it is stale: it may be served
/// while a new value is loaded or can't be loaded. After that it is dead.
///
/// ```
/// use std::time::Duration;
/// use cache_core::Ttl;
///
/// let ttl = Ttl::new(Duration::from_secs(60)).grace(Duration::from_secs(10));
/// assert_eq!(ttl.normalised().grace, ttl.life, "a grace that ends before the life is no grace");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ttl {
    /// How long after its birth the value is fresh. Zero: it is never stored.
    pub life: Duration,
    /// How long after its birth the value may be served. At or below `life`: it is never served stale.
    pub grace: Duration,
}

impl Ttl {
    /// Never stored, so never served from a cache.
    pub const NONE: Self = Self::new(Duration::ZERO);

    /// Returns a TTL without grace: fresh for `life`, and dead then.
    #[must_use]
    pub const fn new(life: Duration) -> Self {
        Self { life, grace: life }
    }

    /// Returns the same TTL with this grace, which counts from birth.
    #[must_use]
    pub const fn grace(self, grace: Duration) -> Self {
        Self { grace, ..self }
    }

    /// Returns the same TTL with a grace that ends this long after the life, and so can't end before it.
    ///
    /// ```
    /// use std::time::Duration;
    /// use cache_core::Ttl;
    ///
    /// let ttl = Ttl::new(Duration::from_secs(60)).stale_for(Duration::from_secs(600));
    /// assert_eq!(ttl, Ttl::new(Duration::from_secs(60)).grace(Duration::from_secs(660)));
    /// ```
    #[must_use]
    pub const fn stale_for(self, span: Duration) -> Self {
        Self { grace: self.life.saturating_add(span), ..self }
    }

    /// Returns the same TTL with a grace at least as long as its life; [`Ttl::NONE`] for a life of zero.
    #[must_use]
    pub fn normalised(self) -> Self {
        if self.life.is_zero() { Self::NONE } else { Self { grace: self.grace.max(self.life), ..self } }
    }
}

impl From<Duration> for Ttl {
    /// Returns a TTL without grace.
    fn from(life: Duration) -> Self {
        Self::new(life)
    }
}

/// Decides the [`Ttl`] of a value. A fixed [`Ttl`] is a policy, so is a `Duration`, which has no grace, and so
/// is a closure:
///
/// ```
/// use std::time::Duration;
/// use cache_core::{Key, Timestamp, Ttl, TtlPolicy};
///
/// let by_size = |_: &Key, value: Option<&String>, _: Timestamp| {
///     Ttl::new(Duration::from_secs(value.map_or(5, |text| text.len() as u64)))
/// };
/// let key = Key::new("note", "1")?;
/// assert_eq!(by_size.ttl(&key, None, Timestamp::MIN).life, Duration::from_secs(5));
/// # Ok::<(), cache_core::Error>(())
/// ```
pub trait TtlPolicy<V>: Send + Sync {
    /// Returns the TTL of `value`, which is stored under `key`, as of `now`. A `value` of `None` means that
    /// the source said that the key does not exist.
    fn ttl(&self, key: &Key, value: Option<&V>, now: Timestamp) -> Ttl;
}

impl<V> TtlPolicy<V> for Ttl {
    fn ttl(&self, _: &Key, _: Option<&V>, _: Timestamp) -> Ttl {
        *self
    }
}

impl<V> TtlPolicy<V> for Duration {
    /// Returns a TTL without grace.
    fn ttl(&self, _: &Key, _: Option<&V>, _: Timestamp) -> Ttl {
        Ttl::new(*self)
    }
}

impl<V, F: Fn(&Key, Option<&V>, Timestamp) -> Ttl + Send + Sync> TtlPolicy<V> for F {
    fn ttl(&self, key: &Key, value: Option<&V>, now: Timestamp) -> Ttl {
        self(key, value, now)
    }
}

/// Shortens each life by a random part, so that values stored together do not expire together. A life is
/// shortened by at most this share of itself, and never lengthened.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Jitter(f64);

impl Jitter {
    /// Returns a jitter of up to `share` of the life, clamped to `0.0..=1.0`; none if it is not finite.
    #[must_use]
    pub fn new(share: f64) -> Self {
        Self(if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 })
    }

    /// Returns `ttl` with its life shortened. The same `seed` always gives the same life.
    #[must_use]
    pub fn apply(self, ttl: Ttl, seed: u64) -> Ttl {
        let unit = unit_interval(mix(seed));
        let seconds = ttl.life.as_secs_f64() * (1.0 - self.0 * unit);
        let life = Duration::try_from_secs_f64(seconds).unwrap_or(ttl.life).min(ttl.life);
        Ttl { life, ..ttl }
    }
}

/// Returns a number in `0.0..1.0` made of the upper 53 of `bits`.
pub(crate) fn unit_interval(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// The finaliser of splitmix64 (Steele, Lea, Flood 2014): every input bit changes every output bit.
pub(crate) fn mix(seed: u64) -> u64 {
    let mut word = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rule_21_jitter_stays_within_its_band(share in 0.0..1.0_f64, millis in 1..10_000_000_u64, seed: u64) {
            let ttl = Ttl::new(Duration::from_millis(millis)).grace(Duration::from_millis(millis * 2));
            let spread = Jitter::new(share).apply(ttl, seed);
            prop_assert!(spread.life <= ttl.life);
            prop_assert!(spread.life.as_secs_f64() >= ttl.life.as_secs_f64() * (1.0 - share) - 1e-6);
            prop_assert_eq!(spread.grace, ttl.grace);
        }
    }

    #[test]
    fn rule_19_huge_lives_survive_jitter() {
        let ttl = Jitter::new(1.0).apply(Ttl::new(Duration::MAX), 7);
        assert!(ttl.life < Duration::MAX);
        let _ = Jitter::new(0.0).apply(Ttl::new(Duration::MAX), 7);
    }

    #[test]
    fn rule_28_grace_is_never_shorter_than_life() {
        let ttl = Ttl::new(Duration::from_secs(60)).grace(Duration::from_secs(1)).normalised();
        assert_eq!(ttl.grace, Duration::from_secs(60));
        assert_eq!(Ttl::NONE.grace(Duration::from_secs(9)).normalised(), Ttl::NONE);
    }
}
