//! Parses the body of `/v7/finance/quote`.

use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::error_body::{ErrorBody, Outcome};
use crate::parse::{LenientCount, LenientNumber, ParseError, RawQuote, quote_stamp};

/// One name of a body: its quote, `None` if it has no price, or what is wrong with it.
pub(super) type Said = (String, Result<Option<RawQuote>, ParseError>);

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, rename = "quoteResponse")]
    quotes: Option<Outcome<Vec<&'a RawValue>>>,
    finance: Option<Outcome<serde::de::IgnoredAny>>,
}

#[derive(Deserialize)]
struct Named {
    symbol: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    regular_market_price: Option<LenientNumber>,
    regular_market_previous_close: Option<LenientNumber>,
    regular_market_open: Option<LenientNumber>,
    regular_market_day_high: Option<LenientNumber>,
    regular_market_day_low: Option<LenientNumber>,
    regular_market_volume: Option<LenientCount>,
    regular_market_time: Option<f64>,
    exchange_timezone_name: Option<String>,
    currency: Option<String>,
    bid: Option<LenientNumber>,
    ask: Option<LenientNumber>,
}

/// Parses the body of `/v7/finance/quote`, name by name. A name that was asked for and isn't in it is unknown.
///
/// # Errors
///
/// If the body as a whole can't be parsed, or holds an error in place of quotes.
pub(super) fn read(body: &[u8]) -> Result<Vec<Said>, ParseError> {
    let body: Body<'_> =
        serde_json::from_slice(body).map_err(|error| ParseError::json("the quotes", &error))?;
    let error = |error: Option<ErrorBody>| {
        error.map_or_else(|| ParseError::new("the answer holds no quotes"), |error| error.parse_error())
    };
    let Some(quotes) = body.quotes else {
        return Err(error(body.finance.and_then(|finance| finance.error)));
    };
    let Some(items) = quotes.result else { return Err(error(quotes.error)) };
    items.into_iter().map(said).collect()
}

fn said(item: &RawValue) -> Result<Said, ParseError> {
    let Named { symbol } = serde_json::from_str(item.get())
        .map_err(|error| ParseError::json("a quote without a symbol", &error))?;
    let raw_quote = serde_json::from_str::<Item>(item.get())
        .map_err(|error| ParseError::json("a quote", &error))
        .and_then(Item::raw_quote);
    Ok((symbol, raw_quote))
}

impl Item {
    /// Returns the quote; `None` without a price, as for delisted names.
    fn raw_quote(self) -> Result<Option<RawQuote>, ParseError> {
        let Some(LenientNumber(price)) = self.regular_market_price else { return Ok(None) };
        let seconds = self.regular_market_time.ok_or_else(|| ParseError::new("a price without its time"))?;
        let time = quote_stamp(seconds);
        let zone = zone(self.exchange_timezone_name.as_deref().unwrap_or("UTC"))?;
        // Yahoo writes 0 for a figure that it doesn't know.
        let known =
            |number: Option<LenientNumber>| number.map(|number| number.0).filter(|number| *number != 0.0);
        Ok(Some(RawQuote {
            previous_close: known(self.regular_market_previous_close),
            open: known(self.regular_market_open),
            high: known(self.regular_market_day_high),
            low: known(self.regular_market_day_low),
            volume: self.regular_market_volume.map(|volume| volume.0),
            time: Some(time),
            currency: self.currency,
            bid: known(self.bid),
            ask: known(self.ask),
            ..RawQuote::new(price, time.to_zoned(zone).date())
        }))
    }
}

/// Returns the time zone of an exchange. (The offset beside it in the body is today's, and wrong for half
/// the year.)
pub(super) fn zone(name: &str) -> Result<TimeZone, ParseError> {
    TimeZone::get(name).map_err(|_| ParseError::text("no time zone is called", name))
}
