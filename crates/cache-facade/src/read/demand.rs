//! What a call asks of the age of its answer, beyond what the policy of its region allows.

use std::time::Duration;

use cache_core::{Error, ErrorKind, Key, Meta, Timestamp, Ttl};

use crate::{
    answer::{Found, Source},
    region::{Cacheable, Region},
};

/// By how much clocks may differ. What was born later than that from now was born before the clock was set back,
/// and nobody can tell its age.
const MAX_AHEAD: Duration = Duration::from_secs(60);

/// What a call asks of the age of what is cached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct AgeDemand {
    /// How old it may be at most.
    pub(crate) max_age: Option<Duration>,
    /// How long its life may be over at most.
    pub(crate) max_stale: Option<Duration>,
    /// How long it must still be fresh.
    pub(crate) min_fresh: Duration,
    /// What is fresh and younger than this will do, whatever else is asked.
    pub(crate) reload_after: Duration,
    /// For how long past its grace it is kept for its loader, and is no answer.
    pub(crate) kept: Duration,
}

impl AgeDemand {
    /// Nothing is asked.
    pub(crate) const NONE: Self = Self {
        max_age: None,
        max_stale: None,
        min_fresh: Duration::ZERO,
        reload_after: Duration::ZERO,
        kept: Duration::ZERO,
    };

    /// Whether an entry is kept for its loader alone.
    fn is_kept_only(&self, meta: &Meta, now: Timestamp) -> bool {
        !self.kept.is_zero() && now >= meta.stale_at && now >= self.served_until(meta)
    }

    /// Returns until when an entry may be served. A life that the source stated is as it stated it.
    fn served_until(&self, meta: &Meta) -> Timestamp {
        if self.kept.is_zero() || meta.own_life().is_some() {
            return meta.dead_at;
        }
        meta.dead_at.before(self.kept).max(meta.stale_at)
    }

    /// Whether an entry that may be served by its age is what is asked for.
    pub(crate) fn is_met(&self, meta: &Meta, now: Timestamp) -> bool {
        if self.is_kept_only(meta, now) {
            return false;
        }
        if is_of_unknown_age(meta, now) {
            // Who has nothing loaded anew within a while is not to have it at will either.
            return Self { kept: Duration::ZERO, ..*self } == Self::NONE || !self.reload_after.is_zero();
        }
        if now < meta.stale_at && now.since(meta.born) < self.reload_after {
            return true;
        }
        let young = self.max_age.is_none_or(|most| now.since(meta.born) <= most);
        let stale_for = now.since(meta.stale_at);
        let fresh_enough =
            self.max_stale.is_none_or(|most| now < meta.stale_at || stale_for <= most && !most.is_zero());
        let left = meta.stale_at.since(now);
        young && fresh_enough && left >= self.min_fresh
    }
}

impl<V: Cacheable> Region<V> {
    /// Whether an answer is as young as this call asks for. What was born since it `began` is as young as can be,
    /// and what is nowhere has no age.
    pub(crate) fn is_young_enough(&self, found: &Found<V>, began: Timestamp) -> bool {
        let (demand, now) = (&self.policy.demand, self.engine.clock().now());
        *demand == AgeDemand::NONE
            || found.source == Source::Nowhere
            || demand.is_met(&found.meta, now)
            || found.meta.born >= began && !is_of_unknown_age(&found.meta, now)
    }

    /// Returns an answer as it is told: it may be served no longer than that, though it is kept longer.
    pub(crate) fn told(&self, mut found: Found<V>) -> Found<V> {
        found.meta.dead_at = self.policy.demand.served_until(&found.meta);
        found
    }

    /// The life of a value that is kept for its loader past the grace that its policy gives it.
    pub(crate) fn kept(&self, ttl: Ttl) -> Ttl {
        let (ttl, kept) = (ttl.normalised(), self.policy.demand.kept);
        match ttl.life.is_zero() {
            true => ttl,
            false => self.engine.bounded(ttl.grace(ttl.grace.saturating_add(kept))),
        }
    }
}

fn is_of_unknown_age(meta: &Meta, now: Timestamp) -> bool {
    meta.born.since(now) > MAX_AHEAD
}

/// The failure of a call for which nothing was young enough.
pub(crate) fn too_old(key: &Key) -> Error {
    let message = format!("whatever was had of {key} is older than the call asks for");
    Error::new(ErrorKind::Load, "get", message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against RFC 9111, 5.2.1, condition by condition.
        #[test]
        fn a_demand_is_met_as_each_of_its_conditions_is(
            age in 0_u64..200,
            life in 0_u64..100,
            grace in 0_u64..100,
            max_age in prop::option::of(0_u64..200),
            max_stale in prop::option::of(0_u64..100),
            min_fresh in 0_u64..100,
            reload_after in 0_u64..20,
        ) {
            let micros = Duration::from_micros;
            let meta = Meta::new(Timestamp::from_micros(0), Ttl::new(micros(life)).grace(micros(life + grace)));
            let now = Timestamp::from_micros(age as i64);
            let demand = AgeDemand {
                max_age: max_age.map(micros),
                max_stale: max_stale.map(micros),
                min_fresh: micros(min_fresh),
                reload_after: micros(reload_after),
                kept: Duration::ZERO,
            };
            let asked = max_age.is_none_or(|most| age <= most)
                && max_stale.is_none_or(|most| age < life || most > 0 && age - life <= most)
                && (min_fresh == 0 || age + min_fresh <= life);
            let met = asked || age < life && age < reload_after;
            prop_assert_eq!(demand.is_met(&meta, now), met);
        }
    }
}
