//! Dividends and splits of an asset.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::body::{DocumentBody, in_order, positive};
use crate::Invalid;

/// The dividends and splits of an asset, each list earliest first: the body of a document of
/// [`DataType::Dividend`](crate::DataType::Dividend).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Dividends {
    /// The currency of the amounts, as the source writes it: `USD`, or `GBp` for pence.
    #[serde(default)]
    pub currency: Option<Box<str>>,
    /// The dividends.
    pub dividends: Vec<Dividend>,
    /// The splits, if the source gives them.
    #[serde(default)]
    pub splits: Vec<Split>,
}

/// A dividend.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dividend {
    /// The first day on which the share traded without it.
    pub date: Date,
    /// What was paid for one share, as the source has it: many adjust it for later splits.
    pub amount: f64,
}

/// A split of shares.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Split {
    /// The first day on which the new shares traded.
    pub date: Date,
    /// How many shares one became: 4.0, or 0.1 where ten were merged into one.
    pub ratio: f64,
}

impl DocumentBody for Dividends {
    fn check(&self) -> Result<(), Invalid> {
        in_order("dividends", self.dividends.iter().map(|dividend| dividend.date))?;
        in_order("splits", self.splits.iter().map(|split| split.date))?;
        self.dividends.iter().try_for_each(|one| positive("the dividend", one.date, one.amount))?;
        self.splits.iter().try_for_each(|one| positive("the split", one.date, one.ratio))
    }
}
