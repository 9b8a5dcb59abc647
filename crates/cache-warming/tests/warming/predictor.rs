//! Whether predictions come true: calibration, skill, order, and what hostile demand does to them.

use std::sync::Arc;

use cache_core::sync::Mutex;
use cache_warming::{Demand, HALF_LIVES, Keys, Predictor, Regression, SeedScore};
use proptest::{prop_assert, proptest};

use crate::{
    fixture::{Fixture, cases, ids, key, numbered, seconds},
    traffic::{Traffic, of_hour},
};

/// For how many seconds requests are predicted here.
const HORIZON: u32 = 300;

/// What was predicted of a key by two predictors, and whether it was asked for.
#[derive(Clone, Copy, Debug)]
struct Outcome {
    predicted: [f64; 2],
    asked: bool,
}

/// Notes what two predictors say of each key, and five minutes later what came true.
#[derive(Debug)]
struct Judge {
    predictors: [Box<dyn Predictor>; 2],
    predicted: Vec<[f64; 2]>,
    predicted_at: u32,
    moves: u32,
    from: u32,
    outcomes: Arc<Mutex<Vec<Outcome>>>,
}

impl Predictor for Judge {
    fn learn(&mut self, keys: &Keys<'_>) {
        self.predictors.iter_mut().for_each(|predictor| predictor.learn(keys));
        if keys.now() < self.predicted_at + HORIZON {
            return;
        }
        if keys.moves() == self.moves && self.predicted_at >= self.from {
            let mut outcomes = self.outcomes.lock();
            for (place, predicted) in self.predicted.iter().enumerate() {
                let asked = keys.at(place).is_some_and(|demand| demand.asked() > self.predicted_at);
                outcomes.push(Outcome { predicted: *predicted, asked });
            }
        }
        (self.predicted_at, self.moves) = (keys.now(), keys.moves());
        let within = |rate: f32| 1.0 - (-f64::from(rate) * f64::from(HORIZON)).exp();
        self.predicted.clear();
        for demand in (0..keys.len()).filter_map(|place| keys.at(place)) {
            let rates = self.predictors.each_ref().map(|predictor| predictor.rate(&demand));
            self.predicted.push(rates.map(within));
        }
    }

    fn rate(&self, demand: &Demand<'_>) -> f32 {
        self.predictors[0].rate(demand)
    }
}

/// Replays so many hours of demand, which changes as `change` says at the begin of each. Returns what was
/// predicted from six hours on, by the regression and by another.
fn replay(
    traffic: &mut Traffic,
    hours: u32,
    other: impl Predictor,
    mut expected_at: impl FnMut(&mut Traffic, f64) -> f64,
) -> Vec<Outcome> {
    const STEP: u64 = 15;
    let outcomes = Arc::new(Mutex::default());
    let at = Fixture::new(|builder| {
        let begin = 1_577_836_800;
        builder.predictor(Judge {
            predictors: [Box::new(Regression::default()), Box::new(other)],
            predicted: Vec::new(),
            predicted_at: 0,
            moves: 0,
            from: begin + 6 * 3600,
            outcomes: Arc::clone(&outcomes),
        })
    });
    for step in 0..u64::from(hours) * 3600 / STEP {
        let a_second = expected_at(traffic, (step * STEP) as f64 / 3600.0);
        for place in traffic.requests(a_second * STEP as f64) {
            at.hit(&traffic.keys[place]);
        }
        at.clock.advance(seconds(STEP));
        at.warming.history().settle();
    }
    let outcomes = outcomes.lock();
    outcomes.clone()
}

/// Of each tenth of the predicted probabilities: how many there were, their mean, and the share that came true.
fn bins(outcomes: &[Outcome]) -> Vec<(usize, f64, f64)> {
    (0..10)
        .map(|bin| {
            let within = |outcome: &&Outcome| ((outcome.predicted[0] * 10.0) as usize).min(9) == bin;
            let (mut many, mut predicted, mut asked) = (0, 0.0, 0.0);
            for outcome in outcomes.iter().filter(within) {
                many += 1;
                predicted += outcome.predicted[0];
                asked += f64::from(u8::from(outcome.asked));
            }
            (many, predicted / f64::from(many).max(1.0), asked / f64::from(many).max(1.0))
        })
        .map(|(many, predicted, asked)| (many as usize, predicted, asked))
        .collect()
}

/// The mean of how surprising what came is, in nats.
fn log_loss(outcomes: &[Outcome], predicted: impl Fn(&Outcome) -> f64) -> f64 {
    let loss = |outcome: &Outcome| {
        let predicted = predicted(outcome).clamp(1e-3, 1.0 - 1e-3);
        -if outcome.asked { predicted.ln() } else { (1.0 - predicted).ln() }
    };
    outcomes.iter().map(loss).sum::<f64>() / outcomes.len() as f64
}

/// Checks that predictions come true within `tolerance`, and tell more than a constant and the seeds' scoring.
fn check(name: &str, outcomes: &[Outcome], tolerance: f64) {
    const ENOUGH: usize = 500;
    let mut filled = 0;
    for (bin, (many, predicted, asked)) in bins(outcomes).into_iter().enumerate() {
        println!("{name}: bin {bin}: {many} keys, predicted {predicted:.3}, asked for {asked:.3}");
        if many >= ENOUGH {
            filled += 1;
            let error = (predicted - asked).abs();
            assert!(error <= tolerance, "{name}: in bin {bin} {predicted:.3} are predicted, {asked:.3} come");
        }
    }
    assert!(filled >= 8, "{name}: only {filled} bins have enough");
    let asked = outcomes.iter().filter(|outcome| outcome.asked).count() as f64 / outcomes.len() as f64;
    let [regression, seeds] = [0, 1].map(|at| log_loss(outcomes, |outcome| outcome.predicted[at]));
    let constant = log_loss(outcomes, |_| asked);
    println!(
        "{name}: log loss {regression:.4}, of the seeds' scoring {seeds:.4}, of a constant {constant:.4}"
    );
    assert!(regression < 0.9 * constant && regression < 0.9 * seeds);
}

#[test]
fn predicted_probabilities_come_true_with_steady_shares() {
    let mut traffic = Traffic::zipf(300, 0.9, 7);
    let outcomes = replay(&mut traffic, 36, SeedScore::default(), |_, _| 0.5);
    check("steady", &outcomes, 0.05);
}

#[test]
fn predicted_probabilities_come_true_with_drift_and_hours() {
    let mut traffic = Traffic::zipf(300, 0.9, 11);
    let mut drifted = 0;
    let outcomes = replay(&mut traffic, 72, SeedScore::default(), |traffic, hour| {
        if hour as u32 > drifted {
            drifted = hour as u32;
            traffic.drift(3);
        }
        0.5 * of_hour(hour)
    });
    check("drift and hours", &outcomes, 0.05);
}

/// The regression with the weights that it began with.
#[derive(Debug, Default)]
struct Unlearnt(Regression);

impl Predictor for Unlearnt {
    fn learn(&mut self, keys: &Keys<'_>) {
        self.0 = Regression::default();
        self.0.learn(keys);
    }

    fn rate(&self, demand: &Demand<'_>) -> f32 {
        self.0.rate(demand)
    }
}

#[test]
fn what_is_learnt_of_demand_makes_predictions_better() {
    // Each quarter of an hour most keys change places: what was asked for in days tells little.
    let mut traffic = Traffic::zipf(100, 1.2, 13);
    let mut drifted = 0;
    let outcomes = replay(&mut traffic, 36, Unlearnt::default(), |traffic, hour| {
        if (hour * 4.0) as u32 > drifted {
            drifted = (hour * 4.0) as u32;
            traffic.drift(30);
        }
        0.5
    });
    let [learnt, unlearnt] = [0, 1].map(|at| log_loss(&outcomes, |outcome| outcome.predicted[at]));
    println!("log loss {learnt:.4}, with the weights of the beginning {unlearnt:.4}");
    for (bin, (many, predicted, asked)) in bins(&outcomes).into_iter().enumerate() {
        println!("quick drift: bin {bin}: {many} keys, predicted {predicted:.3}, asked for {asked:.3}");
    }
    let asked = outcomes.iter().filter(|outcome| outcome.asked).count() as f64 / outcomes.len() as f64;
    let constant = log_loss(&outcomes, |_| asked);
    println!("log loss of a constant {constant:.4}");
    assert!(learnt < 0.98 * unlearnt && learnt < 0.97 * constant, "{learnt} {unlearnt} {constant}");
}

#[test]
fn of_two_keys_alike_the_one_asked_for_more_is_ranked_first() {
    for (few, more) in [(1, 2), (3, 5), (50, 60), (2000, 2400)] {
        for more_first in [true, false] {
            let at = Fixture::new(|builder| builder);
            let (a, b) = (key("A"), key("B"));
            for minute in 0..30 {
                let (few, more) = (share(few, minute), share(more, minute));
                let (of_a, of_b) = if more_first { (more, few) } else { (few, more) };
                at.hits(&a, of_a);
                at.hits(&b, of_b);
                at.clock.advance(seconds(60));
                at.warming.history().settle();
            }
            let expected = if more_first { ["A", "B"] } else { ["B", "A"] };
            assert_eq!(ids(&at.fill(&[], 2)), expected, "{few} and {more} requests");
        }
    }
}

/// The part of so many requests that comes in one of thirty minutes.
fn share(all: usize, minute: usize) -> usize {
    all * (minute + 1) / 30 - all * minute / 30
}

#[test]
fn what_was_asked_for_lately_is_ranked_before_what_was_asked_for_as_often_long_ago() {
    let at = Fixture::new(|builder| builder);
    for id in ["OLD", "YOUNG"] {
        for _ in 0..60 {
            at.hits(&key(id), 2);
            at.hit(&key("ALWAYS"));
            at.clock.advance(seconds(60));
            at.warming.history().settle();
        }
    }
    let ranked = at.fill(&[], 3);
    assert_eq!(ids(&ranked).into_iter().filter(|id| *id != "ALWAYS").collect::<Vec<_>>(), ["YOUNG", "OLD"]);
}

#[test]
fn a_hot_key_of_a_short_life_is_sure_to_be_read() {
    let at = Fixture::with(
        10,
        cache_warming::Coverage::default().life(seconds(2)).price_of_key(30.0),
        |builder| builder,
    );
    for _ in 0..900 {
        at.hits(&key("HOT"), 20);
        at.clock.advance(seconds(1));
        at.warming.history().settle();
    }
    // Its price is only paid by a key that is read with 97 percent.
    assert_eq!(ids(&at.fill(&[], 1)), ["HOT"]);
}

/// Whether all that is predicted is a finite number, and sane for a key that is never asked for.
#[derive(Debug)]
struct Finite(Regression);

impl Predictor for Finite {
    fn learn(&mut self, keys: &Keys<'_>) {
        self.0.learn(keys);
        for demand in (0..keys.len()).filter_map(|place| keys.at(place)) {
            let rate = self.0.rate(&demand);
            assert!(rate.is_finite() && rate >= 0.0, "{rate} of {demand:?}");
            assert!(demand.counts().iter().all(|count| count.is_finite() && *count >= 0.0));
            assert_eq!(demand.counts().len(), HALF_LIVES.len());
        }
    }

    fn rate(&self, demand: &Demand<'_>) -> f32 {
        self.0.rate(demand)
    }
}

proptest! {
    #![proptest_config(cases(40))]

    #[test]
    fn predictions_stay_finite_whatever_is_asked(
        stream in proptest::collection::vec((0..5_u8, 0..20_usize, 1..400_u64), 1..60), many in 1..20_usize,
    ) {
        let at = Fixture::new(|builder| builder.predictor(Finite(Regression::default())));
        let keys = numbered("S", many);
        for (what, which, span) in stream {
            let key = &keys[which % many];
            match what {
                0 => at.hits(key, 5),
                // A burst.
                1 => (0..10).for_each(|_| {
                    at.hits(key, 2000);
                    at.warming.history().settle();
                }),
                // A month in which nobody asks.
                2 => at.clock.advance(seconds(30 * 86_400)),
                3 => keys.iter().for_each(|key| at.hit(key)),
                _ => (0..20).for_each(|_| {
                    at.hit(key);
                    at.clock.advance(seconds(HORIZON.into()));
                    at.warming.history().settle();
                }),
            }
            at.clock.advance(seconds(span));
            at.warming.history().settle();
            prop_assert!(at.fill(&[], many).len() <= many);
        }
    }
}

#[test]
fn a_burst_of_a_million_requests_and_a_month_of_silence_leave_predictions_sane() {
    let at = Fixture::new(|builder| builder.predictor(Finite(Regression::default())));
    let (burst, steady) = (key("BURST"), key("STEADY"));
    let minute = |hits: usize| {
        at.hits(&steady, hits);
        at.clock.advance(seconds(60));
        at.warming.history().settle();
    };
    (0..120).for_each(|_| minute(2));
    at.hit(&burst);
    at.warming.history().settle();
    for _ in 0..4 {
        at.hits(&burst, 250_000);
        at.warming.history().settle();
    }
    let all = at.counts()["BURST"];
    assert!((990_000.0..=1_000_001.0).contains(&all), "{all}");
    (0..120).for_each(|_| minute(2));
    at.clock.advance(seconds(30 * 86_400));
    at.warming.history().settle();
    (0..600).for_each(|_| minute(2));
    assert_eq!(ids(&at.fill(&[], 1)), ["STEADY"], "what is asked for goes before what was, a month ago");
}
