//! Whether final bars that were asked for again show a split or a dividend.

use market_data::Bar;

/// By how much numbers may differ that a factor has changed: prices are rounded before and after.
const ROUNDED: f64 = 0.01;
/// By how much they may differ in relation to their size.
const ROUNDED_SHARE: f64 = 1e-3;
/// Up to this share two numbers are the same.
const SAME: f64 = 1e-9;

/// Whether bars that were final, asked for again, differ by one factor in their prices, or in their adjusted
/// closes: then a split or a dividend has changed all bars before it too.
pub(crate) fn has_changed(before: &[Bar], again: &[Bar]) -> bool {
    before.iter().any(|bar| {
        let same = again.binary_search_by(|other| other.time.cmp(&bar.time));
        same.is_ok_and(|at| differs_by_a_factor(bar, &again[at]))
    })
}

fn differs_by_a_factor(before: &Bar, after: &Bar) -> bool {
    if let (Some(before), Some(after)) = (before.adjusted_close, after.adjusted_close)
        && !is_same(before, after)
    {
        return true;
    }
    let prices = |bar: &Bar| [bar.open, bar.high, bar.low, bar.close];
    let pairs = prices(before).into_iter().zip(prices(after));
    let factor = after.high / before.high;
    factor.is_finite()
        && pairs.clone().all(|(before, after)| !is_same(before, after))
        && pairs.clone().all(|(before, after)| {
            (after - before * factor).abs() <= ROUNDED.max(ROUNDED_SHARE * after.abs())
        })
}

fn is_same(one: f64, other: f64) -> bool {
    (one - other).abs() <= SAME * one.abs().max(other.abs())
}

#[cfg(test)]
mod tests {
    use market_data::{BarTime, Date};

    use super::*;

    fn bar(prices: [f64; 4], adjusted_close: Option<f64>) -> Bar {
        let [open, high, low, close] = prices;
        let time = BarTime::Day(Date::constant(2020, 8, 28));
        Bar { time, open, high, low, close, adjusted_close, volume: Some(7) }
    }

    #[test]
    fn one_factor_in_all_prices_or_another_adjusted_close_is_a_change_and_a_correction_is_none() {
        let before = bar([504.05, 505.77, 498.31, 499.23], Some(497.0));
        for (after, changed) in [
            (before, false),
            (Bar { volume: Some(8), ..before }, false),
            (Bar { close: 499.24, ..before }, false),
            (Bar { high: 506.0, close: 501.0, ..before }, false),
            (bar([126.01, 126.44, 124.58, 124.81], Some(124.25)), true),
            (bar([126.01, 126.44, 124.58, 124.81], None), true),
            (Bar { adjusted_close: Some(496.2), ..before }, true),
        ] {
            assert_eq!(has_changed(&[before], &[after]), changed, "{after:?}");
        }
        assert!(!has_changed(&[before], &[]));
    }
}
