//! What is remembered of stamps, against all that there are.

use proptest::prelude::*;

use super::*;

const MOST: usize = 16;

/// So many seconds after a manual clock begins.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_577_836_800_000_000 + 1_000_000 * seconds)
}

fn store() -> StampStore<u32> {
    StampStore::new(MOST, Clock::manual())
}

/// How many names are remembered.
fn len(store: &StampStore<u32>) -> usize {
    store.shards.iter().map(|shard| shard.read().len()).sum()
}

/// Whether memory serves what carries this name and was born then.
fn is_served(store: &StampStore<u32>, name: u32, born: Timestamp) -> bool {
    let ended = store.of(StampKind::End, &name);
    born > ended.at && (ended.complete || born > ended.floor)
}

/// Reads what the tiers have.
fn read(store: &StampStore<u32>, name: u32, tiers: impl Fn(StampKind) -> i64) {
    let unknown = store.unknown([name].iter(), &StampKind::ALL);
    let of = |kind| Some(tiers(kind)).filter(|seconds| *seconds > i64::MIN).map_or(Timestamp::MIN, at);
    let stamps: Vec<Timestamp> = unknown.stamps.iter().map(|(_, kind)| of(*kind)).collect();
    store.learn(unknown, &stamps);
}

#[test]
fn rule_84_a_mark_that_a_tier_has_not_heard_of_hides_no_later_one_after_a_gap() {
    for pinned in [false, true] {
        let store = store();
        store.raise(StampKind::Mark, &1, at(5), pinned);
        assert!(store.of(StampKind::Mark, &1).complete, "others are heard of");
        store.forget(at(10));
        assert!(!store.of(StampKind::Mark, &1).complete);
        read(&store, 1, |_| 8);
        let known = store.of(StampKind::Mark, &1);
        assert_eq!((known.at, known.complete), (at(8), true));
    }
}

#[test]
fn rule_46_a_stamp_of_a_past_moment_hides_no_later_one_that_is_unheard_of() {
    for kind in StampKind::ALL {
        let store = store();
        store.forget(at(10));
        store.raise(kind, &1, at(5), false);
        read(&store, 1, |_| 8);
        assert_eq!(store.of(kind, &1).at, at(8), "{kind:?}");
    }
}

#[test]
fn rule_47_what_was_read_before_a_gap_is_not_taken_for_all_there_is() {
    let store = store();
    let unknown = store.unknown([1].iter(), &StampKind::ALL);
    store.forget(at(10));
    store.learn(unknown, &[at(1), at(2)]);
    assert!(StampKind::ALL.into_iter().all(|kind| !store.of(kind, &1).complete));
    assert_eq!(store.of(StampKind::Mark, &1).at, at(2), "but it is there");
}

#[test]
fn rule_84_a_mark_that_is_forgotten_ends_nothing() {
    let store = store();
    (0..100).for_each(|name| store.raise(StampKind::Mark, &name, at(100 + i64::from(name)), false));
    let forgotten = |kind| (0..100).filter(|name| store.of(kind, name).floor > Timestamp::MIN).count();
    assert!(forgotten(StampKind::Mark) > 50);
    assert_eq!(forgotten(StampKind::End), 0);
}

/// What is forgotten early ends what memory holds of a part of all names, which grows with what is forgotten.
#[test]
fn rule_97_memory_loses_a_little_with_each_stamp_that_is_forgotten_early() {
    let store = StampStore::new(1024, Clock::manual());
    let mut served = 2000;
    for round in 0..40_u32 {
        let names = 1_000_000 + round * 128..1_000_000 + (round + 1) * 128;
        names.for_each(|name| store.raise(StampKind::End, &name, at(1), false));
        let now = (0..2000).filter(|name| is_served(&store, *name, at(0))).count();
        assert!(now + 250 >= served, "round {round}: {served} to {now}");
        served = now;
        assert!(round >= 8 || served == 2000, "there is room still");
    }
    assert!((400..1200).contains(&served), "{served}");
    // None that was born later is concerned.
    assert!((0..2000).all(|name| is_served(&store, name, at(2))));
}

#[test]
fn rule_97_what_memory_was_swept_for_is_forgotten_without_harm() {
    let clock = Clock::manual();
    let store = StampStore::new(1024, clock.clone());
    for round in 0..100_i64 {
        clock.advance(Duration::from_secs(10));
        let until = clock.now().before(Duration::from_secs(20));
        assert_eq!(store.is_sweep_due(until), round > 1, "round {round}");
        if round > 1 {
            store.note_swept(until);
        }
        let first = u32::try_from(round * 200).unwrap();
        (first..first + 200).for_each(|name| store.raise(StampKind::End, &name, clock.now(), false));
    }
    assert_eq!(store.take_harmful(), 0);
    assert!(
        (0..30_000).all(|name| is_served(&store, name, at(0)) || store.of(StampKind::End, &name).complete)
    );
    assert!(len(&store) <= 1024);
}

/// What is swept later than a clock that was set back says is swept all the same.
#[test]
fn rule_97_a_stamp_that_is_raised_after_a_sweep_is_not_swept_for_though_the_clock_was_set_back() {
    let store = StampStore::new(16, Clock::manual());
    store.note_swept(at(3600));
    (0..100).for_each(|name| store.raise(StampKind::End, &name, at(1), false));
    assert!((0..100).all(|name| !is_served(&store, name, at(0))), "all of these are ended");
}

#[test]
fn a_pin_is_undone_by_the_stamp_that_all_tiers_have_and_by_none_before() {
    let store = store();
    store.raise(StampKind::Mark, &1, at(5), true);
    store.raise(StampKind::Mark, &1, at(7), true);
    store.unpin(StampKind::Mark, &1, at(5));
    assert_eq!(store.pinned(10), [(1, StampKind::Mark, at(7))]);
    store.unpin(StampKind::Mark, &1, at(7));
    assert_eq!(store.pinned(10), []);
}

/// In any number of names and pins, with bounded memory and bounded work.
#[test]
fn rule_103_what_is_pinned_is_bounded_too_and_marks_too_much_rather_than_too_little() {
    let store = StampStore::new(4096, Clock::manual());
    assert_eq!(store.shards.len(), 4);
    for name in 0..100_000_u32 {
        store.raise(StampKind::Mark, &name, at(1 + i64::from(name)), true);
    }
    assert!(len(&store) <= 4096);
    // No tier has heard of it.
    read(&store, 7, |_| i64::MIN);
    assert!(store.of(StampKind::Mark, &7).at >= at(8));
    assert_eq!(store.of(StampKind::End, &7).at, Timestamp::MIN);
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// By this process, which some tier may not have taken.
    Raise(StampKind, u32, bool),
    /// By another, whose message comes.
    Hear(StampKind, u32),
    /// By another, whose message is missed.
    Miss(StampKind, u32),
    Read(u32),
    /// Memory is given what carries a name.
    Put(u32),
    /// Memory is swept of what ended up to so many seconds ago.
    Sweep(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let kind = || prop_oneof![Just(StampKind::End), Just(StampKind::Mark)];
    let name = || 0..40_u32;
    prop_oneof![
        (kind(), name(), prop::bool::ANY).prop_map(|(kind, name, pinned)| Step::Raise(kind, name, pinned)),
        (kind(), name()).prop_map(|(kind, name)| Step::Hear(kind, name)),
        (kind(), name()).prop_map(|(kind, name)| Step::Miss(kind, name)),
        name().prop_map(Step::Read),
        name().prop_map(Step::Put),
        (1_u8..20).prop_map(Step::Sweep),
    ]
}

proptest! {
    /// Against all stamps that there are. What a tier had is read; a pinned one no tier has. What memory holds and
    /// was ended is not served, whatever was forgotten; and if nothing was forgotten early all else is served.
    #[test]
    fn rule_97_no_stamp_is_overlooked_however_many_there_are(steps in prop::collection::vec(step(), 0..200)) {
        let clock = Clock::manual();
        let store = StampStore::new(MOST, clock.clone());
        let mut all = HashMap::<(u32, usize), i64>::new();
        let mut tiers = HashMap::<(u32, usize), i64>::new();
        let (mut memory, mut harmful) = (Vec::<(u32, i64)>::new(), 0);
        for (now, step) in (1_i64..).zip(steps) {
            clock.advance(Duration::from_secs(1));
            match step {
                Step::Raise(kind, name, pinned) => {
                    store.raise(kind, &name, at(now), pinned);
                    all.insert((name, kind as usize), now);
                    if !pinned {
                        tiers.insert((name, kind as usize), now);
                    }
                }
                Step::Hear(kind, name) => {
                    store.raise(kind, &name, at(now), false);
                    all.insert((name, kind as usize), now);
                    tiers.insert((name, kind as usize), now);
                }
                Step::Miss(kind, name) => {
                    all.insert((name, kind as usize), now);
                    tiers.insert((name, kind as usize), now);
                    memory.clear();
                    store.forget(at(now));
                }
                Step::Read(name) => {
                    read(&store, name, |kind| tiers.get(&(name, kind as usize)).copied().unwrap_or(i64::MIN));
                    for kind in StampKind::ALL {
                        let known = store.of(kind, &name);
                        let wanted = all.get(&(name, kind as usize)).map_or(Timestamp::MIN, |now| at(*now));
                        // To what is dead no mark matters.
                        let ended = store.of(StampKind::End, &name).at;
                        prop_assert!(known.complete && (known.at >= wanted || ended >= wanted));
                        let lost = store.lost[kind as usize].of(store.hasher.hash_one(name));
                        prop_assert!(known.at <= wanted.max(lost), "{:?} {:?}", known, wanted);
                    }
                }
                Step::Put(name) => memory.push((name, now)),
                Step::Sweep(ago) => {
                    memory.retain(|(name, born)| is_served(&store, *name, at(*born)));
                    store.note_swept(at(now - i64::from(ago)));
                }
            }
            harmful += store.take_harmful();
            for (name, born) in &memory {
                let is_ended = all.get(&(*name, StampKind::End as usize)).is_some_and(|ended| born <= ended);
                let is_served = is_served(&store, *name, at(*born));
                prop_assert!(!(is_ended && is_served), "{} born at {}", name, born);
                prop_assert!(is_ended || is_served || harmful > 0, "{} born at {}", name, born);
            }
            prop_assert!(len(&store) <= MOST);
        }
    }
}
