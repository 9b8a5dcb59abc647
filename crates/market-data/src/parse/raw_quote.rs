//! Quotes as parsed, before they are checked and matched to an asset.

use jiff::{Timestamp, civil::Date};

use crate::{Asset, AssetType, Quote, moment::from_jiff, parse::ParseError};

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

    /// Returns the quote of `asset` with these figures.
    ///
    /// # Errors
    ///
    /// If one of its prices can't be a price of such an asset.
    pub(crate) fn quote(self, asset: Asset) -> Result<Quote, ParseError> {
        let told = [self.previous_close, self.open, self.high, self.low, self.bid, self.ask];
        for price in told.into_iter().flatten().chain([self.price]) {
            check(price, asset.asset_type)?;
        }
        let quote = Quote::new(asset, self.price, self.as_of).since(self.previous_close);
        Ok(Quote {
            open: self.open,
            high: self.high,
            low: self.low,
            volume: self.volume,
            time: self.time.map(from_jiff),
            currency: self.currency.map(|currency| currency.chars().take(8).collect::<String>().into()),
            bid: self.bid,
            ask: self.ask,
            ..quote
        })
    }
}

/// Checks that a price is plausible for its type of asset.
///
/// # Errors
///
/// If it is not finite, larger than any price has been, or below zero for an asset other than a future
/// (oil's was, in April 2020) or an index (as of yields).
pub(crate) fn check(price: f64, asset_type: AssetType) -> Result<(), ParseError> {
    if !price.is_finite() || price.abs() > MAX_PRICE {
        return Err(ParseError::new(format!("{price} is no price")));
    }
    match asset_type {
        AssetType::Future | AssetType::Index => Ok(()),
        _ if price < 0.0 => {
            Err(ParseError::new(format!("the price of a {asset_type} is {price}, below zero")))
        }
        _ => Ok(()),
    }
}

/// The largest plausible price: beyond it no decimals are left.
const MAX_PRICE: f64 = 1e15;
