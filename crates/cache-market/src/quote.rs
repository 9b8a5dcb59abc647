//! A price, and the day it belongs to.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{Bar, Symbol, version::Version};

/// What an instrument costs, and how its day went: prices in its currency, volume in shares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quote {
    /// Whose price.
    pub symbol: Symbol,
    /// The latest price.
    pub price: f64,
    /// The last price of the session before, if one is known.
    pub previous_close: Option<f64>,
    /// `price` less `previous_close`.
    pub change: Option<f64>,
    /// `change` in percent of `previous_close`.
    pub change_percent: Option<f64>,
    /// The session's first price.
    pub open: f64,
    /// The session's highest price so far.
    pub high: f64,
    /// The session's lowest price so far.
    pub low: f64,
    /// How many shares changed hands in the session.
    pub volume: u64,
    /// The session's day, in the exchange's time zone.
    #[serde(with = "crate::date")]
    pub as_of: Date,
}

impl Quote {
    /// The quote at the close of the last of `bars`, which are ordered by date; `None` without any.
    #[must_use]
    pub fn at_last(symbol: Symbol, bars: &[Bar]) -> Option<Self> {
        let (last, before) = bars.split_last()?;
        let price = round(last.close, 6);
        let previous_close = before.last().map(|bar| round(bar.close, 6));
        let change = previous_close.map(|previous| round(price - previous, 6));
        let change_percent = previous_close
            .zip(change)
            .filter(|(previous, _)| *previous != 0.0)
            .map(|(previous, change)| round(100.0 * change / previous, 4));
        Some(Self {
            symbol,
            price,
            previous_close,
            change,
            change_percent,
            open: last.open,
            high: last.high,
            low: last.low,
            volume: last.volume,
            as_of: last.date,
        })
    }

    /// A text that changes whenever the quote does.
    #[must_use]
    pub fn version(&self) -> String {
        let previous = self.previous_close.unwrap_or(f64::NAN);
        [self.price, previous, self.open, self.high, self.low]
            .into_iter()
            .fold(Version::default().date(self.as_of).count(self.volume), Version::number)
            .finish()
    }
}

/// Prices are recorded with six digits; a difference of two has no more.
fn round(number: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (number * scale).round() / scale
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn bar(day: i8, close: f64) -> Bar {
        Bar {
            date: date(2017, 9, day),
            open: 1.0,
            high: 2.0,
            low: 0.5,
            close,
            adjusted_close: close,
            volume: 7,
        }
    }

    #[test]
    fn a_quote_is_the_last_bar_against_the_one_before() {
        let quote =
            Quote::at_last("AAPL".parse().unwrap(), &[bar(1, 9.0), bar(4, 4.1), bar(5, 4.3)]).unwrap();
        assert_eq!((quote.price, quote.previous_close, quote.change), (4.3, Some(4.1), Some(0.2)));
        assert_eq!((quote.change_percent, quote.as_of), (Some(4.878), date(2017, 9, 5)));
    }

    #[test]
    fn a_first_bar_has_nothing_to_change_from() {
        let quote = Quote::at_last("AAPL".parse().unwrap(), &[bar(1, 9.0)]).unwrap();
        assert_eq!((quote.price, quote.previous_close, quote.change_percent), (9.0, None, None));
        assert_eq!(Quote::at_last("AAPL".parse().unwrap(), &[]), None);
    }

    #[test]
    fn a_version_follows_the_data() {
        let quote = |close| Quote::at_last("AAPL".parse().unwrap(), &[bar(1, close)]).unwrap();
        assert_eq!(quote(9.0).version(), quote(9.0).version());
        assert_ne!(quote(9.0).version(), quote(9.000001).version());
    }
}
