//! What is learnt of requests: how many, of which keys, when, and who is forgotten.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    thread,
};

use cache_core::{Event, MissReason, Observer, Prefix, sync::Mutex};
use cache_warming::{Coverage, Demand, Keys, LocalHour, Predictor, RunSchedule};
use proptest::{collection::vec, prop_assert, prop_assert_eq, proptest};

use crate::fixture::{Cache, Fixture, by_hand, cases, ids, key, numbered, seconds};

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn requests_are_counted_exactly(asked in vec((0..40_usize, 1..30_usize, 0..3_u8), 1..80)) {
        let at = Fixture::new(|builder| builder);
        let keys = numbered("S", 40);
        let mut expected: HashMap<String, f32> = HashMap::new();
        for (index, times, how) in asked {
            let key = &keys[index];
            match how {
                0 => at.hits(key, times),
                1 => (0..times).for_each(|_| at.miss(key)),
                _ => {
                    at.hits(key, times);
                    at.warming.history().settle();
                }
            }
            *expected.entry(key.id().to_owned()).or_default() += times as f32;
        }
        prop_assert_eq!(at.counts(), expected);
    }

    #[test]
    fn whoever_is_forgotten_was_asked_for_least(
        old in vec(1..40_usize, 100), new in vec(1..40_usize, 1..150),
    ) {
        let at = Fixture::new(|builder| builder.max_tracked(100));
        let (old_keys, new_keys) = (numbered("OLD", old.len()), numbered("NEW", new.len()));
        old_keys.iter().zip(&old).for_each(|(key, times)| at.hits(key, *times));
        at.warming.history().settle();
        new_keys.iter().zip(&new).for_each(|(key, times)| at.hits(key, *times));
        let kept = at.counts();
        prop_assert!(kept.len() <= 100 && kept.len() >= 94, "{} are kept", kept.len());
        // A few more than have to go do, so that it is seldom done.
        let mut sorted = old.clone();
        sorted.sort_unstable();
        let gone = |keys: &[cache_core::Key]| keys.iter().filter(|key| !kept.contains_key(key.id())).count();
        for (key, times) in old_keys.iter().zip(&old) {
            let is_least = *times <= sorted[gone(&old_keys).saturating_sub(1)];
            prop_assert!(kept.contains_key(key.id()) || is_least, "{key} was asked for {times} times");
        }
        // More than those few go only for new keys that were asked for more.
        if gone(&old_keys) > 6 {
            let most = sorted[gone(&old_keys) - 1];
            let less = new_keys.iter().zip(&new).filter(|(key, times)| {
                kept.contains_key(key.id()) && **times <= most
            });
            prop_assert!(less.count() <= 6, "keys that were asked for more than {most} times went for others");
        }
    }
}

#[test]
fn a_scan_of_many_keys_makes_nobody_forget_the_hottest() {
    for many in [1, 15, 100, 500] {
        let at = Fixture::new(|builder| builder.max_tracked(many));
        let hot = numbered("HOT", many.div_ceil(2));
        hot.iter().for_each(|key| at.hits(key, 5));
        for round in 0..10 {
            at.warming.history().settle();
            numbered(&format!("SCAN{round}-"), 3000).iter().for_each(|key| at.hit(key));
        }
        let kept = at.counts();
        assert!(kept.len() <= many);
        let stayed = hot.iter().filter(|key| kept.contains_key(key.id())).count();
        assert_eq!(stayed, if many == 1 { 0 } else { hot.len() }, "of {many}");
    }
}

#[test]
fn requests_of_four_threads_are_counted_exactly() {
    const EACH: usize = 20_000;
    let at = Fixture::new(|builder| builder);
    let keys = numbered("S", 50);
    keys.iter().for_each(|key| at.hit(key));
    at.warming.history().settle();
    thread::scope(|scope| {
        for thread in 0..4 {
            let (at, keys) = (&at, &keys);
            scope.spawn(move || {
                for round in 0..EACH {
                    let key = &keys[(round * (thread + 1)) % keys.len()];
                    assert!(at.warming.counts_hit(key.hash()));
                }
            });
        }
        (0..200).for_each(|_| at.warming.history().settle());
    });
    let all: f32 = at.counts().values().sum();
    assert_eq!(all as usize, keys.len() + 4 * EACH);
}

#[test]
fn a_key_is_known_from_the_settlement_after_its_first_request_on() {
    let at = Fixture::new(|builder| builder);
    let apple = key("AAPL");
    assert!(!at.warming.counts_hit(apple.hash()), "a hit that nobody counts is told as an event");
    at.warming.on(&Event::Hit { key: &apple, source: "memory", stale: false });
    assert!(!at.warming.counts_hit(apple.hash()));
    at.warming.history().settle();
    assert!(at.warming.counts_hit(apple.hash()));
    // A hit of a tier follows a miss of memory, and is the same request.
    at.warming.on(&Event::Miss { key: &apple, source: "memory", reason: MissReason::Absent });
    at.warming.on(&Event::Hit { key: &apple, source: "redis", stale: false });
    let internal = Prefix::new(None, "price").unwrap().reserved().key("index").unwrap();
    at.warming.on(&Event::Hit { key: &internal, source: "memory", stale: false });
    assert_eq!(at.counts(), HashMap::from([("AAPL".to_owned(), 3.0)]));
    assert_eq!((at.warming.history().tracked(), at.warming.stats().misses), (1, 1));
}

#[test]
fn kinds_and_namespaces_are_told_apart() {
    let at = Fixture::new(|builder| builder);
    at.warming.cover(Cache::new("news", 10, &at.clock), Coverage::default());
    let all = [(None, "price"), (None, "news"), (Some("eu"), "price"), (Some("us"), "price")];
    for (times, (namespace, kind)) in (1..).zip(all) {
        at.hits(&Prefix::new(namespace, kind).unwrap().key("AAPL").unwrap(), times);
    }
    let saved = at.warming.history().saved(9);
    let texts: Vec<(&str, f32)> =
        saved.keys.iter().map(|key| (&*saved.prefixes[usize::from(key.prefix)], key.counts[3])).collect();
    assert_eq!(texts, [("us:price:", 4.0), ("eu:price:", 3.0), ("news:", 2.0), ("price:", 1.0)]);
    assert_eq!(
        at.fill(&[], 9).iter().map(|key| key.as_str()).collect::<Vec<_>>(),
        ["us:price:AAPL", "eu:price:AAPL", "price:AAPL"]
    );
}

#[test]
fn what_refers_to_a_key_moves_along_with_it() {
    let at = Fixture::new(|builder| builder.max_tracked(64));
    // The first places are those of keys that will be forgotten.
    let seldom = numbered("SELDOM", 8);
    let often = numbered("OFTEN", 56);
    seldom.iter().for_each(|key| at.hit(key));
    at.warming.history().settle();
    for (index, key) in often.iter().enumerate() {
        at.hits(key, 200 - index);
        at.warming.history().settle();
    }
    // Each is missed five times right after another one.
    for _ in 0..5 {
        often.chunks(2).flatten().for_each(|key| at.miss(key));
    }
    at.warming.history().settle();
    at.clock.advance(seconds(60));
    let ranked = at.fill(&[], 56);
    assert_eq!(ids(&ranked[..2]), ["OFTEN0000", "OFTEN0001"]);
    numbered("NEW", 4).iter().for_each(|key| at.hits(key, 30));
    at.warming.history().settle();
    let kept: HashSet<String> = at.counts().into_keys().collect();
    assert!(often.iter().all(|key| kept.contains(key.id())), "the hottest stay");
    assert!(seldom.iter().any(|key| !kept.contains(key.id())), "others went");
    // The ranking is as old as before, and a place now another key's.
    assert_eq!(ids(&at.fill(&[], 2)), ["OFTEN0000", "OFTEN0001"]);
    for pair in often.chunks(2) {
        assert_eq!(at.fill(&[&pair[0]], 1), [pair[1].clone()], "the follower of {} is first", pair[0]);
    }
}

/// Notes what a predictor is shown of the first key: the factor of the hour and of the day, whether it is busy.
#[derive(Debug, Default)]
struct Shown(Arc<Mutex<(f32, f32, bool)>>);

impl Predictor for Shown {
    fn learn(&mut self, keys: &Keys<'_>) {
        if let Some(demand) = keys.at(0) {
            *self.0.lock() = (demand.hour_factor(), demand.day_factor(), demand.is_busy_hour(1));
        }
    }

    fn rate(&self, _: &Demand<'_>) -> f32 {
        1.0
    }
}

#[test]
fn hours_and_weekdays_are_told_apart_in_the_time_that_is_set() {
    // By default UTC, in which the manual clock begins on a Wednesday at midnight; else two hours later.
    for shifted in [false, true] {
        let shown = Arc::new(Mutex::default());
        let predictor = Shown(shown.clone());
        let at = Fixture::new(|builder| match shifted {
            false => builder.predictor(predictor),
            true => builder.predictor(predictor).hour_of(|at| {
                let hours = at.as_micros() / 3_600_000_000 + 2;
                LocalHour { hour: (hours % 24) as u8, weekday: ((hours / 24 + 3) % 7) as u8 }
            }),
        });
        // For two weeks, asked for at nine of that time, on Wednesdays and Thursdays.
        let apple = key("AAPL");
        let (mut busy, mut days) = (Vec::new(), Vec::new());
        for hour in 0..24 * 14_u64 {
            let local = hour + if shifted { 2 } else { 0 };
            let is_asked = local % 24 == 9 && [0, 1].contains(&(local / 24 % 7));
            for _ in 0..6 {
                if is_asked {
                    at.hit(&apple);
                }
                at.clock.advance(seconds(600));
                // A second before the hour is over.
                at.clock.shift_wall(-1_000_000);
                at.warming.history().settle();
            }
            let (hour_factor, day_factor, is_busy) = *shown.lock();
            if hour >= 24 * 8 {
                busy.extend(is_busy.then_some(local % 24));
                assert_eq!(hour_factor > 1.0, local % 24 == 9, "{hour_factor} at {local}");
                days.extend((day_factor > 1.0 && local % 24 == 12).then_some(local / 24 % 7));
            }
        }
        assert!(busy.len() >= 5 && busy.iter().all(|hour| *hour == 9), "{busy:?}");
        assert_eq!(days, [1]);
    }
}

#[test]
fn a_burst_makes_no_hour_a_busy_one() {
    let shown = Arc::new(Mutex::default());
    let at = Fixture::new(|builder| builder.predictor(Shown(Arc::clone(&shown))));
    // Once each hour, and in one minute of the last each second.
    let seconds_between = [3600; 12].into_iter().chain([1; 50]);
    for span in seconds_between {
        at.hit(&key("AAPL"));
        at.clock.advance(seconds(span));
        at.warming.history().settle();
    }
    let (hour_factor, ..) = *shown.lock();
    assert!((1.0..2.0).contains(&hour_factor), "{hour_factor}");
}

#[test]
fn misses_go_on_when_those_missed_before_are_forgotten() {
    let at = Fixture::new(|builder| builder.max_tracked(64));
    let known = numbered("S", 64);
    known.iter().for_each(|key| at.hit(key));
    at.warming.history().settle();
    known[..60].iter().for_each(|key| at.hits(key, 9));
    known[59..].iter().for_each(|key| at.miss(key));
    at.warming.history().settle();
    at.hit(&key("NEW"));
    at.warming.history().settle();
    let left = at.counts();
    assert_eq!(left.len(), 61);
    for _ in 0..4 {
        known[..4].iter().for_each(|key| at.miss(key));
        at.warming.history().settle();
    }
    at.clock.advance(seconds(6));
    assert_eq!(at.fill(&[&known[1]], 1), [known[2].clone()]);
}

#[tokio::test]
async fn a_clock_that_is_set_back_does_no_harm() {
    let warm = || by_hand("warm", vec![key("AAPL")], Default::default());
    let every = |name: &str| {
        cache_warming::KeysOf::new(name, RunSchedule::Every(seconds(60)), || {
            std::future::ready(Ok(Vec::new()))
        })
    };
    let at = Fixture::new(|builder| builder.strategy(warm()).strategy(every("every")));
    let (apple, other) = (key("AAPL"), key("MSFT"));
    let second = async || {
        at.hit(&apple);
        at.hit(&apple);
        at.clock.advance(seconds(1));
        at.warming.tick().await;
    };
    for _ in 0..600 {
        second().await;
    }
    at.hit(&other);
    let runs = at.strategy("every").runs;
    assert_eq!(ids(&at.fill(&[], 1)), ["AAPL"]);
    at.clock.shift_wall(-6 * 3_600_000_000);
    for _ in 0..600 {
        second().await;
    }
    assert_eq!(at.warming.history().tracked(), 2);
    let rate = at.warming.stats().requests_per_second;
    assert!((1.8..2.2).contains(&rate), "{rate} a second, of two");
    assert!(at.strategy("every").runs >= runs + 9, "schedules go on");
    // What is asked for most by now is another one, and is found within seconds.
    at.hits(&other, 100_000);
    at.clock.advance(seconds(6));
    at.warming.tick().await;
    assert_eq!(ids(&at.fill(&[], 1)), ["MSFT"]);
    // What is fetched is read, not dead.
    at.run("warm").await;
    at.hit(&apple);
    at.clock.advance(seconds(1));
    let effect = at.effect("warm");
    assert_eq!((effect.fetched, effect.read, effect.unread), (1, 1, 0));
}

/// Each call that is filled settles, so a busy cache does it often.
#[test]
fn how_often_it_is_settled_changes_no_count() {
    let counts = |settles: u32| {
        let at = Fixture::new(|builder| builder);
        at.hit(&key("AAPL"));
        at.warming.history().settle();
        for _ in 0..600 {
            for _ in 0..settles {
                at.hits(&key("AAPL"), (200 / settles) as usize);
                at.clock.advance(seconds(1) / settles);
                at.warming.history().settle();
            }
        }
        at.warming.history().saved(1).keys[0].counts
    };
    let once = counts(1);
    for settles in [2, 20, 100] {
        for (often, once) in counts(settles).into_iter().zip(once) {
            assert!(
                (often / once - 1.0).abs() < 0.01,
                "{often} settled {settles} times a second, {once} once"
            );
        }
    }
}
