//! Parses the bodies of `GLOBAL_QUOTE` and `CURRENCY_EXCHANGE_RATE`.

use jiff::{
    civil::{Date, DateTime},
    tz::TimeZone,
};

use super::body::{Body, Nothing, Texts};
use crate::parse::{LenientCount, LenientNumber, ParseError, RawQuote};

/// Parses the body of `GLOBAL_QUOTE`: its symbol and quote; `None` for an unknown symbol.
///
/// # Errors
///
/// If it is a refusal, or can't be parsed.
pub(super) fn read_quote(body: &[u8]) -> Result<Option<(String, RawQuote)>, Nothing> {
    let body = Body::read(body)?;
    let (_, quote) = body.section::<Texts>("Global Quote")?;
    if quote.is_empty() {
        return Ok(None);
    }
    let name = quote.get("symbol")?.to_owned();
    let raw_quote = RawQuote {
        previous_close: Some(price(&quote, "previous close")?),
        open: Some(price(&quote, "open")?),
        high: Some(price(&quote, "high")?),
        low: Some(price(&quote, "low")?),
        volume: Some(count(&quote, "volume")?),
        ..RawQuote::new(price(&quote, "price")?, day(quote.get("latest trading day")?)?)
    };
    Ok(Some((name, raw_quote)))
}

/// Parses the body of `CURRENCY_EXCHANGE_RATE`: `BTC`, `CNY`, and the rate between them.
///
/// # Errors
///
/// If it is a refusal, or can't be parsed.
pub(super) fn read_rate(body: &[u8]) -> Result<(String, String, RawQuote), Nothing> {
    let body = Body::read(body)?;
    let (_, rate) = body.section::<Texts>("Realtime Currency Exchange Rate")?;
    let (from, to) = (rate.get("From_Currency Code")?, rate.get("To_Currency Code")?);
    let zone = zone(rate.get("Time Zone")?)?;
    let refreshed = moment(rate.get("Last Refreshed")?)?;
    let offer = |name| rate.get(name).ok().and_then(LenientNumber::read).map(|figure| figure.0);
    let raw_quote = RawQuote {
        time: zone.to_zoned(refreshed).ok().map(|zoned| zoned.timestamp()),
        currency: Some(to.to_owned()),
        bid: offer("Bid Price"),
        ask: offer("Ask Price"),
        ..RawQuote::new(price(&rate, "Exchange Rate")?, refreshed.date())
    };
    Ok((from.to_owned(), to.to_owned(), raw_quote))
}

/// Returns the time zone that is called `name`.
///
/// # Errors
///
/// If there is none.
pub(super) fn zone(name: &str) -> Result<TimeZone, ParseError> {
    TimeZone::get(name).map_err(|_| ParseError::text("no time zone is called", name))
}

/// Reads a day, or a day and a time of it: `2017-12-20`, `2017-12-20 14:00`, `2017-12-20 14:00:00`.
///
/// # Errors
///
/// If it is neither.
pub(super) fn moment(text: &str) -> Result<DateTime, ParseError> {
    match text.len() {
        10 => day(text).map(|day| day.at(0, 0, 0, 0)),
        _ => text.parse().map_err(|_| ParseError::text("is no day and time", text)),
    }
}

fn day(text: &str) -> Result<Date, ParseError> {
    text.parse().map_err(|_| ParseError::text("is no day", text))
}

fn price(texts: &Texts, name: &str) -> Result<f64, ParseError> {
    let text = texts.get(name)?;
    LenientNumber::read(text)
        .map(|figure| figure.0)
        .ok_or_else(|| ParseError::text(&format!("the {name} is no number"), text))
}

fn count(texts: &Texts, name: &str) -> Result<u64, ParseError> {
    let text = texts.get(name)?;
    LenientCount::read(text)
        .map(|count| count.0)
        .ok_or_else(|| ParseError::text(&format!("the {name} is no count"), text))
}
