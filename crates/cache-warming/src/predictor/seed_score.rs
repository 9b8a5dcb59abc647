//! The seeds' scoring: requests, recency, busy hours and events, added up.

use super::{Demand, Keys, Predictor};

/// How many requests a key needs to have a score.
const LEAST_REQUESTS: f32 = 10.0;

/// How many of a key's hours are its busy ones.
const BUSY_HOURS: usize = 3;

/// How often the sum of all scores is made anew, in seconds.
const SUMS_EVERY: u32 = 5;

/// Scores a key as the model system does: a point for each hundred requests, up to ten; up to ten for being asked
/// for lately, less one for each day since; five in one of its three busiest hours. A key has the part of the
/// requests that its score has of all scores.
#[derive(Clone, Debug, Default)]
pub struct SeedScore {
    all: f32,
    summed_at: u32,
}

impl SeedScore {
    fn score(demand: &Demand<'_>) -> f32 {
        let requests = demand.counts()[3];
        if requests < LEAST_REQUESTS {
            return 0.0;
        }
        let days = demand.since_asked() as f32 / 86_400.0;
        let busy = if demand.is_busy_hour(BUSY_HOURS) { 5.0 } else { 0.0 };
        (requests / 100.0).min(10.0) + (10.0 - days).max(0.0) + busy
    }
}

impl Predictor for SeedScore {
    fn learn(&mut self, keys: &Keys<'_>) {
        if keys.now().saturating_sub(self.summed_at) >= SUMS_EVERY {
            self.all =
                (0..keys.len()).filter_map(|place| keys.at(place)).map(|demand| Self::score(&demand)).sum();
            self.summed_at = keys.now();
        }
    }

    fn rate(&self, demand: &Demand<'_>) -> f32 {
        if self.all > 0.0 { Self::score(demand) / self.all * demand.stream().rate() as f32 } else { 0.0 }
    }
}
