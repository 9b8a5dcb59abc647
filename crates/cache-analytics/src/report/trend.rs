//! Whether the hit rate rises or falls from hour to hour, and whether it is as usual now.

use serde::Serialize;

use super::whole::HourReport;

/// The least reads of an hour that has a part in it, and the least such hours before the running one.
const LEAST_READS: u64 = 100;
const LEAST_HOURS: usize = 3;

/// How far from the usual is unusual: in standard deviations, and as a share of the reads.
const UNUSUAL_DEVIATIONS: f64 = 3.0;
const UNUSUAL_SHARE: f64 = 0.05;

/// How the hit rate goes, by the last 24 hours with a hundred reads or more.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct HitRateTrend {
    /// By how much it rises in an hour: the slope of a line through the hours, the running one included.
    pub per_hour: f64,
    /// Its mean in the hours before the running one.
    pub usual: f64,
    /// What it is in the running hour.
    pub now: f64,
    /// How many standard deviations that is above the usual: of the hours before, and of so many reads.
    pub deviations: f64,
    /// Whether that is three or more, up or down, and at least 5 of 100 reads.
    pub is_unusual: bool,
}

impl HitRateTrend {
    /// Returns the trend of these hours, the running one last; `None` with too few of them.
    pub(crate) fn of(hours: &[HourReport]) -> Option<Self> {
        let (last, before) = hours.split_last()?;
        let points = |hours: &[HourReport]| -> Vec<(f64, f64)> {
            let proven = hours.iter().filter(|hour| hour.reads >= LEAST_READS);
            proven.filter_map(|hour| Some((hour.begun as f64 / 3600.0, hour.hit_rate?))).collect()
        };
        let (before, last_point) = (points(before), points(std::slice::from_ref(last)));
        let (_, now) = *last_point.first()?;
        if before.len() < LEAST_HOURS {
            return None;
        }
        let count = before.len() as f64;
        let usual = before.iter().map(|(_, rate)| rate).sum::<f64>() / count;
        let between = before.iter().map(|(_, rate)| (rate - usual).powi(2)).sum::<f64>() / (count - 1.0);
        // No hour says more than its reads do.
        let by_chance = (usual * (1.0 - usual)).max(0.0) / last.reads as f64;
        let deviation = (between + by_chance).sqrt().max(1e-6);
        let deviations = (now - usual) / deviation;
        let all: Vec<(f64, f64)> = before.into_iter().chain(last_point).collect();
        Some(Self {
            per_hour: slope(&all),
            usual,
            now,
            deviations,
            is_unusual: deviations.abs() >= UNUSUAL_DEVIATIONS && (now - usual).abs() >= UNUSUAL_SHARE,
        })
    }
}

/// Returns the slope of the line with the least squares.
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let spread: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    let common: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    if spread > 0.0 { common / spread } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prop_assert, proptest};

    use super::*;

    fn hours(rates: &[(u64, f64)]) -> Vec<HourReport> {
        let hour = |(at, (reads, rate)): (usize, &(u64, f64))| HourReport {
            begun: 3600 * at as i64,
            reads: *reads,
            hit_rate: Some(*rate),
            calls: 0,
        };
        rates.iter().enumerate().map(hour).collect()
    }

    proptest! {
        #[test]
        fn a_line_has_its_slope_and_is_as_usual_only_if_it_is_flat(
            first in 0.3..0.6_f64, per_hour in -0.01..0.01_f64, count in 5..24_usize,
        ) {
            let rates: Vec<_> = (0..count).map(|at| (10_000, first + per_hour * at as f64)).collect();
            let trend = HitRateTrend::of(&hours(&rates)).unwrap();
            prop_assert!((trend.per_hour - per_hour).abs() < 1e-9);
            prop_assert!((trend.now - rates[count - 1].1).abs() < 1e-9 && !trend.is_unusual);
        }

        #[test]
        fn a_fall_by_a_fifth_is_unusual_and_chance_is_not(
            noise in vec(-0.02..0.02_f64, 12..24), reads in 1000..100_000_u64,
        ) {
            let mut rates: Vec<_> = noise.iter().map(|noise| (reads, 0.8 + noise)).collect();
            let chance = HitRateTrend::of(&hours(&rates)).unwrap();
            prop_assert!(!chance.is_unusual, "{:?}", chance);
            rates.push((reads, 0.6));
            let fallen = HitRateTrend::of(&hours(&rates)).unwrap();
            prop_assert!(fallen.is_unusual && fallen.deviations < -3.0, "{:?}", fallen);
        }
    }

    #[test]
    fn hours_with_few_reads_say_nothing() {
        let few = (99, 0.1);
        let proven = (100, 0.9);
        assert_eq!(HitRateTrend::of(&hours(&[proven, proven, few, few, proven])), None);
        let trend = HitRateTrend::of(&hours(&[proven, few, proven, few, proven, proven])).unwrap();
        assert_eq!((trend.per_hour, trend.usual, trend.is_unusual), (0.0, 0.9, false));
        assert_eq!(HitRateTrend::of(&hours(&[proven, proven, proven, proven, few])), None);
        assert_eq!(HitRateTrend::of(&[]), None);
    }
}
