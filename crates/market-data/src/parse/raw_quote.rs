//! Quotes as parsed, before they are checked and matched to an asset.

use jiff::{Timestamp, civil::Date};

/// A quote as parsed: prices in `currency`, as the upstream gives them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RawQuote {
    pub(crate) price: f64,
    pub(crate) previous_close: Option<f64>,
    pub(crate) open: Option<f64>,
    pub(crate) high: Option<f64>,
    pub(crate) low: Option<f64>,
    pub(crate) volume: Option<u64>,
    /// The session's day, in the exchange's time zone.
    pub(crate) as_of: Date,
    pub(crate) time: Option<Timestamp>,
    pub(crate) currency: Option<String>,
    pub(crate) bid: Option<f64>,
    pub(crate) ask: Option<f64>,
}

impl RawQuote {
    /// A price and its day; all else is `None`.
    pub(crate) fn new(price: f64, as_of: Date) -> Self {
        Self {
            price,
            previous_close: None,
            open: None,
            high: None,
            low: None,
            volume: None,
            as_of,
            time: None,
            currency: None,
            bid: None,
            ask: None,
        }
    }
}
