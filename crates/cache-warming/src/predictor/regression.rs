//! The regression: a key's requests of the last days, corrected by what the last hours and minutes say, in
//! proportions that are learnt from which keys are asked for.

use super::{Demand, Keys, Predictor, linear::solve};
use crate::history::{record::HALF_LIVES, stream::RequestStream};

/// How many weights there are.
const WEIGHTS: usize = 8;

/// For how many seconds requests are predicted, and how often it learns.
const HORIZON: u32 = 300;

/// As how many requests of no news a shorter count is taken beside what a longer one expects.
const DRAWN: f64 = 3.0;

/// How many keys are drawn to learn from, each time: this part of them, within these bounds.
const SAMPLED_PART: usize = 10;
const SAMPLE: std::ops::RangeInclusive<usize> = 64..=512;

/// How firmly the weights are held where they began, and after how many days what was learnt counts half.
const RIDGE: f64 = 10.0;
const FORGETS_AFTER: f64 = 20.0;

/// The longest step of the weights.
const LONGEST_STEP: f64 = 0.1;

/// What the exponent of a prediction is kept within, and where it teaches something.
const EXPONENTS: std::ops::RangeInclusive<f64> = -16.0..=16.0;
const LARGEST_TO_LEARN: f64 = 4.0;

/// Where the weights begin: the present rate and the share of the last days count in full, each correction half.
const PRIOR: [f64; WEIGHTS] = [0.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.0, 0.0];

type Vector = [f64; WEIGHTS];

/// Predicts the requests of the next five minutes by a Poisson regression that learns as it goes.
///
/// The logarithm of the expected requests is a weighted sum: of the present rate of all requests and how it
/// compares with that of the last hours; of the key's share of the requests of the last days; of how far the
/// last eighteen hours, three hours and half hour each exceed what the longer spans expect of them; and of the
/// time since it was last asked for. Each five minutes some keys are drawn, and five minutes later the weights
/// are moved, by a step of Fisher scoring, towards what was then asked for. The weights are few and the same
/// for all keys.
#[derive(Clone, Debug)]
pub struct Regression {
    weights: Vector,
    /// What is known of the weights, as a matrix that what is older counts less in.
    information: [Vector; WEIGHTS],
    drawn: Vec<Drawn>,
    drawn_at: u32,
    moves: u32,
    random: fastrand::Rng,
    known_keys: f64,
}

/// A key that was drawn.
#[derive(Clone, Copy, Debug)]
struct Drawn {
    place: u32,
    features: [f32; WEIGHTS],
    /// How many requests were expected of it.
    expected: f32,
}

impl Default for Regression {
    fn default() -> Self {
        Self {
            weights: PRIOR,
            information: [[0.0; WEIGHTS]; WEIGHTS],
            drawn: Vec::new(),
            drawn_at: 0,
            moves: 0,
            // The same requests teach the same.
            random: fastrand::Rng::with_seed(1),
            known_keys: 1.0,
        }
    }
}

impl Regression {
    /// What is known of a key, as the terms of the sum.
    fn features(&self, demand: &Demand<'_>) -> Vector {
        const DAYS: usize = HALF_LIVES.len() - 1;
        let (counts, totals) = (demand.counts(), demand.stream().totals());
        let [rate, trend] = rates(demand.stream());
        // One half more for each, so that none has no share.
        let mut share = (f64::from(counts[DAYS]) + 0.5) / (f64::from(totals[DAYS]) + 0.5 * self.known_keys);
        let mut features = [1.0, rate, share.ln(), 0.0, 0.0, 0.0, 0.0, trend];
        for at in (0..DAYS).rev() {
            let expected = share * f64::from(totals[at]);
            let news = (f64::from(counts[at]) + DRAWN) / (expected + DRAWN);
            features[2 + DAYS - at] = news.ln();
            share *= news;
        }
        features[6] = (f64::from(demand.demand_since_asked()) / f64::from(HORIZON)).ln_1p();
        features
    }

    /// Returns the exponent of a prediction.
    fn exponent(&self, features: &Vector) -> f64 {
        let sum: f64 = features.iter().zip(self.weights).map(|(feature, weight)| feature * weight).sum();
        sum.clamp(*EXPONENTS.start(), *EXPONENTS.end())
    }

    /// Moves the weights towards what became of the keys that were drawn.
    fn step(&mut self, keys: &Keys<'_>) {
        let (mut gradient, mut information) = ([0.0; WEIGHTS], [[0.0; WEIGHTS]; WEIGHTS]);
        for Drawn { place, features, expected } in &self.drawn {
            let Some(demand) = keys.at(*place as usize) else { continue };
            let (features, expected) = (features.map(f64::from), f64::from(*expected));
            let none = (-expected).exp();
            // What one key tells, where it counts only whether it was asked for at all.
            let told = if expected < 1e-6 { expected } else { expected * expected * none / (1.0 - none) };
            let surprise = if demand.asked() > self.drawn_at { told / expected } else { -expected };
            for i in 0..WEIGHTS {
                gradient[i] += surprise * features[i];
                for j in 0..WEIGHTS {
                    information[i][j] += told * features[i] * features[j];
                }
            }
        }
        let kept = (-f64::from(HORIZON) / 86_400.0 / FORGETS_AFTER).exp2();
        for (known, new) in self.information.iter_mut().flatten().zip(information.iter().flatten()) {
            *known = *known * kept + new;
        }
        let mut matrix = self.information;
        for i in 0..WEIGHTS {
            matrix[i][i] += RIDGE;
            gradient[i] -= RIDGE * (1.0 - kept) * (self.weights[i] - PRIOR[i]);
        }
        let step = solve(matrix, gradient);
        let length = step.iter().map(|part| part * part).sum::<f64>().sqrt();
        let shortened = if length > LONGEST_STEP { LONGEST_STEP / length } else { 1.0 };
        if length.is_finite() {
            self.weights.iter_mut().zip(step).for_each(|(weight, part)| *weight += part * shortened);
        }
    }

    fn draw(&mut self, keys: &Keys<'_>) {
        (self.drawn_at, self.moves) = (keys.now(), keys.moves());
        self.drawn.clear();
        let draws = (keys.len() / SAMPLED_PART).clamp(*SAMPLE.start(), *SAMPLE.end());
        self.drawn.reserve_exact(draws.min(keys.len()));
        for n in 0..draws.min(keys.len()) {
            // All of few keys, some of many.
            let place = if keys.len() <= draws { n } else { self.random.usize(..keys.len()) };
            if let Some(demand) = keys.at(place) {
                let features = self.features(&demand);
                let expected = self.exponent(&features).min(LARGEST_TO_LEARN).exp() as f32;
                let features = features.map(|feature| feature as f32);
                self.drawn.push(Drawn { place: place as u32, features, expected });
            }
        }
    }
}

impl Predictor for Regression {
    fn learn(&mut self, keys: &Keys<'_>) {
        self.known_keys = keys.len().max(1) as f64;
        let elapsed = keys.now().saturating_sub(self.drawn_at);
        if elapsed < HORIZON {
            return;
        }
        // After a gap nobody knows what would have been asked for in the first minutes of it, and keys that moved
        // are others now.
        if elapsed < 2 * HORIZON && keys.moves() == self.moves {
            self.step(keys);
        }
        self.draw(keys);
    }

    fn rate(&self, demand: &Demand<'_>) -> f32 {
        (self.exponent(&self.features(demand)).exp() / f64::from(HORIZON)) as f32
    }
}

/// The requests of all keys that are expected within the horizon, and how the last hours compare with that; both
/// as logarithms.
fn rates(stream: &RequestStream) -> [f64; 2] {
    let within = |rate: f64| rate * f64::from(HORIZON) + 0.1;
    let (now, usual) = (within(stream.rate()), within(stream.usual_rate()));
    [now.ln(), (usual / now).ln()]
}
