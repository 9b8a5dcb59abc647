//! Adjusted closes of an asset.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::document_body::{DocumentBody, in_order, positive};
use crate::{Bar, Invalid, Series};

/// Daily closes adjusted for splits and dividends, earliest first: the body of a document of
/// [`DataType::AdjustedClose`](crate::DataType::AdjustedClose).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AdjustedCloses {
    /// The currency of the prices, as the source writes it.
    #[serde(default)]
    pub currency: Option<Box<str>>,
    /// The closes.
    pub closes: Vec<AdjustedClose>,
}

/// The close of one day.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdjustedClose {
    /// The day, in the market's time zone.
    pub date: Date,
    /// The close as it was, or adjusted for splits alone, if the source gives it.
    #[serde(default)]
    pub close: Option<f64>,
    /// The close adjusted for splits and dividends.
    pub adjusted_close: f64,
}

impl AdjustedCloses {
    /// Returns the closes of daily bars that have an adjusted one. Left out are days whose price was not above 0, as
    /// futures' may be: there is no return on such a price.
    pub(crate) fn of(series: &Series, currency: Option<Box<str>>) -> Self {
        let close = |bar: &Bar| {
            let (close, adjusted_close) = (bar.close, bar.adjusted_close?);
            let sound = close > 0.0 && adjusted_close > 0.0;
            sound.then(|| AdjustedClose { date: bar.date(), close: Some(close), adjusted_close })
        };
        Self { currency, closes: series.bars.iter().filter_map(close).collect() }
    }
}

impl DocumentBody for AdjustedCloses {
    fn check(&self) -> Result<(), Invalid> {
        in_order("closes", self.closes.iter().map(|close| close.date))?;
        self.closes.iter().try_for_each(|one| {
            positive("the adjusted close", one.date, one.adjusted_close)?;
            one.close.map_or(Ok(()), |close| positive("the close", one.date, close))
        })
    }
}
