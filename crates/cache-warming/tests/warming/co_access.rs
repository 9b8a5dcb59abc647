//! Co-access: what is asked for shortly after what is learnt, and fetched when the first is asked for.

use std::collections::HashSet;

use allocation_counter::measure;
use cache_core::Key;
use cache_warming::{Predictive, RunBudget, RunSchedule, SavedHistory, SavedPair, Together, WarmingBuilder};
use proptest::{prop_assert, proptest};

use crate::{
    fixture::{Fixture, cases, key, keys, numbered, seconds},
    traffic::Traffic,
};

/// How often each first key of a pair is asked for, in seconds, and with which probability its second follows.
const PAIR_EVERY: f64 = 150.0;
const FOLLOWS: f64 = 0.8;

fn remembering(builder: WarmingBuilder) -> WarmingBuilder {
    builder.co_access(200).strategy(Together::new("together"))
}

/// Requests by Zipf, and pairs among them of which the second key follows the first within seconds.
struct Paired {
    noise: Traffic,
    a_second: f64,
    firsts: Vec<Key>,
    seconds: Vec<Key>,
    /// What is to follow, and how many seconds later.
    following: Vec<(u64, usize)>,
}

impl Paired {
    fn new(pairs: usize, a_second: f64, seed: u64) -> Self {
        let noise = Traffic::zipf(300, 1.0, seed);
        let (firsts, seconds) = (numbered("FIRST", pairs), numbered("SECOND", pairs));
        Self { noise, a_second, firsts, seconds, following: Vec::new() }
    }

    /// Returns what is asked for in the next second.
    fn second(&mut self) -> Vec<Key> {
        let mut asked: Vec<Key> = Vec::new();
        for place in self.noise.requests(self.a_second) {
            asked.push(self.noise.keys[place].clone());
        }
        let random = &mut self.noise.random;
        for (left, pair) in &mut self.following {
            *left -= 1;
            if *left == 0 {
                asked.push(self.seconds[*pair].clone());
            }
        }
        self.following.retain(|(left, _)| *left > 0);
        for pair in 0..self.firsts.len() {
            if random.f64() < 1.0 / PAIR_EVERY {
                asked.push(self.firsts[pair].clone());
                if random.f64() < FOLLOWS {
                    self.following.push((random.u64(2..=4), pair));
                }
            }
            // Each second key is asked for by itself, too.
            if random.f64() < 0.3 / PAIR_EVERY {
                asked.push(self.seconds[pair].clone());
            }
        }
        random.shuffle(&mut asked);
        asked
    }
}

/// What came of a while of requests.
#[derive(Debug, Default)]
struct Seen {
    misses: usize,
    second_misses: usize,
}

/// Lets a cache be asked for a while, with a tick each second.
async fn ask_for(at: &Fixture, paired: &mut Paired, span: u64) -> Seen {
    let mut seen = Seen::default();
    for _ in 0..span {
        for key in paired.second() {
            if !at.ask(&key) {
                seen.misses += 1;
                seen.second_misses += usize::from(key.id().starts_with("SECOND"));
                // As a call does that is made for it.
                at.warming.history().settle();
            }
        }
        at.tick_for(seconds(1)).await;
    }
    seen
}

/// Returns the pairs that are known, by their ids.
fn pairs(at: &Fixture) -> HashSet<(String, String)> {
    let saved = at.warming.history().saved(usize::MAX);
    let id = |key: u32| saved.keys[key as usize].id.clone();
    saved.pairs.iter().map(|pair| (id(pair.keys[0]), id(pair.keys[1]))).collect()
}

fn fetched(at: &Fixture) -> Vec<String> {
    at.cache.calls().into_iter().flatten().collect()
}

/// In busy traffic a pair in forty is not found within the time, so that all streams together are judged.
#[tokio::test]
async fn pairs_among_noise_are_found_in_their_order_and_what_is_merely_popular_is_not() {
    const PAIRS: usize = 12;
    let planted = |(first, second): &(String, String)| {
        first.starts_with("FIRST") && second.starts_with("SECOND") && first[5..] == second[6..]
    };
    let rates = [0.5, 1.0, 2.0, 3.0, 4.0, 6.0];
    let (mut right, mut wrong, mut decoys) = (0, Vec::new(), Vec::new());
    for (seed, a_second) in (1..).zip(rates) {
        let at = Fixture::new(remembering);
        let mut paired = Paired::new(PAIRS, a_second, seed);
        ask_for(&at, &mut paired, 9000).await;
        let found = pairs(&at);
        assert_eq!(at.warming.stats().pairs, found.len());
        let (planted, others): (Vec<_>, Vec<_>) = found.into_iter().partition(planted);
        right += planted.len();
        wrong.extend(others);
        let fetched: HashSet<String> = fetched(&at).into_iter().collect();
        decoys.extend(fetched.into_iter().filter(|id| !id.starts_with("SECOND")));
    }
    let all = PAIRS * rates.len();
    assert!(right * 12 >= all * 11, "{right} of {all} are found");
    assert!(wrong.len() <= 2, "these are no pairs: {wrong:?}");
    assert!(decoys.len() <= 4, "these were fetched beforehand: {decoys:?}");
}

proptest! {
    #![proptest_config(cases(6))]

    #[test]
    fn what_is_asked_for_often_and_independently_is_no_pair(seed in 0..100_000_u64, a_second in 1.0..30.0_f64) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let at = Fixture::new(remembering);
            let mut paired = Paired::new(0, a_second, seed);
            ask_for(&at, &mut paired, 1800).await;
            prop_assert!(pairs(&at).len() <= 1, "{:?}", pairs(&at));
            prop_assert!(fetched(&at).len() <= 4, "{:?}", fetched(&at));
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn what_follows_is_fetched_when_its_first_is_asked_for_and_saves_a_miss_for_few_calls() {
    let outcome = async |on: bool| {
        let at = Fixture::new(|builder| if on { remembering(builder) } else { builder });
        let mut paired = Paired::new(20, 3.0, 7);
        ask_for(&at, &mut paired, 3 * 3600).await;
        let (effect, calls) = (at.warming.stats().strategies[0].effectiveness, at.cache.calls().len());
        let seen = ask_for(&at, &mut paired, 3 * 3600).await;
        let after = at.warming.stats().strategies[0].effectiveness;
        let counts = [after.fetched - effect.fetched, after.read - effect.read, after.saved - effect.saved];
        (seen, at.cache.calls().len() - calls, counts)
    };
    let (without, no_calls, _) = outcome(false).await;
    let (with, calls, [fetched, read, saved]) = outcome(true).await;
    assert_eq!(no_calls, 0);
    let spared = without.misses - with.misses;
    println!("{without:?} without, {with:?} with, {calls} calls, {fetched} fetched, {read} read");
    assert!(with.second_misses * 2 < without.second_misses, "{with:?} instead of {without:?}");
    // Four of five follow, so that a call in four or so is made for nothing.
    let extra = calls - spared;
    assert!(extra * 10 <= spared * 4, "{extra} calls more, for {spared} misses less");
    assert!(read * 10 >= fetched * 7, "{read} of {fetched} were read");
    assert!(saved * 10 >= fetched * 6, "{saved} of {fetched} saved a miss");
}

/// Has keys asked for one after another, three seconds apart, so often that it is known, two minutes apart.
async fn teach(at: &Fixture, ids: &[&str], times: usize) {
    let others = numbered("OTHER", 10);
    for round in 0..times {
        for id in ids {
            at.ask(&key(id));
            if round % 2 == 0 {
                at.warming.history().settle();
            }
            at.tick_for(seconds(3)).await;
        }
        at.tick_for(seconds(5)).await;
        for other in &others {
            at.ask(other);
            at.tick_for(seconds(10 + round as u64 % 3)).await;
        }
    }
}

#[tokio::test]
async fn what_was_fetched_for_a_first_key_is_a_hit_and_counts_as_paid() {
    let at = Fixture::new(remembering);
    teach(&at, &["AAPL", "MSFT"], 8).await;
    let before = (at.cache.calls().len(), at.effect("together"));
    assert!(!at.ask(&key("AAPL")));
    at.tick_for(seconds(1)).await;
    assert_eq!(at.cache.calls()[before.0..], [["MSFT"]]);
    at.tick_for(seconds(1)).await;
    assert!(at.ask(&key("MSFT")));
    at.tick_for(seconds(1)).await;
    let effect = at.effect("together");
    assert_eq!(
        (effect.fetched - before.1.fetched, effect.read - before.1.read, effect.saved - before.1.saved),
        (1, 1, 1)
    );
    // A hit of the first counts as well as a miss of it, and the other way round nothing follows.
    at.clock.advance(seconds(57));
    at.cache.set_fresh("AAPL", seconds(60));
    let before = at.cache.calls().len();
    assert!(at.ask(&key("AAPL")));
    at.tick_for(seconds(1)).await;
    assert_eq!(at.cache.calls()[before..], [["MSFT"]]);
    at.tick_for(seconds(120)).await;
    let before = at.cache.calls().len();
    at.ask(&key("MSFT"));
    at.tick_for(seconds(6)).await;
    assert_eq!(at.cache.calls().len(), before);
}

#[tokio::test]
async fn rule_86_what_is_fresh_or_over_its_quota_is_not_fetched() {
    let left = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(100));
    let calls_left = std::sync::Arc::clone(&left);
    let at = Fixture::new(|builder| {
        let left = move |_: &str| Some(calls_left.load(std::sync::atomic::Ordering::Relaxed));
        remembering(builder).calls_left(left)
    });
    teach(&at, &["AAPL", "MSFT"], 8).await;
    let ask = async || {
        let before = at.cache.calls().len();
        at.ask(&key("AAPL"));
        at.tick_for(seconds(6)).await;
        at.cache.calls().len() - before
    };
    at.cache.set_fresh("MSFT", seconds(30));
    assert_eq!(ask().await, 0, "it is fresh");
    at.tick_for(seconds(60)).await;
    at.cache.set_lower("MSFT", seconds(60));
    assert_eq!(ask().await, 0, "a lower tier has it");
    at.tick_for(seconds(90)).await;
    left.store(4, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(ask().await, 0, "a fifth of four calls is none");
    at.tick_for(seconds(90)).await;
    left.store(5, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(ask().await, 1);
    at.tick_for(seconds(90)).await;
    at.warming.enable(false);
    assert_eq!(ask().await, 0, "warming is off");
}

#[tokio::test]
async fn what_is_fetched_beforehand_has_nothing_fetched_in_its_turn() {
    let at = Fixture::new(remembering);
    teach(&at, &["A", "B", "C", "D"], 9).await;
    let known = pairs(&at);
    for (first, second) in [("A", "B"), ("B", "C"), ("C", "D")] {
        assert!(known.contains(&(first.to_owned(), second.to_owned())), "{known:?}");
    }
    let before = at.cache.calls().len();
    at.ask(&key("A"));
    at.tick_for(seconds(30)).await;
    assert_eq!(at.cache.calls()[before..], [["B"]], "nobody has asked for B yet");
    at.ask(&key("B"));
    at.tick_for(seconds(30)).await;
    assert_eq!(at.cache.calls()[before + 1..], [["C"]]);
}

#[tokio::test]
async fn a_pair_that_is_one_no_more_is_forgotten_and_the_other_order_is_another_pair() {
    let at = Fixture::new(remembering);
    teach(&at, &["AAPL", "MSFT"], 12).await;
    assert!(pairs(&at).contains(&("AAPL".to_owned(), "MSFT".to_owned())));
    teach(&at, &["MSFT", "AAPL"], 20).await;
    assert!(pairs(&at).contains(&("MSFT".to_owned(), "AAPL".to_owned())));
    let before = at.cache.calls().len();
    at.ask(&key("AAPL"));
    at.tick_for(seconds(6)).await;
    assert_eq!(at.cache.calls().len(), before, "{:?}", pairs(&at));
}

#[tokio::test]
async fn pairs_stay_with_their_keys_when_others_are_forgotten() {
    let at = Fixture::new(|builder| remembering(builder).max_tracked(24));
    teach(&at, &["SELDOM"], 1).await;
    teach(&at, &["AAPL", "MSFT"], 9).await;
    let known = pairs(&at);
    for round in 0..3 {
        numbered(&format!("NEW{round}-"), 30).iter().for_each(|key| at.hit(key));
        at.tick_for(seconds(30)).await;
    }
    assert!(!at.counts().contains_key("SELDOM"));
    assert_eq!(pairs(&at), known);
    let before = at.cache.calls().len();
    at.ask(&key("AAPL"));
    at.tick_for(seconds(6)).await;
    assert_eq!(at.cache.calls()[before..], [["MSFT"]]);
}

#[tokio::test]
async fn pairs_are_kept_across_a_restart_and_damaged_ones_are_not() {
    let before = Fixture::new(remembering);
    teach(&before, &["AAPL", "MSFT"], 9).await;
    let mut saved = before.warming.history().saved(usize::MAX);
    assert_eq!(saved.pairs.len(), 1);
    let good = saved.pairs[0].clone();
    let bad = |change: fn(&mut SavedPair)| {
        let mut pair = good.clone();
        change(&mut pair);
        pair
    };
    saved.pairs.extend([
        bad(|pair| pair.keys[1] = u32::MAX),
        bad(|pair| pair.keys[0] = 999),
        bad(|pair| (pair.keys[1], pair.by_chance) = (pair.keys[0], f32::NAN)),
        bad(|pair| (pair.keys[1], pair.asked) = (pair.keys[0], 200)),
        bad(|pair| (pair.keys[1], pair.windows) = (pair.keys[0], 255)),
    ]);
    let at = Fixture::new(remembering);
    at.clock.advance(seconds(7200));
    at.warming.history().restore(&saved);
    assert_eq!(pairs(&at), pairs(&before));
    at.ask(&key("AAPL"));
    at.tick_for(seconds(1)).await;
    assert_eq!(at.cache.calls(), [["MSFT"]]);
    // What was saved by an older version has none.
    let old = SavedHistory { pairs: Vec::new(), ..saved };
    let at = Fixture::new(|builder| builder);
    at.warming.history().restore(&old);
    assert_eq!(at.warming.stats().pairs, 0);
}

#[tokio::test]
async fn a_history_that_remembers_no_co_access_says_so() {
    let at = Fixture::new(|builder| builder.strategy(Together::new("together")));
    let result = at.run("together").await;
    assert!(!result.success && result.error.unwrap().contains("WarmingBuilder::co_access"));
}

#[tokio::test]
async fn its_budget_bounds_what_a_second_fetches() {
    let budget = RunBudget::default().keys(2).calls(1);
    let at =
        Fixture::new(|builder| builder.co_access(200).strategy(Together::new("together").budget(budget)));
    let firsts = ["A", "B", "C", "D"];
    for first in firsts {
        teach(&at, &[first, &format!("{first}2")], 6).await;
    }
    let before = at.cache.calls().len();
    for first in keys(&firsts) {
        at.ask(&first);
    }
    at.tick_for(seconds(1)).await;
    let calls = at.cache.calls()[before..].to_vec();
    assert_eq!(calls.iter().map(Vec::len).collect::<Vec<_>>(), [2], "{calls:?}");
    at.tick_for(seconds(1)).await;
    assert_eq!(at.cache.calls().len(), before + 2, "the others come with the next second");
}

/// Returns what a history takes that is asked for very many keys, at random, in pairs and one after another.
fn bytes_of(co_access: usize, paired: bool) -> i64 {
    let at = Fixture::new(|builder| {
        let hot = Predictive::new("hot", RunSchedule::ByHand);
        builder.co_access(co_access).max_tracked(8000).strategy(hot)
    });
    let many = numbered("S", 6000);
    let mut random = fastrand::Rng::with_seed(3);
    let held = measure(|| {
        for second in 0..600 {
            let first = second * 7 % 2000;
            let asked: Vec<usize> = match paired {
                true => (0..100)
                    .map(|at| if second % 3 < 2 { first / 3 * 2 + at * 40 + second % 3 } else { at })
                    .collect(),
                false => {
                    (0..if second % 50 == 0 { 3000 } else { 400 }).map(|_| random.usize(..6000)).collect()
                }
            };
            asked.iter().for_each(|at_key| at.hit(&many[at_key % 6000]));
            at.clock.advance(seconds(1));
            at.warming.history().settle();
        }
    });
    held.bytes_current
}

#[test]
fn a_thousand_keys_take_at_most_100_bytes_each_and_32_kb_whatever_is_asked_for() {
    for paired in [true, false] {
        let (without, with) = (bytes_of(0, paired), bytes_of(1000, paired));
        println!("{with} bytes with, {without} without");
        assert!(with - without <= 132_000, "{} bytes", with - without);
        assert!(paired || with - without >= 80_000, "{} bytes: it remembers little", with - without);
    }
}
