//! Adjusted closes of an asset.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::body::{DocumentBody, in_order, positive};
use crate::Invalid;

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

impl DocumentBody for AdjustedCloses {
    fn check(&self) -> Result<(), Invalid> {
        in_order("closes", self.closes.iter().map(|close| close.date))?;
        self.closes.iter().try_for_each(|one| {
            positive("the adjusted close", one.date, one.adjusted_close)?;
            one.close.map_or(Ok(()), |close| positive("the close", one.date, close))
        })
    }
}
