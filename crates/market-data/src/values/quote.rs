//! Quotes: the latest price of an asset, and the session it belongs to.

use std::sync::Arc;

use cache_core::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{Asset, Bar, values::version_hasher::VersionHasher};

/// The latest price of an asset and the figures of its session: prices in its currency, volume in shares or whole
/// units.
///
/// A figure that the source doesn't give is `None`, and `null` in JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quote {
    /// The asset, called `symbol` in JSON.
    #[serde(rename = "symbol")]
    pub asset: Asset,
    /// The latest price.
    pub price: f64,
    /// The last price of the session before.
    pub previous_close: Option<f64>,
    /// `price` less `previous_close`.
    pub change: Option<f64>,
    /// `change` in percent of `previous_close`.
    pub change_percent: Option<f64>,
    /// The session's first price.
    pub open: Option<f64>,
    /// The session's highest price so far.
    pub high: Option<f64>,
    /// The session's lowest price so far.
    pub low: Option<f64>,
    /// How many shares or units changed hands in the session.
    pub volume: Option<u64>,
    /// The session's day, in the market's time zone.
    #[serde(with = "crate::values::date")]
    pub as_of: Date,
    /// The moment of the price.
    #[serde(with = "crate::moment::option")]
    pub time: Option<Timestamp>,
    /// The currency of all prices here, as the source writes it: `USD`, or `GBp` for pence.
    pub currency: Option<Box<str>>,
    /// The best bid.
    pub bid: Option<f64>,
    /// The best ask.
    pub ask: Option<f64>,
    /// The name of the provider that gave it, once known.
    pub provider: Option<Arc<str>>,
}

impl Quote {
    /// A price and the day of its session; all else is `None`.
    ///
    /// ```
    /// use market_data::{Date, Quote};
    ///
    /// let quote = Quote::new("EUR_USD@FX".parse()?, 1.1, Date::constant(2020, 1, 2)).since(Some(1.0));
    /// assert_eq!((quote.change, quote.change_percent, quote.bid), (Some(0.1), Some(10.0), None));
    /// # Ok::<(), market_data::Invalid>(())
    /// ```
    #[must_use]
    pub fn new(asset: Asset, price: f64, as_of: Date) -> Self {
        Self {
            asset,
            price,
            previous_close: None,
            change: None,
            change_percent: None,
            open: None,
            high: None,
            low: None,
            volume: None,
            as_of,
            time: None,
            currency: None,
            bid: None,
            ask: None,
            provider: None,
        }
    }

    /// Sets the previous close, and the change since it.
    #[must_use]
    pub fn since(self, previous_close: Option<f64>) -> Self {
        let change = previous_close.map(|previous| round(self.price - previous, 6));
        let change_percent = previous_close
            .zip(change)
            .filter(|(previous, _)| *previous != 0.0)
            .map(|(previous, change)| round(100.0 * change / previous, 4));
        Self { previous_close, change, change_percent, ..self }
    }

    /// Makes the quote at the close of the last of `bars`, which are ordered by time; `None` without any.
    #[must_use]
    pub fn at_last(asset: Asset, bars: &[Bar]) -> Option<Self> {
        let (last, before) = bars.split_last()?;
        let quote = Self::new(asset, round(last.close, 6), last.date());
        Some(Self {
            open: Some(last.open),
            high: Some(last.high),
            low: Some(last.low),
            volume: last.volume,
            ..quote.since(before.last().map(|bar| round(bar.close, 6)))
        })
    }

    /// Returns a text that changes whenever the quote does, or its provider.
    #[must_use]
    pub fn version(&self) -> String {
        let numbers = [self.previous_close, self.open, self.high, self.low, self.bid, self.ask];
        let version = VersionHasher::default().date(self.as_of).number(self.price);
        let version = numbers.into_iter().fold(version, VersionHasher::maybe);
        let version = version.count(self.volume.map_or(0, |volume| volume.wrapping_add(1)));
        version
            .moment(self.time.unwrap_or(Timestamp::MIN))
            .text(self.currency.as_deref().unwrap_or_default())
            .text(self.provider.as_deref().unwrap_or_default())
            .finish()
    }
}

/// Rounds to so many decimals: prices have six, and so a difference of two has no more.
fn round(number: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (number * scale).round() / scale
}

#[cfg(test)]
mod tests {
    use cache_core::{Blob, Codec};
    use jiff::civil::date;

    use super::*;
    use crate::BarTime;

    fn asset() -> Asset {
        "AAPL".parse().unwrap()
    }

    fn bar(day: i8, close: f64) -> Bar {
        Bar {
            time: BarTime::Day(date(2017, 9, day)),
            open: 1.0,
            high: 2.0,
            low: 0.5,
            close,
            adjusted_close: Some(close),
            volume: Some(7),
        }
    }

    #[test]
    fn a_quote_is_the_last_bar_against_the_one_before() {
        let quote = Quote::at_last(asset(), &[bar(1, 9.0), bar(4, 4.1), bar(5, 4.3)]).unwrap();
        assert_eq!((quote.price, quote.previous_close, quote.change), (4.3, Some(4.1), Some(0.2)));
        assert_eq!((quote.change_percent, quote.as_of), (Some(4.878), date(2017, 9, 5)));
    }

    #[test]
    fn a_first_bar_has_nothing_to_change_from() {
        let quote = Quote::at_last(asset(), &[bar(1, 9.0)]).unwrap();
        assert_eq!((quote.price, quote.previous_close, quote.change_percent), (9.0, None, None));
        assert_eq!(Quote::at_last(asset(), &[]), None);
    }

    #[test]
    fn a_version_follows_the_data() {
        let first = Quote::at_last(asset(), &[bar(1, 9.0)]).unwrap();
        assert_eq!(first.version(), first.clone().version());
        for other in [
            Quote { price: 9.000001, ..first.clone() },
            Quote { bid: Some(9.0), ..first.clone() },
            Quote { ask: Some(9.0), ..first.clone() },
            Quote { volume: None, ..first.clone() },
            Quote { time: Some(Timestamp::from_micros(0)), ..first.clone() },
            Quote { currency: Some("USD".into()), ..first.clone() },
            Quote { provider: Some("replay".into()), ..first.clone() },
        ] {
            assert_ne!(other.version(), first.version(), "{other:?}");
        }
    }

    #[test]
    fn a_quote_survives_both_codecs_and_is_known_by_its_symbol_in_json() {
        let quote = Quote {
            time: Some(Timestamp::from_micros(1_577_975_400_000_000)),
            currency: Some("USD".into()),
            provider: Some("replay".into()),
            ..Quote::at_last("BTC@CRYPTO".parse().unwrap(), &[bar(1, 9.0)]).unwrap()
        };
        for codec in [Codec::Bincode, Codec::Json] {
            let blob = Blob::encode(codec, 1, &quote).unwrap();
            assert_eq!(blob.decode::<Quote>(1).unwrap(), quote);
        }
        let text = serde_json::to_string(&quote).unwrap();
        for part in [r#""symbol":"BTC@CRYPTO""#, r#""time":"2020-01-02T14:30:00Z""#, r#""bid":null"#] {
            assert!(text.contains(part), "{text}");
        }
    }
}
