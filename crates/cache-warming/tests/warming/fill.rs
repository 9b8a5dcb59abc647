//! What goes with a call that is made anyway: the likeliest keys that are dead or dying, and nothing that costs.

use std::{collections::HashSet, time::Duration};

use cache_core::{Fill, Key, OpenCall};
use cache_warming::Coverage;
use proptest::{collection::vec, prop_assert, prop_assert_eq, proptest};

use crate::{
    fixture::{Cache, Fixture, cases, down, ids, key, numbered, seconds},
    traffic::Traffic,
};

/// A fixture in which the n-th of so many keys was asked for a little less often than the one before.
fn ranked(many: usize) -> (Fixture, Vec<Key>) {
    ranked_with(many, Coverage::default())
}

fn ranked_with(many: usize, coverage: Coverage) -> (Fixture, Vec<Key>) {
    let at = Fixture::with(10, coverage, |builder| builder);
    let keys = numbered("S", many);
    keys.iter().for_each(|key| at.hit(key));
    at.warming.history().settle();
    for (index, key) in keys.iter().enumerate() {
        at.hits(key, 3 * (many - index) - 1);
    }
    at.warming.history().settle();
    at.clock.advance(seconds(1));
    (at, keys)
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn rule_88_free_places_go_to_the_likeliest_that_are_dead_or_dying_and_not_the_calls_own(
        left in vec(0..60_u64, 40), own in vec(0..40_usize, 1..6), places in 0..50_usize,
    ) {
        let (at, keys) = ranked(40);
        for (key, left) in keys.iter().zip(&left) {
            at.cache.set_fresh(key.id(), seconds(*left));
        }
        let own: Vec<&Key> = own.iter().map(|index| &keys[*index]).collect();
        let filled = at.fill(&own, places);
        // What dies within a twentieth of a life of a minute is as good as dead.
        let wanted = keys.iter().zip(&left).filter(|(key, left)| **left <= 3 && !own.contains(key));
        let expected: Vec<Key> = wanted.map(|(key, _)| key.clone()).take(places).collect();
        prop_assert_eq!(filled, expected);
    }

    #[test]
    fn the_likeliest_go_first_whatever_is_asked(seed in 0..1000_u64) {
        let at = Fixture::new(|builder| builder);
        let mut traffic = Traffic::zipf(50, 1.2, seed);
        for _ in 0..20 {
            for place in traffic.requests(300.0) {
                at.hit(&traffic.keys[place]);
            }
            at.clock.advance(seconds(60));
            at.warming.history().settle();
        }
        let filled = at.fill(&[], 5);
        let counts = at.counts();
        let least = filled.iter().map(|key| counts[key.id()]).fold(f32::MAX, f32::min);
        let others = traffic.keys.iter().filter(|key| !filled.contains(key));
        for other in others {
            let count = counts.get(other.id()).copied().unwrap_or_default();
            prop_assert!(count <= 1.3 * least, "{other} was asked for {count} times, others {least}");
        }
        prop_assert_eq!(filled.iter().collect::<HashSet<_>>().len(), 5);
    }
}

#[test]
fn how_near_its_end_a_value_counts_as_dead_is_bounded_by_what_is_set_and_by_its_life() {
    for (life, soon, expected) in [(60, 15, 3), (600, 15, 15), (600, 5, 5), (20, 15, 1)] {
        let coverage = Coverage::default().life(seconds(life)).soon(seconds(soon));
        let (at, keys) = ranked_with(1, coverage);
        at.cache.set_fresh(keys[0].id(), seconds(expected));
        assert_eq!(at.fill(&[], 1).len(), 1, "{expected} s left of {life}");
        at.cache.set_fresh(keys[0].id(), seconds(expected) + Duration::from_millis(1));
        assert!(at.fill(&[], 1).is_empty(), "more than {expected} s left of {life}");
    }
}

#[test]
fn nothing_goes_along_where_free_places_are_not_to_be_filled() {
    let at = Fixture::new(|builder| builder.fills(false));
    at.hits(&key("AAPL"), 9);
    at.warming.history().settle();
    assert!(at.fill(&[], 3).is_empty());
}

#[test]
fn the_life_of_values_is_learnt() {
    let (at, keys) = ranked(1);
    at.cache.script.lock().life = seconds(86_400);
    at.load_filled(&[], 1);
    at.cache.set_fresh(keys[0].id(), seconds(5));
    assert!(at.fill(&[], 1).is_empty(), "one that lives for long says little");
    at.cache.script.lock().life = seconds(600);
    for _ in 0..30 {
        at.cache.set_fresh(keys[0].id(), Duration::ZERO);
        at.load_filled(&[], 1);
    }
    at.cache.set_fresh(keys[0].id(), seconds(15));
    assert_eq!(at.fill(&[], 1).len(), 1, "it lives for ten minutes, so 15 s are near its end");
    // Lives that got shorter are believed in time.
    at.cache.script.lock().life = seconds(20);
    for _ in 0..300 {
        at.cache.set_fresh(keys[0].id(), Duration::ZERO);
        assert_eq!(at.load_filled(&[], 1).len(), 1);
    }
    at.cache.set_fresh(keys[0].id(), seconds(2));
    assert!(at.fill(&[], 1).is_empty());
}

#[test]
fn nothing_goes_along_where_warming_is_off_or_the_kind_is_not_covered() {
    let (at, keys) = ranked(3);
    at.warming.enable(false);
    assert!(!at.warming.is_enabled() && at.fill(&[], 3).is_empty());
    at.warming.enable(true);
    assert_eq!(at.fill(&[], 3), keys);
    let never = |_: &Key| None;
    let news = OpenCall { kind: "news", keys: &[], places: 3, fresh_for: &never };
    assert!(at.warming.fill(&news).is_empty());
    at.hits(&Key::new("news", "today").unwrap(), 50);
    at.warming.filled("news", &[], 1, Duration::ZERO, None);
    assert!(at.warming.fill(&news).is_empty());
    at.warming.history().settle();
    assert_eq!(at.warming.history().tracked(), 3, "nothing is learnt of it, either");
    at.warming.cover(Cache::new("news", 10, &at.clock), Coverage::default());
    at.hits(&Key::new("news", "today").unwrap(), 50);
    let filled = at.warming.fill(&news);
    assert_eq!(ids(&filled), ["today"], "a kind is filled with its own keys");
    assert_eq!(at.fill(&[], 9), keys);
}

#[test]
fn rule_87_after_a_failure_nothing_goes_along_for_growing_pauses() {
    let (at, keys) = ranked(3);
    let mut limit = 1.0;
    for places in [3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1] {
        assert_eq!(at.fill(&[], 3), keys[..places], "fewer after a call that failed");
        at.warming.filled("price", &keys, 4, Duration::ZERO, Some(&down()));
        // That calls of the same time fail, too, makes the pause no longer.
        at.warming.filled("price", &keys, 4, Duration::ZERO, Some(&down()));
        let mut paused = 0.0_f64;
        while at.fill(&[], 3).is_empty() {
            assert!(at.warming.stats().kinds[0].paused);
            at.clock.advance(Duration::from_millis(250));
            paused += 0.25;
        }
        assert!((limit / 2.0..=limit + 0.25).contains(&paused), "{paused} s of {limit}");
        limit = (limit * 2.0).min(300.0);
    }
    assert!(!at.warming.stats().kinds[0].paused);
    // That callers' own calls come says nothing of those that nobody waits for.
    at.warming.filled("price", &[], 3, Duration::ZERO, None);
    at.warming.filled("price", &keys, 3, Duration::ZERO, Some(&down()));
    at.clock.advance(seconds(100));
    assert_eq!(at.fill(&[], 3), []);
    at.clock.advance(seconds(200));
    assert_eq!(at.load_filled(&[], 3), keys[..1]);
    at.clock.advance(seconds(600));
    at.warming.filled("price", &keys, 3, Duration::ZERO, Some(&down()));
    at.clock.advance(seconds(1));
    assert_eq!(at.fill(&[], 3), keys[..1], "after a success pauses begin anew");
}

#[test]
fn a_key_that_costs_goes_along_only_if_it_is_likely_to_save_more() {
    // Asked for about once in 80 s, so with 53 percent within the life of a minute.
    for (price, goes) in [(0.0, true), (0.5, true), (0.9, true), (4.0, false), (9.0, false)] {
        let at = Fixture::with(10, Coverage::default().price_of_key(price), |builder| builder);
        let mut traffic = Traffic::zipf(20, 0.0, 3);
        for _ in 0..720 {
            for place in traffic.requests(20.0 * 10.0 / 80.0) {
                at.hit(&traffic.keys[place]);
            }
            at.clock.advance(seconds(10));
            at.warming.history().settle();
        }
        let filled = at.fill(&[], 20).len();
        assert!(if goes { filled >= 15 } else { filled <= 5 }, "{filled} at a price of {price}");
    }
}

#[test]
fn a_provider_whose_time_grows_with_its_batch_gets_fewer_keys() {
    let (at, _) = ranked(40);
    let call = |at: &Fixture, keys: usize, took: f64| {
        at.warming.filled("price", &[], keys, Duration::from_secs_f64(took), None);
    };
    let own = key("own");
    let filled = |at: &Fixture| at.fill(&[&own], 30).len();
    assert_eq!(filled(&at), 30);
    for keys in [1, 10, 20, 30].repeat(10) {
        call(&at, keys, 0.2);
    }
    assert_eq!(filled(&at), 30, "its time does not grow");
    // Now 100 ms and ten more for each key: 28 ms more are a quarter of the call's own time.
    for keys in [1, 10, 20, 30].repeat(200) {
        call(&at, keys, 0.1 + 0.01 * keys as f64);
    }
    assert_eq!(filled(&at), 2);
    for keys in [1, 10, 20, 30].repeat(200) {
        call(&at, keys, 0.2);
    }
    assert!(filled(&at) >= 28, "it is as fast as before: {}", filled(&at));
}

#[test]
fn a_key_that_always_follows_another_is_first_among_whatever_else_is_missed() {
    let (at, keys) = ranked(60);
    let (chart, news) = (key("chart"), key("news"));
    at.hit(&chart);
    at.hit(&news);
    at.warming.history().settle();
    let mut random = fastrand::Rng::with_seed(5);
    let mut noise =
        |most: usize| (0..random.usize(0..=most)).for_each(|_| at.miss(&keys[random.usize(..60)]));
    for (round, key) in keys.iter().take(12).enumerate() {
        at.miss(&chart);
        // Once in four not quite at once.
        noise(usize::from(round % 4 == 3) * 2);
        at.miss(&news);
        noise(6);
        (0..4).for_each(|_| at.miss(key));
    }
    at.warming.history().settle();
    at.clock.advance(seconds(6));
    assert_eq!(at.fill(&[&chart], 3)[0], news);
    assert_ne!(at.fill(&[&keys[59]], 3)[0], news, "it follows no other");
    assert!(!at.fill(&[&chart, &news], 9).contains(&news));
    let filled = at.fill(&[&chart], 100);
    assert_eq!(filled.iter().filter(|key| **key == news).count(), 1);
    // Rule 86, for it as for all.
    at.cache.set_fresh("news", seconds(50));
    assert!(!at.fill(&[&chart], 100).contains(&news));
    assert!(at.fill(&[&chart], 0).is_empty());
}

#[test]
fn followers_are_of_the_calls_kind_no_more_than_places_and_proved_by_more_than_chance() {
    let (at, keys) = ranked(60);
    let other = Key::new("news", "today").unwrap();
    at.hit(&other);
    at.warming.history().settle();
    let pairs = [
        (&keys[50], &keys[51], 8),
        (&keys[52], &keys[53], 8),
        (&keys[54], &keys[55], 2),
        (&keys[56], &other, 8),
    ];
    for (first, second, times) in pairs {
        for _ in 0..times {
            // Missed twice, as by two callers, it does not follow itself.
            [first, first, second].into_iter().for_each(|key| at.miss(key));
            keys[..6].iter().for_each(|key| at.miss(key));
        }
    }
    at.warming.history().settle();
    at.clock.advance(seconds(6));
    assert_eq!(at.fill(&[&keys[50], &keys[52]], 1), [keys[51].clone()]);
    assert_eq!(at.fill(&[&keys[50], &keys[52]], 2), [keys[51].clone(), keys[53].clone()]);
    assert_ne!(at.fill(&[&keys[54]], 1), [keys[55].clone()], "twice proves nothing");
    assert!(!at.fill(&[&keys[56]], 100).contains(&other));
}

#[test]
fn a_key_that_no_longer_follows_gives_way_to_the_one_that_does() {
    let (at, keys) = ranked(60);
    for (round, next) in [[1; 8], [2; 8], [2; 8]].concat().into_iter().enumerate() {
        [&keys[0], &keys[next]].into_iter().for_each(|key| at.miss(key));
        (0..5).for_each(|n| at.miss(&keys[10 + (7 * round + n) % 50]));
    }
    at.warming.history().settle();
    at.clock.advance(seconds(6));
    assert_eq!(at.fill(&[&keys[0]], 1), [keys[2].clone()]);
}

#[test]
fn a_follower_that_costs_more_than_it_saves_stays_out() {
    let at = Fixture::with(10, Coverage::default().price_of_key(100.0), |builder| builder);
    let (a, b) = (key("a"), key("b"));
    [&a, &b].into_iter().for_each(|key| at.hit(key));
    at.warming.history().settle();
    (0..8).for_each(|_| [&a, &b].into_iter().for_each(|key| at.miss(key)));
    at.warming.history().settle();
    assert!(at.fill(&[&a], 5).is_empty());
}
