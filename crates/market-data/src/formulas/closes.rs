//! Adjusted closes, taken out of bars.

use super::DocumentDays;
use crate::{AdjustedClose, AdjustedCloses, Series};

/// Returns the adjusted closes of some days, from bars of a day and longer; bars without one are left out, and so
/// are closes that aren't above 0.
///
/// ```
/// use market_data::{Bar, BarTime, Date, Interval, Series, formulas::{DocumentDays, adjusted_closes}};
///
/// let time = BarTime::Day(Date::constant(2017, 9, 1));
/// let bar = Bar { time, open: 4.0, high: 4.0, low: 4.0, close: 4.0, adjusted_close: Some(3.0), volume: None };
/// let closes = adjusted_closes(&Series::new("AAPL".parse()?, Interval::Day, vec![bar]), DocumentDays::default());
/// assert_eq!((closes.closes[0].close, closes.closes[0].adjusted_close), (Some(4.0), 3.0));
/// # Ok::<(), market_data::Invalid>(())
/// ```
#[must_use]
pub fn adjusted_closes(series: &Series, days: DocumentDays) -> AdjustedCloses {
    let can_be = |price: &f64| *price > 0.0 && price.is_finite();
    let closes = series.between(days.from, days.to).iter().filter_map(|bar| {
        let adjusted_close = bar.adjusted_close.filter(can_be)?;
        let close = Some(bar.close).filter(can_be);
        (!series.interval.is_intraday()).then(|| AdjustedClose { date: bar.date(), close, adjusted_close })
    });
    AdjustedCloses { currency: None, closes: closes.collect() }
}
