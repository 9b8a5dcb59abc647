//! Skewed demand: few keys are read often, many seldom.

/// Draws ranks `0..n` with probability proportional to `1 / (rank + 1)^skew`, the same for one seed.
#[derive(Debug)]
pub struct Zipf {
    cumulative: Vec<f64>,
    random: fastrand::Rng,
}

impl Zipf {
    /// A source of ranks below `n`.
    #[must_use]
    pub fn new(n: usize, skew: f64, seed: u64) -> Self {
        let cumulative = (1..=n)
            .scan(0.0, |sum, rank| {
                *sum += (rank as f64).powf(-skew);
                Some(*sum)
            })
            .collect();
        Self { cumulative, random: fastrand::Rng::with_seed(seed) }
    }

    /// `count` ranks.
    pub fn take(&mut self, count: usize) -> Vec<usize> {
        let total = self.cumulative.last().copied().unwrap_or_default();
        (0..count)
            .map(|_| {
                let point = self.random.f64() * total;
                self.cumulative.partition_point(|sum| *sum < point).min(self.cumulative.len() - 1)
            })
            .collect()
    }
}
