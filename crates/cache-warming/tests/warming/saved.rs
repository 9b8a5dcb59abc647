//! A history that is kept across restarts, and content that was damaged meanwhile.

use cache_warming::{Decayed, Regression, SavedHistory, SavedKey};
use proptest::{collection::vec, prelude::any, prop_assert, prop_assert_eq, proptest};

use crate::{
    fixture::{Fixture, cases, ids, key, numbered, seconds},
    traffic::Traffic,
};

/// A history of some hours of demand.
fn learnt(seed: u64) -> Fixture {
    let at = Fixture::new(|builder| builder);
    let mut traffic = Traffic::zipf(40, 1.0, seed);
    for _ in 0..120 {
        for place in traffic.requests(30.0) {
            at.hit(&traffic.keys[place]);
        }
        at.clock.advance(seconds(60));
        at.warming.history().settle();
    }
    at
}

/// The same on a clock that shows the same, later.
fn restored(saved: &SavedHistory, later: u64) -> Fixture {
    let at = Fixture::new(|builder| builder);
    at.clock.advance(seconds(120 * 60 + later));
    at.warming.history().restore(saved);
    at
}

fn is_close(a: f32, b: f32) -> bool {
    (a - b).abs() <= 1e-3 * a.abs().max(b.abs()) + 1e-6
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn what_was_saved_is_restored_with_its_counts_and_ranking(seed in 0..1000_u64, most in 0..50_usize) {
        let at = learnt(seed);
        let all = at.warming.history().saved(usize::MAX);
        prop_assert!(all.keys.is_sorted_by(|a, b| a.counts[3] >= b.counts[3]), "those asked for most first");
        let saved = at.warming.history().saved(most);
        prop_assert_eq!(&saved.keys[..], &all.keys[..most.min(all.keys.len())], "those asked for most");
        let at = restored(&saved, 0);
        let again = at.warming.history().saved(usize::MAX);
        prop_assert!(saved.keys.is_empty() || saved.prefixes == again.prefixes);
        prop_assert_eq!(saved.at, again.at);
        prop_assert_eq!(&saved.keys, &again.keys);
        let are_close = saved.totals.iter().zip(again.totals).all(|(a, b)| is_close(*a, b));
        prop_assert!(saved.keys.is_empty() || are_close);
        prop_assert_eq!(at.warming.history().tracked(), saved.keys.len());
    }

    #[test]
    fn counts_age_with_the_totals_while_nobody_runs(seed in 0..1000_u64, later in 1..2_000_000_u64) {
        let saved = learnt(seed).warming.history().saved(usize::MAX);
        let aged = restored(&saved, later).warming.history().saved(usize::MAX);
        for key in &aged.keys {
            let before = saved.keys.iter().find(|saved| saved.id == key.id).unwrap();
            for half_life in 0..4 {
                let share = |counts: &Decayed, totals: &Decayed| counts[half_life] / totals[half_life];
                let (before, now) = (share(&before.counts, &saved.totals), share(&key.counts, &aged.totals));
                prop_assert!(is_close(before, now) || aged.totals[half_life] < 1e-30, "{before} {now}");
            }
            let faded = (-(later as f32) / 2.0 / cache_warming::HALF_LIVES[3]).exp2();
            prop_assert!(is_close(key.counts[3], before.counts[3] * faded));
        }
    }

    #[test]
    fn damaged_content_is_ignored_and_the_rest_taken(
        damaged in vec((any::<u8>(), any::<String>(), proptest::array::uniform4(any::<f32>())), 0..40),
        prefixes in vec(any::<String>(), 0..5), totals in proptest::array::uniform4(any::<f32>()),
        at in any::<u32>(),
    ) {
        let mut saved = SavedHistory { at, prefixes, keys: Vec::new(), totals, pairs: Vec::new() };
        let place = saved.prefixes.len() as u8;
        saved.prefixes.push("price:".to_owned());
        let good = |id: &str, count: f32| SavedKey { prefix: place, id: id.to_owned(), counts: [count; 4] };
        saved.keys.push(good("GOOD", 8.0));
        let damaged = damaged.into_iter().map(|(prefix, id, counts)| SavedKey { prefix, id, counts });
        saved.keys.extend(damaged);
        saved.keys.extend([good("NAN", f32::NAN), good("INFINITE", f32::INFINITY), good("LESS", -1.0)]);
        saved.keys.extend([good("GOOD", 9.0), good("", 1.0), good(&"x".repeat(5000), 1.0)]);
        let fixture = restored(&saved, 0);
        let again = fixture.warming.history().saved(usize::MAX);
        prop_assert!(again.keys.iter().all(|key| !["NAN", "INFINITE", "LESS"].contains(&&*key.id)));
        prop_assert_eq!(again.keys.iter().filter(|key| key.id == "GOOD").count(), 1, "each key once");
        prop_assert!(again.keys.iter().flat_map(|key| key.counts).chain(again.totals).all(f32::is_finite));
        // And it can be worked with.
        for _ in 0..20 {
            fixture.hits(&key("NEW"), 2);
            fixture.clock.advance(seconds(60));
            fixture.warming.history().settle();
        }
        let filled = fixture.fill(&[], 1000);
        prop_assert!(filled.contains(&key("NEW")), "{filled:?}");
    }
}

#[test]
fn totals_that_are_no_numbers_spoil_no_prediction() {
    for total in [f32::NAN, f32::INFINITY, -5.0] {
        let mut saved = learnt(3).warming.history().saved(usize::MAX);
        saved.totals = [total; 4];
        let at = restored(&saved, 60);
        let hottest = saved.keys[0].id.clone();
        for _ in 0..120 {
            at.hits(&key(&hottest), 5);
            at.clock.advance(seconds(60));
            at.warming.history().settle();
        }
        assert_eq!(ids(&at.fill(&[], 1)), [hottest], "{total}");
        // A rate that is no number is worth no price.
        assert!(at.warming.history().saved(1).totals.iter().all(|total| total.is_finite()));
    }
}

#[test]
fn no_more_is_taken_than_is_tracked_and_nothing_where_something_is_known() {
    let keys = numbered("S", 5000);
    let counts = [3.0; 4];
    let key_of = |key: &cache_core::Key| SavedKey { prefix: 0, id: key.id().to_owned(), counts };
    let saved = SavedHistory {
        at: 1_577_836_800,
        prefixes: vec!["price:".to_owned(), "market:price:".to_owned()],
        keys: keys.iter().map(key_of).collect(),
        totals: [15_000.0; 4],
        pairs: Vec::new(),
    };
    let at = Fixture::new(|builder| builder.max_tracked(100).predictor(Regression::default()));
    at.warming.history().restore(&saved);
    assert_eq!(at.warming.history().tracked(), 100);
    at.hits(&keys[99], 2);
    assert_eq!(at.counts()["S0099"], 5.0, "what is restored is known by its key");
    at.warming.history().restore(&saved);
    assert_eq!(at.counts()["S0099"], 5.0, "what is learnt is kept");
    // So does what was saved by a clock that has been set back since.
    let at = Fixture::new(|builder| builder);
    at.warming.history().restore(&SavedHistory { at: u32::MAX, ..saved.clone() });
    at.clock.advance(seconds(60));
    at.hit(&keys[0]);
    assert!((3.9..4.0).contains(&at.counts()["S0000"]));
    assert!(at.fill(&[], 1) == [keys[0].clone()]);
}
