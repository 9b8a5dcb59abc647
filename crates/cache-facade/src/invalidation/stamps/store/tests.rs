//! What is remembered of stamps, against all that there are.

use proptest::prelude::*;

use super::*;

const MOST: usize = 16;

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

fn store() -> StampStore<u32> {
    StampStore::new(MOST, at(0))
}

/// Reads what the tiers have.
fn read(store: &StampStore<u32>, name: u32, tiers: impl Fn(StampKind) -> i64) {
    let unknown = store.unknown([name].iter(), &StampKind::ALL);
    let stamps: Vec<Timestamp> = unknown.stamps.iter().map(|(_, kind)| at(tiers(*kind))).collect();
    store.learn(unknown, &stamps, false);
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
    store.learn(unknown, &[at(1), at(2)], false);
    assert!(StampKind::ALL.into_iter().all(|kind| !store.of(kind, &1).complete));
    assert_eq!(store.of(StampKind::Mark, &1).at, at(2), "but it is there");
}

#[test]
fn rule_84_a_mark_that_is_forgotten_ends_nothing() {
    let store = store();
    (0..100).for_each(|name| store.raise(StampKind::Mark, &name, at(100 + i64::from(name)), false));
    assert!(store.floor(StampKind::Mark) > at(100));
    assert_eq!(store.floor(StampKind::End), Timestamp::MIN);
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
    let store = StampStore::new(1024, at(0));
    for name in 0..200_000_u32 {
        store.raise(StampKind::Mark, &name, at(1 + i64::from(name)), true);
    }
    assert!(store.known.read().stamps.len() <= 1024);
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
}

fn step() -> impl Strategy<Value = Step> {
    let kind = || prop_oneof![Just(StampKind::End), Just(StampKind::Mark)];
    let name = || 0..40_u32;
    prop_oneof![
        (kind(), name(), prop::bool::ANY).prop_map(|(kind, name, pinned)| Step::Raise(kind, name, pinned)),
        (kind(), name()).prop_map(|(kind, name)| Step::Hear(kind, name)),
        (kind(), name()).prop_map(|(kind, name)| Step::Miss(kind, name)),
        name().prop_map(Step::Read),
    ]
}

proptest! {
    /// Against all stamps that there are. What a tier had is read; a pinned one no tier has.
    #[test]
    fn rule_97_no_stamp_is_overlooked_however_many_there_are(steps in prop::collection::vec(step(), 0..200)) {
        let store = store();
        let mut all = HashMap::<(u32, usize), i64>::new();
        let mut tiers = HashMap::<(u32, usize), i64>::new();
        for (now, step) in (1_i64..).zip(steps) {
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
                        prop_assert!(known.at <= wanted.max(store.lost.of(kind)), "{:?} {:?}", known, wanted);
                    }
                }
            }
            prop_assert!(store.known.read().stamps.len() <= MOST);
        }
    }
}
