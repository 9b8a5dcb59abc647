//! Parses the body of `/v3/accounts/{id}/pricing`, instrument by instrument.

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::parse::{LenientNumber, ParseError, RawQuote};

/// One instrument of a body: its name, and its price or what is wrong with it.
pub(super) type Said = (String, Result<Option<RawQuote>, ParseError>);

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    prices: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Named {
    instrument: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Price {
    time: Timestamp,
    #[serde(default)]
    bids: Vec<Bucket>,
    #[serde(default)]
    asks: Vec<Bucket>,
    closeout_bid: Option<LenientNumber>,
    closeout_ask: Option<LenientNumber>,
}

#[derive(Deserialize)]
struct Bucket {
    price: LenientNumber,
}

/// Parses a body, instrument by instrument.
///
/// # Errors
///
/// If the body as a whole can't be parsed.
pub(super) fn read(body: &[u8]) -> Result<Vec<Said>, ParseError> {
    let body: Body<'_> =
        serde_json::from_slice(body).map_err(|error| ParseError::json("the prices", &error))?;
    body.prices.into_iter().map(said).collect()
}

fn said(price: &RawValue) -> Result<Said, ParseError> {
    let Named { instrument } = serde_json::from_str(price.get())
        .map_err(|error| ParseError::json("a price without an instrument", &error))?;
    let raw_quote = serde_json::from_str::<Price>(price.get())
        .map_err(|error| ParseError::json("a price", &error))
        .and_then(|price| price.raw_quote(&instrument));
    Ok((instrument, raw_quote))
}

impl Price {
    /// Returns the middle between the best bid and the best ask; between the closeout prices, if there are none.
    fn raw_quote(self, instrument: &str) -> Result<Option<RawQuote>, ParseError> {
        let best =
            |buckets: &[Bucket], or: Option<LenientNumber>| buckets.first().map(|best| best.price).or(or);
        let bid = best(&self.bids, self.closeout_bid).map(|number| number.0);
        let ask = best(&self.asks, self.closeout_ask).map(|number| number.0);
        let (Some(low), Some(high)) = (bid, ask) else { return Ok(None) };
        if low > high {
            return Err(ParseError::new(format!("a bid of {low} above the ask of {high}")));
        }
        Ok(Some(RawQuote {
            time: Some(self.time),
            currency: instrument.split(['_', '/']).nth(1).map(str::to_owned),
            bid,
            ask,
            ..RawQuote::new(middle(low, high), trading_day(self.time)?)
        }))
    }
}

/// Prices have at most six decimals: their middle has no more than seven.
fn middle(low: f64, high: f64) -> f64 {
    ((low / 2.0 + high / 2.0) * 1e7).round() / 1e7
}

/// Returns the trading day of a moment: it begins at 17:00 in New York on the day before.
///
/// # Errors
///
/// At the ends of time.
pub(super) fn trading_day(at: Timestamp) -> Result<Date, ParseError> {
    let zone = TimeZone::get("America/New_York")
        .map_err(|_| ParseError::new("the zone of New York is not known"))?;
    // In local time: seven hours by the clock, also on days of 23 or 25 hours.
    let local = at.to_zoned(zone).datetime().checked_add(7.hours());
    local
        .map(|local| local.date())
        .map_err(|_| ParseError::new(format!("a price at {at}, past the last day")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trading_day_begins_at_five_in_the_afternoon_in_new_york() {
        for (at, day) in [
            ("2016-10-16T21:00:00Z", "2016-10-17"),
            ("2016-10-17T20:59:59Z", "2016-10-17"),
            ("2016-10-17T21:00:00Z", "2016-10-18"),
            ("2016-12-18T21:59:59Z", "2016-12-18"),
            ("2016-12-18T22:00:00Z", "2016-12-19"),
            ("2016-03-13T21:00:00Z", "2016-03-14"),
        ] {
            assert_eq!(trading_day(at.parse().unwrap()).unwrap().to_string(), day, "{at}");
        }
    }

    #[test]
    fn one_price_that_cannot_be_believed_is_the_failure_of_its_instrument_alone() {
        let body = br#"{"prices":[
            {"instrument":"EUR_USD","time":"2016-10-05T05:28:16.7Z","bids":[{"price":"1.5"}],"asks":[{"price":"1.7"}]},
            {"instrument":"EUR_JPY","time":"2016-10-05T05:28:16.7Z","bids":[{"price":"1e999"}],"asks":[{"price":"2"}]},
            {"instrument":"EUR_CHF","time":"never","bids":[],"asks":[]},
            {"instrument":"EUR_GBP","time":"2016-10-05T05:28:16.7Z","bids":[{"price":"2"}],"asks":[{"price":"1"}]},
            {"instrument":"EUR_NOK","time":"2016-10-05T05:28:16.7Z"}]}"#;
        let said = read(body).unwrap();
        assert_eq!(said[0].1.as_ref().unwrap().as_ref().unwrap().price, 1.6);
        assert!(said[1..4].iter().all(|(_, raw_quote)| raw_quote.is_err()), "{said:?}");
        assert_eq!(said[4], ("EUR_NOK".into(), Ok(None)));
    }
}
