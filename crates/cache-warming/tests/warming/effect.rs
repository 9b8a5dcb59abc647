//! What became of what was fetched beforehand (rule 85): each value is counted once, by the strategy that
//! fetched it, against a simple model of a cache.

use std::{collections::HashMap, time::Duration};

use cache_core::{Key, Timestamp, Warm};
use cache_warming::Effectiveness;
use futures_util::FutureExt;
use proptest::{collection::vec, prelude::Strategy, prop_assert, prop_assert_eq, prop_oneof, proptest};

use crate::fixture::{Fixture, by_hand, cases, key, keys, numbered, seconds};

const KEYS: usize = 6;
const LIFE: u64 = 60;
/// How near its end a value is fetched as if it were dead.
const SOON: Duration = seconds(3);

/// Something that happens to a cache.
#[derive(Clone, Debug)]
enum Step {
    /// A key is asked for, and loaded alone if it is dead.
    Ask(usize),
    /// A key is asked for, and if it is dead loaded with so many others.
    AskFilled(usize, usize),
    /// One of two strategies fetches a key.
    Warm(usize, usize),
    /// The same, and its source fails.
    WarmInVain(usize, usize),
    /// A key is ended, or evicted.
    Lose(usize),
    /// Time passes.
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    vec(
        prop_oneof![
            4 => (0..KEYS).prop_map(Step::Ask),
            2 => (0..KEYS, 0..4_usize).prop_map(|(key, places)| Step::AskFilled(key, places)),
            4 => (0..2_usize, 0..KEYS).prop_map(|(strategy, key)| Step::Warm(strategy, key)),
            1 => (0..2_usize, 0..KEYS).prop_map(|(strategy, key)| Step::WarmInVain(strategy, key)),
            1 => (0..KEYS).prop_map(Step::Lose),
            3 => (1..5_u64).prop_map(Step::Pass),
            2 => (50..70_u64).prop_map(Step::Pass),
        ],
        1..120,
    )
}

/// What a strategy fetched and of which not all is known.
#[derive(Clone, Copy, Debug)]
struct Fetched {
    strategy: usize,
    dies: Timestamp,
    /// When what it replaced dies.
    needed_from: Timestamp,
    read: bool,
}

/// The two strategies and the free places of calls, and what became of what they fetched.
#[derive(Debug, Default)]
struct Model {
    fetched: HashMap<usize, Fetched>,
    counted: [Counted; 3],
    /// The calls that all of it saved, as parts.
    saved_calls: f64,
    misses: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Counted {
    fetched: u64,
    read: u64,
    unread: u64,
    saved: u64,
}

impl From<Effectiveness> for Counted {
    fn from(effect: Effectiveness) -> Self {
        let Effectiveness { fetched, read, unread, saved, .. } = effect;
        Self { fetched, read, unread, saved }
    }
}

impl Model {
    fn end(&mut self, key: usize) {
        if let Some(fetched) = self.fetched.remove(&key)
            && !fetched.read
        {
            self.counted[fetched.strategy].unread += 1;
        }
    }

    fn fetch(&mut self, key: usize, strategy: usize, now: Timestamp, needed_from: Timestamp) {
        self.end(key);
        self.counted[strategy].fetched += 1;
        let dies = now.after(seconds(LIFE));
        self.fetched.insert(key, Fetched { strategy, dies, needed_from, read: false });
    }

    fn hit(&mut self, key: usize, now: Timestamp) {
        let Some(fetched) = self.fetched.get_mut(&key) else { return };
        let counted = &mut self.counted[fetched.strategy];
        if !fetched.read {
            (counted.read, fetched.read) = (counted.read + 1, true);
        }
        if now >= fetched.needed_from {
            counted.saved += 1;
            self.saved_calls += fetched.dies.since(now).as_secs_f64() / LIFE as f64;
            self.fetched.remove(&key);
        }
    }

    fn pass(&mut self, now: Timestamp) {
        for key in 0..KEYS {
            if self.fetched.get(&key).is_some_and(|fetched| fetched.dies < now) {
                self.end(key);
            }
        }
    }
}

fn fixture() -> Fixture {
    // Each strategy fetches one key alone: its name says which.
    Fixture::new(|mut builder| {
        for name in ["a", "b"] {
            for key in numbered("S", KEYS) {
                builder = builder.strategy(by_hand(&format!("{name}{key}"), vec![key], Default::default()));
            }
        }
        builder
    })
}

/// What all strategies of a name together did.
fn counted(at: &Fixture, name: &str) -> Counted {
    let mut all = Counted::default();
    for strategy in at.warming.stats().strategies {
        if strategy.name == name || strategy.name.starts_with(&format!("{name}price")) {
            let Counted { fetched, read, unread, saved } = strategy.effectiveness.into();
            all.fetched += fetched;
            all.read += read;
            all.unread += unread;
            all.saved += saved;
        }
    }
    all
}

/// Takes a step in both.
fn take(at: &Fixture, model: &mut Model, step: &Step) {
    let keys = numbered("S", KEYS);
    let now = at.clock.now();
    let left = |key: &Key| now.after(at.cache.fresh_for(key).unwrap_or_default());
    match *step {
        Step::Ask(index) | Step::AskFilled(index, 0) => match at.ask(&keys[index]) {
            true => model.hit(index, now),
            false => {
                model.misses += 1;
                model.end(index);
            }
        },
        Step::AskFilled(index, _) if at.cache.fresh_for(&keys[index]).is_some() => {
            at.hit(&keys[index]);
            model.hit(index, now);
        }
        Step::AskFilled(index, places) => {
            at.miss(&keys[index]);
            model.misses += 1;
            model.end(index);
            let before: Vec<Timestamp> = keys.iter().map(left).collect();
            for filled in at.load_filled(&[&keys[index]], places) {
                let filled = keys.iter().position(|key| *key == filled).unwrap();
                model.fetch(filled, 2, now, before[filled]);
            }
        }
        Step::Warm(strategy, index) | Step::WarmInVain(strategy, index) => {
            let fails = matches!(step, Step::WarmInVain(..));
            at.cache.script.lock().failing =
                keys.iter().filter(|_| fails).map(|key| key.id().into()).collect();
            let needed_from = left(&keys[index]);
            let name = format!("{}{}", ["a", "b"][strategy], keys[index]);
            let result = at.warming.run(&name).now_or_never();
            let result = result.unwrap_or_else(|| panic!("{name} takes time")).unwrap();
            if needed_from.since(now) > SOON {
                assert_eq!((result.fresh, result.calls), (1, 0), "rule 86");
            } else if !fails {
                // After a failure its kind is left alone for a while, or the key.
                assert_eq!(result.fetched + result.left_out + result.set_aside, 1);
                if result.fetched == 1 {
                    model.fetch(index, strategy, now, needed_from);
                }
            }
        }
        Step::Lose(index) => {
            // Within a second the order of hits and misses is not kept.
            at.warming.history().settle();
            at.cache.script.lock().fresh.remove(keys[index].id());
        }
        Step::Pass(span) => {
            for _ in 0..span {
                at.clock.advance(seconds(1));
                at.warming.tick().now_or_never().unwrap();
                model.pass(at.clock.now());
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn rule_85_each_value_that_was_fetched_is_counted_once(steps in steps()) {
        let at = fixture();
        let mut model = Model::default();
        let known = numbered("S", KEYS);
        known.iter().for_each(|key| at.hit(key));
        at.warming.history().settle();
        for step in steps {
            take(&at, &mut model, &step);
            // To look settles, so it is not done after each step.
            if matches!(step, Step::Pass(_)) {
                let found = ["a", "b", "fill"].map(|name| counted(&at, name));
                prop_assert_eq!(found, model.counted, "after {:?}", step);
            }
        }
        take(&at, &mut model, &Step::Pass(2 * LIFE));
        let stats = at.warming.stats();
        for (name, expected) in ["a", "b", "fill"].into_iter().zip(model.counted) {
            let found = counted(&at, name);
            prop_assert_eq!(found, expected);
            prop_assert_eq!(found.read + found.unread, found.fetched, "of all of it all is known");
            prop_assert!(found.saved <= found.read);
        }
        prop_assert_eq!(stats.misses, model.misses);
        let saved: u64 = model.counted.iter().map(|counted| counted.saved).sum();
        let kind = &stats.kinds[0];
        // Lives are remembered to five percent, and moments to a second.
        let wrong = stats.calls_saved as f64 + kind.calls as f64 - model.saved_calls;
        let most_wrong = 1.0 + saved as f64 * (0.05 + 1.0 / LIFE as f64);
        prop_assert!(wrong.abs() <= most_wrong, "{} of {:?}", stats.calls_saved, model);
        let coverage = (saved + model.misses > 0).then(|| saved as f64 / (saved + model.misses) as f64);
        prop_assert_eq!(stats.coverage, coverage);
    }
}

/// What would have been loaded when it was needed would have lived longer.
#[tokio::test]
async fn rule_85_what_is_read_late_in_its_life_saves_a_part_of_a_call() {
    for (read_after, saved) in [(0, 100), (15, 75), (30, 50), (54, 10)] {
        let all = numbered("S", 100);
        let at = Fixture::new(|builder| builder.strategy(by_hand("warm", all.clone(), Default::default())));
        at.run("warm").await;
        at.tick_for(seconds(read_after)).await;
        all.iter().for_each(|key| at.hit(key));
        let calls = at.warming.stats().calls_saved + 10;
        assert!((calls - saved).abs() <= 5, "{calls} of {saved}");
        assert_eq!(at.effect("warm").saved, 100);
    }
}

#[tokio::test]
async fn what_is_forgotten_before_it_was_read_was_fetched_in_vain() {
    let all = numbered("S", 20);
    let at = Fixture::new(|builder| {
        builder.max_tracked(20).strategy(by_hand("warm", all.clone(), Default::default()))
    });
    all.iter().for_each(|key| at.hit(key));
    at.warming.history().settle();
    at.run("warm").await;
    at.hits(&all[0], 9);
    at.warming.history().settle();
    numbered("NEW", 20).iter().for_each(|key| at.hits(key, 5));
    at.warming.history().settle();
    assert_eq!(at.warming.history().tracked(), 20);
    let effect = at.effect("warm");
    assert_eq!((effect.fetched, effect.read, effect.unread), (20, 1, 19));
    at.tick_for(seconds(2 * LIFE)).await;
    assert_eq!(at.effect("warm"), effect);
    assert_eq!(at.strategy("warm").precision, Some(0.05));
}

#[tokio::test]
async fn what_died_long_before_the_next_request_was_not_read_though_nobody_ticked() {
    let at = Fixture::new(|builder| builder.strategy(by_hand("warm", keys(&["AAPL"]), Default::default())));
    at.hit(&key("AAPL"));
    at.warming.history().settle();
    at.run("warm").await;
    for _ in 0..2 {
        at.clock.advance(seconds(LIFE + 1));
        at.warming.history().settle();
    }
    // A caller has put another value.
    at.hit(&key("AAPL"));
    let effect = at.effect("warm");
    assert_eq!((effect.read, effect.unread), (0, 1));
}

#[tokio::test]
async fn nothing_is_said_of_what_nobody_fetched() {
    let at = Fixture::new(|builder| builder.strategy(by_hand("warm", keys(&["AAPL"]), Default::default())));
    assert_eq!((at.strategy("warm").precision, at.warming.stats().coverage), (None, None));
    at.ask(&key("AAPL"));
    at.tick_for(seconds(LIFE + 1)).await;
    at.ask(&key("AAPL"));
    let stats = at.warming.stats();
    assert_eq!((stats.misses, stats.coverage, stats.calls_saved), (2, Some(0.0), 0));
    at.tick_for(seconds(LIFE)).await;
    assert_eq!(at.run("warm").await.fetched, 1);
    let stats = at.warming.stats();
    assert_eq!((stats.calls_saved, stats.kinds[0].calls, stats.kinds[0].keys), (-1, 1, 1));
    at.ask(&key("AAPL"));
    let stats = at.warming.stats();
    assert_eq!((stats.calls_saved, stats.coverage), (0, Some(1.0 / 3.0)));
    // Read often, counted once.
    at.ask(&key("AAPL"));
    at.tick_for(seconds(1)).await;
    at.ask(&key("AAPL"));
    let effect = at.effect("warm");
    assert_eq!((effect.fetched, effect.read, effect.unread, effect.saved), (1, 1, 0, 1));
}
