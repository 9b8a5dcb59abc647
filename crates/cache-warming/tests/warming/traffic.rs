//! Synthetic demand: independent Poisson processes whose shares a test knows.

use cache_core::Key;
use fastrand::Rng;

use crate::fixture::numbered;

/// Keys, and how often each is asked for.
pub(crate) struct Traffic {
    pub(crate) keys: Vec<Key>,
    /// The share of each key in the requests, unscaled.
    weights: Vec<f64>,
    /// The weights up to each key, to draw from.
    sums: Vec<f64>,
    pub(crate) random: Rng,
}

impl Traffic {
    /// Shares by Zipf: the n-th key has the n-th part of the first to the power of `exponent`.
    pub(crate) fn zipf(many: usize, exponent: f64, seed: u64) -> Self {
        let weights: Vec<f64> = (1..=many).map(|rank| (rank as f64).powf(-exponent)).collect();
        let mut traffic =
            Self { keys: numbered("S", many), weights, sums: Vec::new(), random: Rng::with_seed(seed) };
        traffic.sum();
        traffic
    }

    /// Lets some keys change places: what was asked for often no longer is.
    pub(crate) fn drift(&mut self, swaps: usize) {
        for _ in 0..swaps {
            let (a, b) = (self.random.usize(..self.keys.len()), self.random.usize(..self.keys.len()));
            self.weights.swap(a, b);
        }
        self.sum();
    }

    fn sum(&mut self) {
        let mut sum = 0.0;
        self.sums.clear();
        self.sums.extend(self.weights.iter().map(|weight| {
            sum += weight;
            sum
        }));
    }

    /// Draws the requests of a span in which so many are expected of all keys, as places of keys.
    pub(crate) fn requests(&mut self, expected: f64) -> Vec<usize> {
        let all = self.sums.last().copied().unwrap_or_default();
        (0..self.poisson(expected))
            .map(|_| {
                let drawn = self.random.f64() * all;
                self.sums.partition_point(|sum| *sum <= drawn).min(self.sums.len() - 1)
            })
            .collect()
    }

    /// Draws from a Poisson distribution: how many exponential gaps fit.
    fn poisson(&mut self, expected: f64) -> usize {
        let mut left = expected;
        let mut drawn = 0;
        loop {
            left += self.random.f64().max(f64::MIN_POSITIVE).ln();
            if left < 0.0 {
                return drawn;
            }
            drawn += 1;
        }
    }
}

/// How much is asked for at an hour of the day, where one is the mean: little at night, most at noon.
pub(crate) fn of_hour(hour: f64) -> f64 {
    1.0 - 0.8 * (std::f64::consts::TAU * hour / 24.0).cos()
}
