//! Parses the bodies of a JSON API by the pointers of its description.

use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;

use super::{
    config::{JsonQuotes, JsonSeries},
    items::{Items, SplitItems},
    pointer::{Pointer, Told},
    setup::Setup,
};
use crate::{
    BarTime, Series, SeriesId,
    parse::{ParseError, Plausibility, RawBar, RawQuote, bar_stamp, moment, quote_stamp},
};

/// The pointers of a quote.
#[derive(Debug)]
pub(super) struct QuoteFields {
    items: Items,
    price: Pointer,
    previous_close: Option<Pointer>,
    open: Option<Pointer>,
    high: Option<Pointer>,
    low: Option<Pointer>,
    volume: Option<Pointer>,
    time: Option<Pointer>,
    currency: Option<Pointer>,
    bid: Option<Pointer>,
    ask: Option<Pointer>,
}

impl QuoteFields {
    /// The pointers as configured.
    pub(super) fn new(setup: &mut Setup<'_>, config: &JsonQuotes) -> Self {
        let mut optional =
            |name: &str, path: &Option<String>| setup.optional(format!("quotes.{name}"), path.as_ref());
        let symbol = optional("symbol", &config.symbol);
        let previous_close = optional("previous_close", &config.previous_close);
        let (open, high) = (optional("open", &config.open), optional("high", &config.high));
        let (low, volume) = (optional("low", &config.low), optional("volume", &config.volume));
        let (time, currency) = (optional("time", &config.time), optional("currency", &config.currency));
        let (bid, ask) = (optional("bid", &config.bid), optional("ask", &config.ask));
        let items = setup.pointer("quotes.items", &config.items);
        Self {
            items: Items { items, symbol, name: "quotes.symbol".into() },
            price: setup.pointer("quotes.price", &config.price),
            previous_close,
            open,
            high,
            low,
            volume,
            time,
            currency,
            bid,
            ask,
        }
    }

    /// Returns the items of a body, each with its symbol if it has one.
    ///
    /// # Errors
    ///
    /// If there is no such place in the body, or all items lack the price: then a pointer is wrong, or the API is
    /// another now. Neither makes the assets unknown.
    pub(super) fn items<'a>(&self, body: &'a Value) -> Result<SplitItems<'a>, ParseError> {
        let Some(told) = found(&self.items.items, body)? else { return Ok(self.items.none()) };
        // An object without a price of its own is a map of items by symbol.
        let items = self.items.split(told, !self.price.is_missing(told))?;
        let mut telling = items.items.iter().map(|(_, item)| *item).filter(|item| !is_empty(item)).peekable();
        match telling.peek().is_some() && telling.all(|item| self.price.is_missing(item)) {
            true => Err(self.price.missing()),
            false => Ok(items),
        }
    }

    /// Parses an item; a price without a time is of `now`.
    ///
    /// # Errors
    ///
    /// If it has no price, or an implausible value.
    pub(super) fn raw_quote(
        &self,
        item: &Value,
        zone: &TimeZone,
        now: Timestamp,
    ) -> Result<Option<RawQuote>, ParseError> {
        if self.price.find(item).is_none() {
            return Ok(None);
        }
        let number =
            |pointer: &Option<Pointer>| there(pointer, item).map(|pointer| pointer.number(item)).transpose();
        let time = there(&self.time, item).map(|pointer| pointer.time(item, quote_stamp)).transpose()?;
        Ok(Some(RawQuote {
            previous_close: number(&self.previous_close)?,
            open: number(&self.open)?,
            high: number(&self.high)?,
            low: number(&self.low)?,
            volume: there(&self.volume, item).map(|pointer| pointer.count(item)).transpose()?,
            time: time.and_then(Told::moment),
            currency: there(&self.currency, item).map(|pointer| pointer.text(item)).transpose()?,
            bid: number(&self.bid)?,
            ask: number(&self.ask)?,
            ..RawQuote::new(self.price.number(item)?, time.unwrap_or(Told::Moment(now)).day(zone))
        }))
    }
}

/// Returns what a pointer into a body finds; `None` if there is a `null`, or the body is empty.
///
/// # Errors
///
/// If there is no such place: then the pointer is wrong.
pub(super) fn found<'a>(pointer: &Pointer, body: &'a Value) -> Result<Option<&'a Value>, ParseError> {
    match pointer.is_missing(body) && !is_empty(body) {
        true => Err(pointer.missing()),
        false => Ok(pointer.find(body)),
    }
}

/// Returns whether nothing is said: some APIs write so that they don't know a symbol.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// Returns the pointer, if one is configured.
fn there<'a>(pointer: &'a Option<Pointer>, item: &Value) -> Option<&'a Pointer> {
    pointer.as_ref().filter(|pointer| pointer.find(item).is_some())
}

/// The pointers of a bar.
#[derive(Clone, Debug)]
pub(super) struct BarFields {
    items: Pointer,
    time: Pointer,
    open: Pointer,
    high: Pointer,
    low: Pointer,
    close: Pointer,
    adjusted_close: Option<Pointer>,
    volume: Option<Pointer>,
}

impl BarFields {
    /// The pointers as configured.
    pub(super) fn new(setup: &mut Setup<'_>, config: &JsonSeries) -> Self {
        if config.intervals.is_empty() {
            let wanted = "name at least one, such as 1d, and what it is called";
            setup.error("series.intervals", format!("series.intervals is empty: {wanted}"));
        }
        Self {
            items: setup.pointer("series.items", &config.items),
            time: setup.pointer("series.time", &config.time),
            open: setup.pointer("series.open", &config.open),
            high: setup.pointer("series.high", &config.high),
            low: setup.pointer("series.low", &config.low),
            close: setup.pointer("series.close", &config.close),
            adjusted_close: setup.optional("series.adjusted_close", config.adjusted_close.as_ref()),
            volume: setup.optional("series.volume", config.volume.as_ref()),
        }
    }

    /// Parses a series, whose bars may come in any order; `None` if the body has none.
    ///
    /// # Errors
    ///
    /// If a bar is invalid, or two of one time differ.
    pub(super) fn series(
        &self,
        id: &SeriesId,
        body: &Value,
        zone: &TimeZone,
        judge: &Plausibility,
    ) -> Result<Option<Series>, ParseError> {
        let Some(items) = found(&self.items, body)? else { return Ok(None) };
        let items = items.as_array().ok_or_else(|| ParseError::new("series.items is no array"))?;
        let mut bars = items.iter().map(|item| self.bar(id, item, zone)).collect::<Result<Vec<_>, _>>()?;
        bars.sort_by_key(|(_, bar)| bar.begin);
        // What is told twice doesn't contradict itself.
        bars.dedup();
        if let Some(pair) = bars.windows(2).find(|pair| pair[0].1.begin == pair[1].1.begin) {
            return Err(ParseError::new(format!("two bars of {}", pair[0].0)));
        }
        judge.series(id, bars).map(Some)
    }

    fn bar(
        &self,
        id: &SeriesId,
        item: &Value,
        zone: &TimeZone,
    ) -> Result<(jiff::civil::Date, RawBar<BarTime>), ParseError> {
        let told = self.time.time(item, bar_stamp)?;
        let day = if id.interval.is_intraday() { told.day(zone) } else { told.day_in(zone) };
        let begin = match (id.interval.is_intraday(), told.moment()) {
            (false, _) => BarTime::Day(day),
            (true, Some(at)) => moment(at),
            (true, None) => {
                return Err(ParseError::new(format!(
                    "a bar of {} has no time, only the day {day}",
                    id.interval
                )));
            }
        };
        let adjusted_close =
            there(&self.adjusted_close, item).map(|pointer| pointer.number(item)).transpose()?;
        let bar = RawBar {
            begin,
            open: self.open.number(item)?,
            high: self.high.number(item)?,
            low: self.low.number(item)?,
            close: self.close.number(item)?,
            adjusted_close,
            volume: there(&self.volume, item).map(|pointer| pointer.count(item)).transpose()?,
        };
        Ok((day, bar))
    }
}
