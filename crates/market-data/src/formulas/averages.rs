//! Moving averages and what is made of them, over plain numbers.
//!
//! They are written here because no kept library has both their first values and their sums right: ADR 0044 has
//! the figures, of the published example that is among the tests.
//!
//! Each function returns values for the last of its inputs, one for each at which the whole period is known: none
//! for inputs that are too few.

/// Simple moving averages: the first is of the first `period` values.
///
/// Each sum is made of what is in its window, so that nothing that has left it leaves a rounding error behind.
pub(super) fn sma(values: &[f64], period: usize) -> Vec<f64> {
    let Some(windows) = (values.len() + 1).checked_sub(period) else { return Vec::new() };
    // A window ends one block of `period` values and begins the next: its sum is that of an end and a beginning.
    let (mut ends, mut beginnings) = (values.to_vec(), values.to_vec());
    for block in ends.chunks_mut(period) {
        for at in (1..block.len()).rev() {
            block[at - 1] += block[at];
        }
    }
    for block in beginnings.chunks_mut(period) {
        for at in 1..block.len() {
            block[at] += block[at - 1];
        }
    }
    let sum = |at: usize| match at % period {
        0 => ends[at],
        _ => ends[at] + beginnings[at + period - 1],
    };
    (0..windows).map(|at| sum(at) / period as f64).collect()
}

/// Exponential moving averages with a weight of 2 / (period + 1): the first is the simple one of the first
/// `period` values.
pub(super) fn ema(values: &[f64], period: usize) -> Vec<f64> {
    smoothed(values, period, 2.0 / (period as f64 + 1.0))
}

/// Relative strength indices by Wilder's smoothing, of 0 to 100: the first is of the first `period` changes, thus
/// at the value after the first `period`. Where nothing has changed, gains and losses are even: 50.
pub(super) fn rsi(values: &[f64], period: usize) -> Vec<f64> {
    let changes = || values.windows(2).map(|pair| pair[1] - pair[0]);
    let weight = 1.0 / period as f64;
    let gains = smoothed(&changes().map(|change| change.max(0.0)).collect::<Vec<_>>(), period, weight);
    let losses = smoothed(&changes().map(|change| (-change).max(0.0)).collect::<Vec<_>>(), period, weight);
    let index = |(gain, loss): (f64, f64)| match gain + loss {
        0.0 => 50.0,
        both => 100.0 * (gain / both),
    };
    gains.into_iter().zip(losses).map(index).collect()
}

/// The MACD line, its signal and their difference: the first at the first value for which all three are known.
pub(super) fn macd(values: &[f64], fast: usize, slow: usize, signal: usize) -> Vec<[f64; 3]> {
    let (quick, sluggish) = (ema(values, fast), ema(values, slow));
    let later = quick.len().saturating_sub(sluggish.len());
    let line: Vec<f64> = quick[later..].iter().zip(&sluggish).map(|(quick, slow)| quick - slow).collect();
    let signals = ema(&line, signal);
    let later = line.len() - signals.len();
    line[later..].iter().zip(&signals).map(|(line, signal)| [*line, *signal, line - signal]).collect()
}

/// Averages that move towards each value by a share of the distance.
fn smoothed(values: &[f64], period: usize, weight: f64) -> Vec<f64> {
    let Some(first) = values.get(..period).map(|first| sma(first, period)[0]) else { return Vec::new() };
    let mut average = first;
    let later = values[period..].iter().map(|value| {
        average += weight * (value - average);
        average
    });
    std::iter::once(first).chain(later).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// ChartSchool of StockCharts: closes, and their RSI of 14 periods.
    /// <https://chartschool.stockcharts.com/table-of-contents/technical-indicators-and-overlays/technical-indicators/relative-strength-index-rsi>
    const RSI_CLOSES: [f64; 33] = [
        44.3389, 44.0902, 44.1497, 43.6124, 44.3278, 44.8264, 45.0955, 45.4245, 45.8433, 46.0826, 45.8931,
        46.0328, 45.6140, 46.2820, 46.2820, 46.0028, 46.0328, 46.4116, 46.2222, 45.6439, 46.2122, 46.2521,
        45.7137, 46.4515, 45.7835, 45.3548, 44.0288, 44.1783, 44.2181, 44.5672, 43.4205, 42.6628, 43.1314,
    ];
    const RSI_14: [f64; 19] = [
        70.53, 66.32, 66.55, 69.41, 66.36, 57.97, 62.93, 63.26, 56.06, 62.38, 54.71, 50.42, 39.99, 41.46,
        41.87, 45.46, 37.30, 33.08, 37.77,
    ];
    /// The same source on moving averages: closes, and their simple and exponential averages of 10 periods.
    const CLOSES: [f64; 30] = [
        22.2734, 22.1940, 22.0847, 22.1741, 22.1840, 22.1344, 22.2337, 22.4323, 22.2436, 22.2933, 22.1542,
        22.3926, 22.3816, 22.6109, 23.3558, 24.0519, 23.7530, 23.8324, 23.9516, 23.6338, 23.8225, 23.8722,
        23.6537, 23.1870, 23.0976, 23.3260, 22.6805, 23.0976, 22.4025, 22.1725,
    ];
    const SMA_10: [f64; 21] = [
        22.22, 22.21, 22.23, 22.26, 22.31, 22.42, 22.61, 22.77, 22.91, 23.08, 23.21, 23.38, 23.53, 23.65,
        23.71, 23.69, 23.61, 23.51, 23.43, 23.28, 23.13,
    ];
    const EMA_10: [f64; 21] = [
        22.22, 22.21, 22.24, 22.27, 22.33, 22.52, 22.80, 22.97, 23.13, 23.28, 23.34, 23.43, 23.51, 23.54,
        23.47, 23.40, 23.39, 23.26, 23.23, 23.08, 22.92,
    ];

    fn near(told: &[f64], expected: &[f64], slack: f64) -> bool {
        told.len() == expected.len()
            && told.iter().zip(expected).all(|(told, expected)| (told - expected).abs() <= slack)
    }

    #[test]
    fn published_examples_come_out_as_they_were_published() {
        assert!(near(&sma(&CLOSES, 10), &SMA_10, 0.0051), "{:?}", sma(&CLOSES, 10));
        assert!(near(&ema(&CLOSES, 10), &EMA_10, 0.0051), "{:?}", ema(&CLOSES, 10));
        assert!(near(&rsi(&RSI_CLOSES, 14), &RSI_14, 0.0051), "{:?}", rsi(&RSI_CLOSES, 14));
    }

    #[test]
    fn what_has_left_the_window_leaves_nothing_behind() {
        let prices: Vec<f64> = std::iter::once(1e15).chain([0.1; 40]).collect();
        assert!(near(&sma(&prices, 3)[1..], &[0.1; 38], 1e-12));
    }

    /// Written down from the definitions, each value from its whole window or from the beginning.
    mod naive {
        pub(super) fn mean(values: &[f64]) -> f64 {
            values.iter().sum::<f64>() / values.len() as f64
        }

        /// The average up to the last value, by the weights of all values.
        pub(super) fn smoothed(values: &[f64], period: usize, weight: f64) -> f64 {
            let rest = &values[period..];
            let kept = 1.0 - weight;
            let begin = mean(&values[..period]) * kept.powi(rest.len() as i32);
            let newest_first = rest.iter().rev().enumerate();
            begin + newest_first.map(|(age, value)| weight * kept.powi(age as i32) * value).sum::<f64>()
        }
    }

    proptest! {
        #[test]
        fn averages_are_those_of_their_definition(
            prices in prop::collection::vec(0.01..1e6_f64, 0..60), period in 1..25_usize,
        ) {
            let firsts = |first: usize| (first..=prices.len()).map(|end| &prices[..end]);
            let means: Vec<f64> = prices.windows(period).map(naive::mean).collect();
            prop_assert!(near(&sma(&prices, period), &means, 1e-6));
            let weight = 2.0 / (period as f64 + 1.0);
            let smooth: Vec<f64> = firsts(period).map(|all| naive::smoothed(all, period, weight)).collect();
            prop_assert!(near(&ema(&prices, period), &smooth, 1e-6));
            let index = |all: &[f64]| {
                let side = |sign: f64| {
                    let moved = all.windows(2).map(|pair| (sign * (pair[1] - pair[0])).max(0.0));
                    naive::smoothed(&moved.collect::<Vec<_>>(), period, 1.0 / period as f64)
                };
                100.0 - 100.0 / (1.0 + side(1.0) / side(-1.0))
            };
            let indices: Vec<f64> = firsts(period + 1).map(index).collect();
            prop_assert!(near(&rsi(&prices, period), &indices, 1e-5));
        }

        #[test]
        fn macd_is_the_difference_of_two_averages_and_its_signal_their_average(
            prices in prop::collection::vec(0.01..1e6_f64, 0..80),
            fast in 1..12_usize, more in 1..12_usize, signal in 1..12_usize,
        ) {
            let slow = fast + more;
            let smooth = |all: &[f64], period| naive::smoothed(all, period, 2.0 / (period as f64 + 1.0));
            let line: Vec<f64> = (slow..=prices.len())
                .map(|end| smooth(&prices[..end], fast) - smooth(&prices[..end], slow))
                .collect();
            let told = macd(&prices, fast, slow, signal);
            let ends = signal..=line.len();
            let expected: Vec<[f64; 2]> =
                ends.map(|end| [line[end - 1], smooth(&line[..end], signal)]).collect();
            prop_assert_eq!(told.len(), expected.len());
            for ([line, signal, histogram], expected) in told.into_iter().zip(expected) {
                prop_assert!(near(&[line, signal], &expected, 1e-5) && histogram == line - signal);
            }
        }

        #[test]
        fn a_price_that_stays_is_its_own_average_and_neither_strong_nor_weak(
            price in 0.01..1e9_f64, count in 0..80_usize, period in 1..30_usize,
        ) {
            let prices = vec![price; count];
            let slack = 1e-9 * price;
            let known = (count + 1).saturating_sub(period);
            prop_assert!(near(&sma(&prices, period), &vec![price; known], slack));
            prop_assert!(near(&ema(&prices, period), &vec![price; known], slack));
            prop_assert_eq!(rsi(&prices, period), vec![50.0; count.saturating_sub(period)]);
        }

        #[test]
        fn an_index_stays_within_its_bounds_and_too_few_prices_give_none(
            prices in prop::collection::vec(1e-300..1e300_f64, 0..40), period in 1..40_usize,
        ) {
            let indices = rsi(&prices, period);
            prop_assert_eq!(indices.len(), prices.len().saturating_sub(period));
            prop_assert!(indices.iter().all(|index| (0.0..=100.0).contains(index)));
        }
    }
}
