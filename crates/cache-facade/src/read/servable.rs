//! Whether an entry may be served: the one judge of age, clears, tags, tombstones, gaps and clock skew.

use std::time::Duration;

use cache_core::{Freshness, Key, LookupKey, Meta, Timestamp};
use cache_memory::EntryRef;

use crate::{
    answer::Found,
    computed,
    engine::Engine,
    invalidation::stamps::TagVerdict,
    region::{Cacheable, Region},
    tier::handle::TierHandle,
};

/// How far ahead of this process's clock an entry of a tier may have been born: clocks differ a little.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(60);

/// Whether an entry may be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Servable {
    /// As it is.
    Fresh,
    /// As it is, and it is due to be refreshed: most of its life is over.
    Due,
    /// In grace: its life is over.
    Stale,
    /// Only in place of a load that fails: a newer value was put elsewhere, and can't be read.
    Replaced,
    /// Not at all.
    No(Unservable),
}

/// Why a key can't be answered from a tier or from memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unservable {
    /// Memory takes no part in this read.
    NotAsked,
    /// There is no entry: it never was there, or was evicted.
    Absent,
    /// Its life and grace are over.
    Expired,
    /// Its kind or the whole cache was cleared since.
    Cleared,
    /// One of its tags was invalidated since.
    TagInvalidated,
    /// The stamp of one of its tags could not be read.
    StampUnknown,
    /// It was removed, or is being replaced.
    Removed,
    /// It is no newer than what is at hand.
    Older,
    /// It was born so far ahead of the clock that nobody knows its age.
    BornAhead,
    /// Messages of other nodes that may have ended it were missed.
    Unproven,
    /// Its value can't be decoded.
    Unreadable,
    /// It was computed from other inputs than there are now.
    InputsChanged,
    /// It is older than the call asks for, which no judge of entries knows: it may do for others.
    TooOld,
}

/// What is known that may keep an entry from being served.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    /// The latest clear of its kind or of the whole cache.
    cleared: Timestamp,
    /// What the stamps of its tags say.
    tags: TagVerdict,
    /// After which share of its life an entry is due to be refreshed.
    eager: Option<f64>,
    /// An entry born at this moment or before is unproven.
    unproven_until: Timestamp,
    /// An entry born at this moment or before is no newer than what is at hand.
    at_hand: Timestamp,
    /// An entry born after this moment was born too far ahead of the clock.
    latest_birth: Timestamp,
    /// The longest any entry lives. One that was stored when that was longer may outlive its stamps.
    longest_life: Duration,
    /// Whether a tombstone or a write in progress refuses it.
    refused: bool,
}

impl Known {
    /// Nothing: an entry is judged by its age alone.
    pub(crate) const NOTHING: Self = Self {
        cleared: Timestamp::MIN,
        tags: TagVerdict::Alive,
        eager: None,
        unproven_until: Timestamp::MIN,
        at_hand: Timestamp::MIN,
        latest_birth: Timestamp::MAX,
        longest_life: Duration::MAX,
        refused: false,
    };

    /// What is known of an entry that memory holds, in a region that was `cleared` last then.
    pub(crate) fn of_memory(tags: TagVerdict, cleared: Timestamp) -> Self {
        Self { cleared, tags, ..Self::NOTHING }
    }
}

impl Servable {
    /// Judges an entry by its age and by what is `known`. Age comes last: what is `Expired` was not ended by
    /// anything else.
    pub(crate) fn judge(meta: &Meta, known: &Known, now: Timestamp) -> Self {
        let born = meta.born;
        if born > known.latest_birth {
            return Self::No(Unservable::BornAhead);
        }
        if born <= known.at_hand {
            return Self::No(Unservable::Older);
        }
        if known.refused {
            return Self::No(Unservable::Removed);
        }
        if born <= known.cleared {
            return Self::No(Unservable::Cleared);
        }
        match known.tags {
            TagVerdict::Alive | TagVerdict::Marked(_) => {}
            TagVerdict::Invalidated => return Self::No(Unservable::TagInvalidated),
            TagVerdict::Unknown => return Self::No(Unservable::StampUnknown),
        }
        if born <= known.unproven_until {
            return Self::No(Unservable::Unproven);
        }
        match meta.freshness(now) {
            Freshness::Dead => Self::No(Unservable::Expired),
            _ if now >= born.after(known.longest_life) => Self::No(Unservable::Expired),
            Freshness::Stale if meta.is_replaced() => Self::Replaced,
            Freshness::Stale => Self::Stale,
            Freshness::Fresh if is_due(meta, known.eager, now) => Self::Due,
            Freshness::Fresh => Self::Fresh,
        }
    }

    /// Judges an answer that a flight has given, or offers, by its age alone. Whether it was invalidated is
    /// asked when it is handed out: see [`Region::was_invalidated_before`].
    pub(crate) fn by_age<V>(found: &Found<V>, now: Timestamp) -> Self {
        Self::judge(&found.meta, &Known::NOTHING, now)
    }

    /// Whether it may be served, fresh or stale.
    pub(crate) fn is_servable(self) -> bool {
        !matches!(self, Self::No(_) | Self::Replaced)
    }

    /// Whether it may be served in place of a load that fails.
    pub(crate) fn bridges(self) -> bool {
        !matches!(self, Self::No(_))
    }
}

impl Engine {
    /// What is known of an entry that a tier holds, but for what memory refuses.
    pub(crate) fn known_of_tier(
        &self,
        tier: &TierHandle,
        tags: TagVerdict,
        cleared: Timestamp,
        now: Timestamp,
    ) -> Known {
        let unknown = self.clock().unknown_until();
        Known {
            cleared,
            tags,
            unproven_until: if tier.is_local() { self.gaps().latest().max(unknown) } else { unknown },
            // What this process bears goes on from where it was before the clock was set back.
            latest_birth: now.max(unknown).after(MAX_CLOCK_SKEW),
            longest_life: self.longest_life(),
            ..Known::NOTHING
        }
    }
}

impl<V: Cacheable> Region<V> {
    /// Judges an entry that memory holds, or that is at hand, by what this process knows.
    pub(crate) fn judge(&self, key: &impl LookupKey, meta: &Meta, now: Timestamp) -> Servable {
        self.judge_by(key, meta, self.engine.stamps().verdict(meta, false), now)
    }

    /// The same by what the stamps of its tags say.
    pub(crate) fn judge_by(
        &self,
        key: &impl LookupKey,
        meta: &Meta,
        tags: TagVerdict,
        now: Timestamp,
    ) -> Servable {
        let known = Known { eager: self.eager(), ..Known::of_memory(tags, self.core.cleared()) };
        self.if_current(key, meta, Servable::judge(meta, &known, now))
    }

    /// Changes the verdict on what was computed from other inputs than a read of them would give.
    fn if_current(&self, key: &impl LookupKey, meta: &Meta, servable: Servable) -> Servable {
        if servable.bridges() && !self.is_current(key, meta) {
            return Servable::No(Unservable::InputsChanged);
        }
        servable
    }

    /// Whether an entry is what its inputs make of it now; always, if it is not computed.
    pub(crate) fn is_current(&self, key: &impl LookupKey, meta: &Meta) -> bool {
        self.policy.computed.as_ref().is_none_or(|computed| {
            let from = computed::provenance(meta).zip(key.key().ok());
            from.is_some_and(|(from, key)| computed.is_current(&key, &from))
        })
    }

    /// After which share of its life an entry is due to be refreshed: what is computed never, but its inputs are.
    fn eager(&self) -> Option<f64> {
        self.policy.eager.filter(|_| self.policy.computed.is_none())
    }

    /// Judges an entry that a tier holds of a key, of which a value born `at_hand` is known.
    pub(crate) fn judge_in_tier(
        &self,
        (tier, key): (&TierHandle, &Key),
        at_hand: Timestamp,
        meta: &Meta,
        tags: TagVerdict,
        now: Timestamp,
    ) -> Servable {
        let refused = self.engine.memory().refuses(key, meta.born, now);
        let known = self.engine.known_of_tier(tier, tags, self.core.cleared(), now);
        let known = Known { eager: self.eager(), at_hand, refused, ..known };
        self.if_current(key, meta, Servable::judge(meta, &known, now))
    }

    /// The judge's short way, for a hit: whether it is [`Servable::Fresh`], by a coarse clock. `plain` says that
    /// nothing was cleared or marked stale and nothing becomes due. What does not pass here is judged anew.
    #[inline]
    pub(crate) fn is_plainly_fresh(
        &self,
        held: EntryRef<'_>,
        plain: bool,
        latest_stamp: Timestamp,
        now: Timestamp,
    ) -> bool {
        now < held.stale_at() && (plain && !held.is_tagged() || self.outlived_stamps(held, latest_stamp, now))
    }

    /// Whether an entry that is fresh outlived all stamps, and is neither due to be refreshed nor computed.
    #[inline(never)]
    fn outlived_stamps(&self, held: EntryRef<'_>, latest_stamp: Timestamp, now: Timestamp) -> bool {
        let meta = held.meta();
        meta.born > latest_stamp
            && (!held.is_tagged() || self.engine.stamps().verdict(meta, false) == TagVerdict::Alive)
            && self.policy.computed.is_none()
            && self.policy.demand.is_met(meta, now)
            && !is_due(meta, self.policy.eager, now)
    }

    /// Whether an answer was invalidated before its caller asked, when the latest invalidation of anything
    /// was `seen`. An answer that was invalidated while its caller waited may be given.
    pub(crate) fn was_invalidated_before(&self, meta: &Meta, seen: Timestamp) -> bool {
        meta.born <= seen && meta.born <= self.engine.stamps().latest_end(meta).max(self.core.cleared())
    }
}

/// Whether the `eager` share of a life is over.
fn is_due(meta: &Meta, eager: Option<f64>, now: Timestamp) -> bool {
    eager.is_some_and(|share| {
        let life = meta.stale_at.as_micros().saturating_sub(meta.born.as_micros());
        let spent = now.as_micros().saturating_sub(meta.born.as_micros());
        spent as f64 >= life as f64 * share
    })
}

#[cfg(test)]
mod tests {
    use cache_core::Ttl;
    use proptest::prelude::*;

    use super::*;

    const BORN: i64 = 1_000;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    /// Fresh until 1,100, in grace until 1,200.
    fn meta() -> Meta {
        Meta::new(at(BORN), Ttl::new(Duration::from_micros(100)).grace(Duration::from_micros(200)))
    }

    fn judged(known: Known, now: i64) -> Servable {
        Servable::judge(&meta(), &known, at(now))
    }

    #[test]
    fn an_entry_is_judged_by_its_age() {
        let known = Known::NOTHING;
        assert_eq!(judged(known, 1_099), Servable::Fresh);
        assert_eq!(judged(known, 1_100), Servable::Stale);
        assert_eq!(judged(known, 1_199), Servable::Stale);
        assert_eq!(judged(known, 1_200), Servable::No(Unservable::Expired));
        let eager = Known { eager: Some(0.5), ..known };
        assert_eq!(judged(eager, 1_049), Servable::Fresh);
        assert_eq!(judged(eager, 1_050), Servable::Due);
        assert_eq!(judged(eager, 1_100), Servable::Stale, "what is stale is past being due");
        let short = Known { longest_life: Duration::from_micros(50), ..known };
        assert_eq!(judged(short, 1_049), Servable::Fresh);
        assert_eq!(judged(short, 1_050), Servable::No(Unservable::Expired));
    }

    #[test]
    fn rule_112_what_was_replaced_bridges_and_is_served_for_nothing_else() {
        let judged = |now| Servable::judge(&meta().replaced(), &Known::NOTHING, at(now));
        assert_eq!((judged(BORN), judged(1_199)), (Servable::Replaced, Servable::Replaced));
        assert!(Servable::Replaced.bridges() && !Servable::Replaced.is_servable());
        assert_eq!(judged(1_200), Servable::No(Unservable::Expired));
        let cleared = Known { cleared: at(BORN), ..Known::NOTHING };
        assert_eq!(
            Servable::judge(&meta().replaced(), &cleared, at(BORN)),
            Servable::No(Unservable::Cleared)
        );
    }

    #[test]
    fn each_reason_holds_from_the_moment_of_its_birth() {
        let known = Known::NOTHING;
        for (until, reason) in [
            ((|at| Known { cleared: at, ..Known::NOTHING }) as fn(Timestamp) -> Known, Unservable::Cleared),
            (|at| Known { unproven_until: at, ..Known::NOTHING }, Unservable::Unproven),
            (|at| Known { at_hand: at, ..Known::NOTHING }, Unservable::Older),
        ] {
            assert_eq!(judged(until(at(BORN - 1)), BORN), Servable::Fresh, "{reason:?}");
            assert_eq!(judged(until(at(BORN)), BORN), Servable::No(reason));
        }
        assert_eq!(judged(Known { latest_birth: at(BORN), ..known }, BORN), Servable::Fresh);
        let ahead = Known { latest_birth: at(BORN - 1), ..known };
        assert_eq!(judged(ahead, BORN), Servable::No(Unservable::BornAhead));
        for (tags, reason) in [
            (TagVerdict::Invalidated, Unservable::TagInvalidated),
            (TagVerdict::Unknown, Unservable::StampUnknown),
        ] {
            assert_eq!(judged(Known { tags, ..known }, BORN), Servable::No(reason));
        }
        let refused = Known { refused: true, ..known };
        assert_eq!(judged(refused, BORN), Servable::No(Unservable::Removed));
    }

    #[test]
    fn what_is_expired_was_not_ended_otherwise() {
        let cleared = Known { cleared: at(BORN), ..Known::NOTHING };
        assert_eq!(judged(cleared, 9_999), Servable::No(Unservable::Cleared));
    }

    proptest! {
        /// Against the conditions one by one.
        #[test]
        fn an_entry_is_servable_if_nothing_speaks_against_it(
            now in 900_i64..1_300,
            cleared in 990_i64..1_010,
            unproven_until in 990_i64..1_010,
            at_hand in 990_i64..1_010,
            latest_birth in 990_i64..1_010,
            longest_life in 0_u64..300,
            tags in prop_oneof![
                4 => Just(TagVerdict::Alive),
                1 => Just(TagVerdict::Invalidated),
                1 => Just(TagVerdict::Unknown),
            ],
            refused in prop::bool::weighted(0.2),
            eager in prop::option::of(0.0..1.0),
        ) {
            let known = Known {
                cleared: at(cleared),
                tags,
                eager,
                unproven_until: at(unproven_until),
                at_hand: at(at_hand),
                latest_birth: at(latest_birth),
                longest_life: Duration::from_micros(longest_life),
                refused,
            };
            let servable = now < 1_200
                && now < BORN + i64::try_from(longest_life).unwrap()
                && BORN > cleared
                && BORN > unproven_until
                && BORN > at_hand
                && BORN <= latest_birth
                && tags == TagVerdict::Alive
                && !refused;
            let judged = judged(known, now);
            prop_assert_eq!(judged.is_servable(), servable);
            if servable {
                prop_assert_eq!(judged == Servable::Stale, now >= 1_100);
                prop_assert_eq!(judged == Servable::Due, now < 1_100
                    && eager.is_some_and(|share| (now - BORN) as f64 >= 100.0 * share));
            }
        }
    }
}
