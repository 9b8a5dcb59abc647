//! The predictive strategy: what it fetches under each of its settings.

use cache_core::{Key, Warm};
use cache_warming::{Announced, Coverage, Demand, Keys, Predictive, Predictor, RunBudget, RunSchedule};
use futures_util::FutureExt;
use proptest::{collection::vec, prop_assert, prop_assert_eq, proptest};

use crate::{
    fixture::{Fixture, cases, key, numbered, seconds},
    traffic::{Traffic, of_hour},
};

const LIFE: f64 = 100.0;

/// Expects of a key so many requests in ten thousand seconds as it was asked for.
#[derive(Debug)]
struct AsBefore;

impl Predictor for AsBefore {
    fn learn(&mut self, _: &Keys<'_>) {}

    fn rate(&self, demand: &Demand<'_>) -> f32 {
        demand.counts()[3] / 10_000.0
    }
}

fn by_hand() -> Predictive {
    Predictive::new("hot", RunSchedule::ByHand)
}

/// A key of a test: how often it was asked for, and for how long it is fresh.
type Known = (usize, u64);

/// Runs a strategy on keys of which that is known. Returns which it fetched.
fn fetched(strategy: Predictive, coverage: Coverage, known: &[Known]) -> Vec<usize> {
    let at = Fixture::with(10, coverage.life(seconds(LIFE as u64)), |builder| {
        builder.predictor(AsBefore).strategy(strategy)
    });
    let keys = numbered("S", known.len());
    for (key, (times, left)) in keys.iter().zip(known) {
        at.hits(key, *times);
        at.cache.set_fresh(key.id(), seconds(*left));
        at.warming.history().settle();
    }
    at.warming.run("hot").now_or_never().unwrap().unwrap();
    let calls = at.cache.calls().concat();
    calls.iter().map(|id| keys.iter().position(|key| key.id() == id).unwrap()).collect()
}

/// How likely a key is to be read in its next life, and in that part of it which what is there does not cover.
fn likely((times, left): Known) -> (f64, f64) {
    let within = |span: f64| 1.0 - (-(times as f64) / 10_000.0 * span).exp();
    (within(LIFE), within((LIFE - left as f64).max(0.0)))
}

/// The keys that are dead or die within so long, the likeliest to be read first.
fn dead(known: &[Known], soon: u64) -> Vec<usize> {
    let mut dead: Vec<usize> = (0..known.len()).filter(|at| known[*at].1 <= soon).collect();
    dead.sort_by_key(|at| std::cmp::Reverse(known[*at].0));
    dead
}

fn sorted(mut places: Vec<usize>) -> Vec<usize> {
    places.sort_unstable();
    places
}

/// Keys that were asked for differently often.
fn known() -> impl proptest::strategy::Strategy<Value = Vec<Known>> {
    use proptest::strategy::Strategy;
    let times = proptest::collection::btree_set(1..400_usize, 1..40);
    (times, vec(0..110_u64, 40)).prop_map(|(times, left)| {
        let left = left.into_iter().map(|left| if left < 50 { left / 10 } else { left });
        times.into_iter().zip(left).collect()
    })
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn it_fetches_the_likeliest_that_are_dead_or_die_soon_within_its_budget(
        known in known(), most in 1..30_usize, soon in 0..100_u64,
    ) {
        let budget = RunBudget::default().keys(most);
        for (strategy, soon) in [(by_hand(), 5), (by_hand().soon(seconds(soon)), soon)] {
            let found = fetched(strategy.budget(budget), Coverage::default(), &known);
            let mut gains: Vec<(f64, usize)> =
                dead(&known, soon).into_iter().map(|at| (likely(known[at]).1, at)).collect();
            // Those first that are likeliest to save a call.
            gains.sort_by(|a, b| b.0.total_cmp(&a.0));
            gains.truncate(most);
            let least = gains.last().map_or(0.0, |(gain, _)| *gain);
            prop_assert_eq!(found.len(), gains.len());
            prop_assert!(found.iter().all(|at| known[*at].1 <= soon && likely(known[*at]).1 >= least - 1e-5));
        }
    }

    #[test]
    fn it_makes_a_call_only_if_its_keys_together_save_more_than_is_asked_for(
        known in known(), saving in 0.0..8.0_f64,
    ) {
        let found = fetched(by_hand().saving(saving as f32), Coverage::default(), &known);
        let first: Vec<usize> = dead(&known, 5).into_iter().take(10).collect();
        let saved: f64 = first.iter().map(|at| likely(known[*at]).1).sum();
        if (saved - saving).abs() > 1e-3 {
            let expected = if saved > saving { first } else { Vec::new() };
            prop_assert_eq!(sorted(found), sorted(expected), "{} of {}", saved, saving);
        }
    }

    #[test]
    fn it_leaves_out_what_is_read_too_seldom_or_costs_too_much(
        known in known(), least in 0.0..1.0_f64, price in 0.0..20.0_f64,
    ) {
        for (strategy, coverage, least) in [
            (by_hand().least_read(least as f32), Coverage::default(), least),
            (by_hand(), Coverage::default().price_of_key(price as f32), price / (1.0 + price)),
        ] {
            let found = fetched(strategy, coverage, &known);
            let clear = |at: &usize| (likely(known[*at]).1 - least).abs() > 1e-4;
            let expected = dead(&known, 5).into_iter().filter(|at| likely(known[*at]).1 > least);
            prop_assert_eq!(
                sorted(found.into_iter().filter(clear).collect()),
                sorted(expected.filter(clear).collect())
            );
        }
    }

    #[test]
    fn it_fetches_as_many_as_leave_the_share_that_is_asked_for(known in known(), share in 0.3..0.99_f64) {
        let found = fetched(by_hand().precision(share as f32), Coverage::default(), &known);
        let likelihoods: Vec<f64> = dead(&known, 5).into_iter().map(|at| likely(known[at]).0).collect();
        let mean = |many: usize| likelihoods.iter().take(many).sum::<f64>() / many.max(1) as f64;
        let many = (1..=likelihoods.len()).rev().find(|many| mean(*many) >= share).unwrap_or(0);
        let is_close = (0..=likelihoods.len()).any(|many| (mean(many) - share).abs() < 1e-4);
        prop_assert!(found.len() == many || is_close, "{} rather than {many}", found.len());
    }
}

/// A cache whose values live for five minutes under demand that changes with the hour and drifts.
struct Replay {
    at: Fixture,
    traffic: Traffic,
    step: u64,
    /// The requests a second, on average.
    demand: f64,
}

impl Replay {
    const STEP: u64 = 30;

    fn new(strategy: Predictive, seed: u64, demand: f64) -> Self {
        let coverage = Coverage::default().life(seconds(300));
        let at = Fixture::with(50, coverage, |builder| builder.strategy(strategy));
        at.cache.script.lock().life = seconds(300);
        Self { at, traffic: Traffic::zipf(200, 1.0, seed), step: 0, demand }
    }

    /// Replays so many hours, with a run each minute. Returns how many keys each fetched.
    fn hours(&mut self, hours: u64) -> Vec<usize> {
        let mut fetched = Vec::new();
        for _ in 0..hours * 3600 / Self::STEP {
            self.step += 1;
            let hour = (self.step * Self::STEP) as f64 / 3600.0;
            if self.step.is_multiple_of(120) {
                self.traffic.drift(1);
            }
            for place in self.traffic.requests(self.demand * of_hour(hour) * Self::STEP as f64) {
                self.at.ask(&self.traffic.keys[place]);
            }
            self.at.clock.advance(seconds(Self::STEP));
            self.at.warming.tick().now_or_never().unwrap();
            if self.step.is_multiple_of(2) {
                fetched.push(self.at.warming.run("hot").now_or_never().unwrap().unwrap().fetched);
                self.at.cache.script.lock().calls.clear();
                self.at.cache.script.lock().lifts.clear();
            }
        }
        fetched
    }
}

#[test]
fn the_precise_mode_meets_its_precision_over_a_week() {
    let mut replay = Replay::new(by_hand().precision(0.92), 5, 0.5);
    replay.hours(24 * 7);
    let strategy = replay.at.strategy("hot");
    let (precision, fetched) = (strategy.precision.unwrap(), strategy.effectiveness.fetched);
    println!("precision {precision:.4} of {fetched} keys that were fetched");
    assert!((0.90..=0.94).contains(&precision), "{precision}");
    assert!(fetched > 5000, "{fetched}");
}

/// Expects of each key a fixed part of what the regression does, or several times that.
#[derive(Debug)]
struct Wrong(cache_warming::Regression, f32);

impl Predictor for Wrong {
    fn learn(&mut self, keys: &Keys<'_>) {
        self.0.learn(keys);
    }

    fn rate(&self, demand: &Demand<'_>) -> f32 {
        self.0.rate(demand) * self.1
    }
}

#[test]
fn the_precise_mode_learns_how_wrong_predictions_are() {
    for wrong in [0.7, 1.4] {
        let strategy = by_hand().precision(0.92);
        let mut replay = Replay::new(by_hand(), 9, 0.5);
        replay.at = Fixture::with(50, Coverage::default().life(seconds(300)), |builder| {
            builder.predictor(Wrong(Default::default(), wrong)).strategy(strategy)
        });
        replay.at.cache.script.lock().life = seconds(300);
        replay.hours(48);
        let precision = replay.at.strategy("hot").precision.unwrap();
        println!("precision {precision:.4} where {wrong} times as many requests are expected");
        assert!((0.89..=0.95).contains(&precision), "{precision} at {wrong}");
    }
}

#[test]
fn in_quiet_hours_what_is_worth_less_than_usual_is_left_out() {
    let mean = |fetched: &[usize]| fetched.iter().sum::<usize>() as f64 / fetched.len() as f64;
    for (worth, night_over_noon) in [(0.0, 0.6..2.0), (0.5, 0.0..0.45)] {
        let budget = RunBudget::default().keys(20);
        let mut replay = Replay::new(by_hand().worth(worth).budget(budget), 3, 0.3);
        replay.hours(34);
        let noon = mean(&replay.hours(4));
        replay.hours(8);
        let night = mean(&replay.hours(4));
        println!("at a worth of {worth} {noon:.2} keys a run at noon, {night:.2} at night");
        assert!(night_over_noon.contains(&(night / noon)), "{night} at night, {noon} at noon, worth {worth}");
    }
}

#[test]
fn runs_by_hand_are_what_they_are_by_schedule() {
    let every = Predictive::new("hot", RunSchedule::Every(seconds(10))).budget(RunBudget::default().keys(1));
    let at = Fixture::new(|builder| builder.predictor(AsBefore).strategy(every));
    let keys: Vec<Key> = numbered("S", 3);
    keys.iter().enumerate().for_each(|(index, key)| at.hits(key, 9 - index));
    for _ in 0..21 {
        at.clock.advance(seconds(1));
        at.warming.tick().now_or_never().unwrap();
    }
    assert_eq!((at.strategy("hot").runs, at.cache.calls().concat().len()), (3, 3));
    assert!(keys.iter().all(|key| at.cache.fresh_for(key).is_some()), "each time the hottest that is dead");
}

#[tokio::test]
async fn however_many_keys_are_announced_they_are_expected_as_far_as_there_is_room() {
    for (max_tracked, announced, expected) in [(10_000, 5_000, 5_000), (1_000, 500, 500), (100, 500, 100)] {
        let at = Fixture::new(|builder| builder.max_tracked(max_tracked).strategy(Announced::new("events")));
        numbered("H", max_tracked).iter().for_each(|key| at.hit(key));
        at.warming.history().settle();
        let keys = numbered("E", announced);
        let until = at.clock.now().after(seconds(600));
        assert_eq!(at.warming.announce(&keys, 10.0, until), expected);
        assert_eq!(at.run("events").await.items, expected, "{announced} of {max_tracked}");
    }
}

#[tokio::test]
async fn an_announced_event_is_expected_after_a_clock_was_set_back() {
    let at = Fixture::new(|builder| builder.strategy(Announced::new("events")));
    at.tick_for(seconds(5)).await;
    at.clock.shift_wall(-3_600_000_000);
    at.warming.announce(&[key("AAPL")], 10.0, at.clock.now().after(seconds(1800)));
    assert_eq!(at.run("events").await.items, 1);
    at.tick_for(seconds(1801)).await;
    assert_eq!(at.run("events").await.items, 0);
}
