//! The total return of an asset: its change of price, with dividends.

use serde::{Deserialize, Serialize};

use super::DocumentDays;
use crate::{AdjustedClose, AdjustedCloses, Date, Dividends, DocumentBody, Invalid, Split, parse::sum};

/// What an asset returned from one day to another: the body of a document of
/// [`DataType::TotalReturn`](crate::DataType::TotalReturn). Returns are fractions: 0.1 is 10 %.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TotalReturn {
    /// The first of the days that has a close.
    pub from: Date,
    /// The last of the days that has a close.
    pub to: Date,
    /// By what share the close changed, as the source has it; `None` where it isn't known on one of the two days.
    pub price_return: Option<f64>,
    /// By what share the adjusted close changed: with dividends, each put back into the asset.
    pub total_return: f64,
    /// What was paid for one share after the first day, up to the last; `None` if dividends aren't known.
    pub dividends: Option<f64>,
    /// The currency of the dividends, as the source writes it.
    pub currency: Option<Box<str>>,
}

/// Returns what an asset returned within some days; `None` if fewer than two of them have a close. The dividends
/// are told beside the returns, which follow from the closes alone.
///
/// # Errors
///
/// If the closes or the dividends can't be true, or two closes are too far apart for a number.
///
/// ```
/// use market_data::{AdjustedClose, AdjustedCloses, Date, formulas::{DocumentDays, total_return}};
///
/// let day = |day, adjusted_close| AdjustedClose { date: Date::constant(2017, 9, day), close: None, adjusted_close };
/// let closes = AdjustedCloses { currency: None, closes: vec![day(1, 10.0), day(5, 11.0)] };
/// let told = total_return(&closes, None, DocumentDays::default())?.unwrap();
/// assert_eq!((told.total_return, told.price_return, told.dividends), (0.1, None, None));
/// # Ok::<(), market_data::Invalid>(())
/// ```
pub fn total_return(
    closes: &AdjustedCloses,
    dividends: Option<&Dividends>,
    days: DocumentDays,
) -> Result<Option<TotalReturn>, Invalid> {
    closes.check()?;
    dividends.map_or(Ok(()), Dividends::check)?;
    let mut within = closes.closes.iter().filter(|close| days.contains(close.date));
    let (Some(first), Some(last)) = (within.next(), within.next_back()) else { return Ok(None) };
    let change = |before: f64, after: f64| (after - before) / before;
    let paid = dividends.map(|told| {
        let after_first = |date: Date| first.date < date && date <= last.date;
        sum(told.dividends.iter().filter(|one| after_first(one.date)).map(|one| one.amount))
    });
    let splits = dividends.map_or(&[][..], |told| &told.splits);
    let unsplit =
        |(before, after): (f64, f64)| change(before / split_by(&closes.closes, splits, first, last), after);
    let told = TotalReturn {
        from: first.date,
        to: last.date,
        price_return: first.close.zip(last.close).map(unsplit),
        total_return: change(first.adjusted_close, last.adjusted_close),
        dividends: paid,
        currency: dividends.and_then(|told| told.currency.clone()).or_else(|| closes.currency.clone()),
    };
    told.check()?;
    Ok(Some(told))
}

/// Returns by how much a share was split between two closes, as far as the closes themselves don't know of it:
/// those of some sources are as they were, those of others adjusted for splits. Where they are as they were,
/// they jump by the ratio against the adjusted ones, which don't.
fn split_by(closes: &[AdjustedClose], splits: &[Split], first: &AdjustedClose, last: &AdjustedClose) -> f64 {
    let factor = |close: &AdjustedClose| close.close.map(|unadjusted| close.adjusted_close / unadjusted);
    let mut split_by = 1.0;
    for split in splits.iter().filter(|split| first.date < split.date && split.date <= last.date) {
        let at = closes.partition_point(|close| close.date < split.date);
        let before = at.checked_sub(1).and_then(|at| factor(&closes[at]));
        let jump = before.zip(closes.get(at).and_then(factor)).map_or(1.0, |(before, after)| after / before);
        if (jump / split.ratio).ln().abs() < jump.ln().abs() {
            split_by *= split.ratio;
        }
    }
    split_by
}

impl DocumentBody for TotalReturn {
    fn check(&self) -> Result<(), Invalid> {
        let Self { from, to, .. } = self;
        if from >= to {
            return Err(Invalid::new(format!("a return goes from {from} to {to}: the last day comes later")));
        }
        let numbers = [Some(self.total_return), self.price_return, self.dividends];
        match numbers.into_iter().flatten().find(|number| !number.is_finite()) {
            Some(number) => Err(Invalid::new(format!("a return from {from} to {to} is {number}, no number"))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::{ToSpan, civil::date};
    use proptest::prelude::*;

    use super::*;
    use crate::{AdjustedClose, Dividend, Document};

    const FIRST: Date = date(2020, 1, 1);

    fn day(at: usize) -> Date {
        FIRST.saturating_add((at as i64).days())
    }

    proptest! {
        /// Who puts each dividend back into the asset at the close of its day has the total return at the end.
        #[test]
        fn it_is_what_a_share_grew_to_with_its_dividends_put_back(
            prices in prop::collection::vec((1.0..100.0_f64, prop::option::of(0.01..1.0_f64)), 0..40),
            from in 0..40_usize, to in 0..40_usize,
        ) {
            // Adjusted backwards, as sources do: all before a dividend shrinks by what of the price was left.
            let mut factor = 1.0;
            let mut closes: Vec<AdjustedClose> = Vec::new();
            for (at, (close, paid)) in prices.iter().enumerate().rev() {
                closes.push(AdjustedClose { date: day(at), close: Some(*close), adjusted_close: close * factor });
                factor *= close / (close + paid.unwrap_or(0.0));
            }
            closes.reverse();
            let closes = AdjustedCloses { currency: Some("USD".into()), closes };
            let dividend = |(at, (_, paid)): (usize, &(f64, Option<f64>))| paid.map(|amount| Dividend { date: day(at), amount });
            let paid = Dividends { dividends: prices.iter().enumerate().filter_map(dividend).collect(), ..Dividends::default() };
            let (from, to) = (from.min(to), from.max(to));
            let days = DocumentDays { from: Some(day(from)), to: Some(day(to)) };
            let told = total_return(&closes, Some(&paid), days).unwrap();

            let last = to.min(prices.len().saturating_sub(1));
            prop_assert_eq!(told.is_some(), from < last);
            if let Some(told) = told {
                let after = &prices[from + 1..=last];
                let shares = after.iter().fold(1.0, |shares, (close, paid)| shares * (1.0 + paid.unwrap_or(0.0) / close));
                let grew = shares * prices[last].0 / prices[from].0 - 1.0;
                prop_assert!((told.total_return - grew).abs() < 1e-9 * (1.0 + grew.abs()), "{} is not {grew}", told.total_return);
                let sum: f64 = after.iter().filter_map(|(_, paid)| *paid).sum();
                prop_assert!((told.dividends.unwrap() - sum).abs() < 1e-9);
                prop_assert_eq!((told.from, told.to, told.currency.as_deref()), (day(from), day(last), Some("USD")));
            }
        }
    }

    #[test]
    fn a_dividend_of_the_first_day_was_in_no_return_and_one_of_the_last_day_was() {
        let close = |at, adjusted_close| AdjustedClose { date: day(at), close: None, adjusted_close };
        let closes =
            AdjustedCloses { currency: None, closes: vec![close(1, 1.0), close(2, 2.0), close(3, 3.0)] };
        let dividends = [0, 1, 2, 3, 4].map(|at| Dividend { date: day(at), amount: 1.0 }).into();
        let paid = Dividends { dividends, ..Dividends::default() };
        let told = total_return(&closes, Some(&paid), DocumentDays::default()).unwrap().unwrap();
        assert_eq!((told.dividends, told.total_return, told.price_return), (Some(2.0), 2.0, None));
        let document = Document::of("AAPL".parse().unwrap(), &told).unwrap();
        assert_eq!(
            document.body,
            serde_json::json!({
                "from": "2020-01-02", "to": "2020-01-04", "price_return": null, "total_return": 2.0,
                "dividends": 2.0, "currency": null,
            })
        );
        assert_eq!(document.read::<TotalReturn>().unwrap(), told);
    }

    #[test]
    fn a_split_is_no_loss_whether_or_not_the_closes_know_of_it() {
        // A share of 100 becomes two of 50 on the third day, then each gains 10 %.
        for closes in [[100.0, 100.0, 50.0, 55.0], [50.0, 50.0, 50.0, 55.0]] {
            let adjusted = [50.0, 50.0, 50.0, 55.0];
            let close = |at: usize| AdjustedClose {
                date: day(at),
                close: Some(closes[at]),
                adjusted_close: adjusted[at],
            };
            let told = AdjustedCloses { currency: None, closes: (0..4).map(close).collect() };
            let splits = [0, 2, 9].map(|at| Split { date: day(at), ratio: 2.0 }).into();
            let paid = Dividends { splits, ..Dividends::default() };
            let told = total_return(&told, Some(&paid), DocumentDays::default()).unwrap().unwrap();
            assert!((told.price_return.unwrap() - 0.1).abs() < 1e-12, "{told:?}");
            assert!((told.total_return - 0.1).abs() < 1e-12, "{told:?}");
            let text = serde_json::to_string(&told).unwrap();
            assert!(text.contains(r#""dividends":0.0"#), "nothing was paid: {text}");
        }
    }

    #[test]
    fn closes_that_can_not_be_true_give_no_return() {
        let close = |at, adjusted_close| AdjustedClose { date: day(at), close: None, adjusted_close };
        for closes in [
            [close(1, 0.0), close(2, 1.0)],
            [close(2, 1.0), close(1, 1.0)],
            [close(1, 1e-300), close(2, 1e300)],
        ] {
            let closes = AdjustedCloses { currency: None, closes: closes.into() };
            assert!(total_return(&closes, None, DocumentDays::default()).is_err());
        }
    }
}
