//! What can be true of a price, a bar and a moment: decided here for all adapters, and counted.

mod stamp;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use cache_core::Clock;
use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date, tz::Offset};

pub(crate) use self::stamp::{bar_stamp, quote_stamp};
use crate::{
    Asset, AssetType, Bar, BarTime, Quote, Series, SeriesId,
    moment::{from_jiff, to_jiff},
    parse::{ParseError, RawBar, RawQuote, grid::onto_the_grid},
    values::trading_day,
};

/// The largest plausible price: beyond it no decimals are left.
const MAX_PRICE: f64 = 1e15;

/// By what share of its price an open or a close may lie outside of low and high: rounding, and no more.
const ROUNDING: f64 = 1e-4;

/// Before it there are no bars.
const FIRST_DAY: Date = jiff::civil::date(1800, 1, 1);

/// Before it there are no quotes and no bars within a day.
const FIRST_MOMENT: Timestamp = Timestamp::constant(31_536_000, 0);

/// How far a source's clock may be ahead of ours.
const AHEAD: SignedDuration = SignedDuration::from_hours(1);

/// Judges what one upstream says, and counts what is refused: it is left out, or fails the answer it is in.
#[derive(Clone, Debug)]
pub(crate) struct Plausibility {
    clock: Clock,
    refused: Arc<AtomicU64>,
}

impl Plausibility {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, refused: Arc::default() }
    }

    /// Returns how many quotes, fields of quotes and bars were refused.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    fn count(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the quote of `asset`. A field that can't be true is left out; 0 is what sources write for a price
    /// that they don't know.
    ///
    /// # Errors
    ///
    /// If the price can't be one of such an asset, or its time is implausible.
    pub(crate) fn quote(&self, raw: RawQuote, asset: Asset) -> Result<Quote, ParseError> {
        let kind = asset.asset_type;
        let raw = match raw.time {
            // So a source writes that it has no time.
            Some(at) if at == Timestamp::UNIX_EPOCH => {
                self.count();
                RawQuote { time: None, as_of: self.today(&asset), ..raw }
            }
            _ => raw,
        };
        self.can_be_quoted(&raw, kind).inspect_err(|_| self.count())?;
        let known = |price: Option<f64>| {
            let price = price.filter(|price| *price != 0.0 || may_be_zero(kind))?;
            check(price, kind).inspect_err(|_| self.count()).ok().map(|()| price)
        };
        // Where two contradict each other, neither is believed.
        let range = |low: Option<f64>, high: Option<f64>| match (low, high) {
            (Some(low), Some(high)) if low > high => {
                self.count();
                (None, None)
            }
            both => both,
        };
        let (low, high) = range(known(raw.low), known(raw.high));
        let (bid, ask) = range(known(raw.bid), known(raw.ask));
        let within = |price: f64| is_within(price, low.unwrap_or(price), high.unwrap_or(price));
        let open = known(raw.open).filter(|open| {
            let within = within(*open);
            within || {
                self.count();
                false
            }
        });
        let quote = Quote::new(asset, raw.price, raw.as_of).since(known(raw.previous_close));
        Ok(Quote {
            open,
            high,
            low,
            volume: raw.volume,
            time: raw.time.map(from_jiff),
            currency: raw.currency.map(|currency| currency.chars().take(8).collect::<String>().into()),
            bid,
            ask,
            ..quote
        })
    }

    /// Returns what an answer says of one asset; `None` if it says nothing. To say it twice is no contradiction.
    ///
    /// # Errors
    ///
    /// If it says two things, of which neither is believed; or that of the one it says.
    pub(crate) fn only(
        &self,
        said: impl IntoIterator<Item = Result<Option<RawQuote>, ParseError>>,
    ) -> Result<Option<RawQuote>, ParseError> {
        let mut said = said.into_iter().filter(|one| *one != Ok(None));
        let Some(first) = said.next() else { return Ok(None) };
        match said.all(|other| other == first) {
            true => first,
            false => {
                self.count();
                Err(implausible("two quotes in one answer contradict each other".to_owned()))
            }
        }
    }

    /// Returns the day on which an asset is traded now.
    fn today(&self, asset: &Asset) -> Date {
        let now = self.clock.now();
        let utc = || Offset::UTC.to_datetime(to_jiff(now)).date();
        trading_day::Days::of(asset.market).map_or_else(utc, |days| days.day(now))
    }

    fn can_be_quoted(&self, raw: &RawQuote, kind: AssetType) -> Result<(), ParseError> {
        check(raw.price, kind)?;
        if raw.price == 0.0 && raw.previous_close.is_some_and(|previous| previous != 0.0) {
            return Err(implausible("the price is 0, a change of -100 %".to_owned()));
        }
        if let Some(at) = raw.time {
            self.can_be_moment(at)?;
        }
        match raw.as_of < Offset::UTC.to_datetime(FIRST_MOMENT).date() {
            true => Err(implausible(format!("a quote of {}", raw.as_of))),
            false => self.can_be_day(raw.as_of),
        }
    }

    /// Returns the series `id` made of `raw_bars`, each with the day it belongs to, in the order of time. Bars
    /// outside the days asked for are left out, and so are those that can't be true. Of two bars at one time the
    /// later one in the body stays: it is the newer. The running price, off the grid at the end, is a part of
    /// the bar under way.
    ///
    /// A bar within a day belongs to the day of its exchange; to the one given where the market has no calendar.
    ///
    /// # Errors
    ///
    /// If the bars are out of order, or more than half of them can't be true.
    pub(crate) fn series(
        &self,
        id: &SeriesId,
        raw_bars: impl IntoIterator<Item = (Date, RawBar<BarTime>)>,
    ) -> Result<Series, ParseError> {
        let days = trading_day::Days::of(id.asset.market);
        let asked = |day: Date, time: BarTime| {
            let day = match time {
                BarTime::Moment(at) => days.as_ref().map_or(day, |days| days.day(at)),
                BarTime::Day(_) => day,
            };
            id.range.is_none_or(|range| (range.from..=range.to).contains(&day))
        };
        let mut bars: Vec<Bar> = Vec::new();
        let (mut refused, mut first) = (0_usize, None);
        for (_, raw) in raw_bars.into_iter().filter(|(day, raw)| asked(*day, raw.begin)) {
            let bar = match self.bar(raw, id.asset.asset_type) {
                Ok(bar) => bar,
                Err(why) => {
                    refused += 1;
                    first.get_or_insert(why);
                    continue;
                }
            };
            match bars.last().map(|last| last.time.cmp(&bar.time)) {
                Some(std::cmp::Ordering::Greater) => {
                    return Err(ParseError::new("the bars are not in the order of time"));
                }
                Some(std::cmp::Ordering::Equal) => drop(bars.pop()),
                _ => {}
            }
            bars.push(bar);
        }
        if let Some(first) = first.filter(|_| refused > bars.len()) {
            let all = refused + bars.len();
            return Err(ParseError::new(format!(
                "{refused} of {all} bars can't be true, the first: {first}"
            )));
        }
        onto_the_grid(&mut bars, id.interval);
        let series = Series::new(id.asset.clone(), id.interval, bars);
        // No upstream keeps bars within a day for ever.
        let complete_from = match (id.range, series.bars.first().map(|first| first.time)) {
            (None, Some(BarTime::Moment(at))) => days.map(|days| days.day(at)),
            _ => None,
        };
        Ok(Series { complete_from, ..series })
    }

    /// Returns the bar, without an adjusted close that can't be one.
    ///
    /// # Errors
    ///
    /// If it can't be true.
    pub(crate) fn bar(&self, raw: RawBar<BarTime>, kind: AssetType) -> Result<Bar, ParseError> {
        self.can_be_bar(&raw, kind).inspect_err(|_| self.count())?;
        let RawBar { begin: time, open, high, low, close, adjusted_close, volume } = raw;
        let adjusted_close = adjusted_close.filter(|close| {
            let sound = check(*close, kind).is_ok();
            sound || {
                self.count();
                false
            }
        });
        Ok(Bar { time, open, high, low, close, adjusted_close, volume })
    }

    fn can_be_bar(&self, raw: &RawBar<BarTime>, kind: AssetType) -> Result<(), ParseError> {
        let RawBar { begin, open, high, low, close, .. } = *raw;
        for price in [open, high, low, close] {
            check(price, kind)?;
        }
        if low > high {
            return Err(implausible(format!("the low {low} lies above the high {high}")));
        }
        for (name, price) in [("open", open), ("close", close)] {
            if !is_within(price, low, high) {
                return Err(implausible(format!("the {name} {price} lies outside of {low} to {high}")));
            }
        }
        match begin {
            BarTime::Moment(at) => self.can_be_moment(to_jiff(at)),
            BarTime::Day(day) if day < FIRST_DAY => Err(implausible(format!("a bar of {day}"))),
            BarTime::Day(day) => self.can_be_day(day),
        }
    }

    /// Checks that a moment is past, and not before there were any such data.
    ///
    /// # Errors
    ///
    /// If it isn't.
    pub(crate) fn can_be_moment(&self, at: Timestamp) -> Result<(), ParseError> {
        let last = to_jiff(self.clock.now()).saturating_add(AHEAD).unwrap_or(Timestamp::MAX);
        match (FIRST_MOMENT..=last).contains(&at) {
            true => Ok(()),
            false => Err(implausible(format!("the time is {at}"))),
        }
    }

    /// Checks that somewhere on earth it is that day by now.
    fn can_be_day(&self, day: Date) -> Result<(), ParseError> {
        let last = to_jiff(self.clock.now()).saturating_add(AHEAD).unwrap_or(Timestamp::MAX);
        match day <= Offset::UTC.to_datetime(last).date().saturating_add(1.day()) {
            true => Ok(()),
            false => Err(implausible(format!("{day} has not come yet"))),
        }
    }
}

/// Checks that a price is plausible for its type of asset.
///
/// # Errors
///
/// If it is not finite, larger than any price has been, or not above zero for an asset other than a future (oil's
/// was below, in April 2020, and spreads are) or an index (as of yields).
pub(crate) fn check(price: f64, kind: AssetType) -> Result<(), ParseError> {
    if !price.is_finite() || price.abs() > MAX_PRICE {
        return Err(implausible(format!("{price} is no price")));
    }
    if price < 0.0 && !may_be_zero(kind) {
        return Err(implausible(format!("the price of a {kind} is {price}, below zero")));
    }
    if price == 0.0 && !may_be_zero(kind) {
        return Err(implausible(format!("the price of a {kind} is 0, which is no price")));
    }
    Ok(())
}

fn may_be_zero(kind: AssetType) -> bool {
    matches!(kind, AssetType::Future | AssetType::Index)
}

/// Returns whether a price lies between two others, but for rounding.
fn is_within(price: f64, low: f64, high: f64) -> bool {
    let slack = ROUNDING * price.abs();
    low - slack <= price && price <= high + slack
}

fn implausible(what: String) -> ParseError {
    ParseError::new(format!("implausible: {what}"))
}

#[cfg(test)]
mod tests;
