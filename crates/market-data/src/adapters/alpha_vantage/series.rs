//! Parses the bodies of `TIME_SERIES_…`, `FX_…`, `CRYPTO_…` and `DIGITAL_CURRENCY_…`.

use std::collections::BTreeMap;

use jiff::{civil::DateTime, tz::TimeZone};
use serde::Deserialize;

use super::{
    body::{Body, Nothing, Texts},
    quote::{moment, zone},
};
use crate::parse::{LenientCount, LenientNumber, ParseError, RawBar};

/// Bars of one name in the local time of their exchange, earliest first.
#[derive(Debug)]
pub(super) struct Told {
    /// The name: a symbol, or a pair such as `EUR/USD`.
    pub(super) name: String,
    pub(super) zone: TimeZone,
    pub(super) candles: Vec<RawBar<DateTime>>,
}

#[derive(Deserialize)]
struct Wire {
    #[serde(rename = "1. open")]
    open: LenientNumber,
    #[serde(rename = "2. high")]
    high: LenientNumber,
    #[serde(rename = "3. low")]
    low: LenientNumber,
    #[serde(rename = "4. close")]
    close: LenientNumber,
    #[serde(rename = "5. adjusted close")]
    adjusted_close: Option<LenientNumber>,
    #[serde(rename = "5. volume", alias = "6. volume")]
    volume: Option<LenientCount>,
}

/// Parses the body of a series; `None` if the name is unknown.
///
/// # Errors
///
/// If it is a refusal, or can't be parsed.
pub(super) fn read(body: &[u8]) -> Result<Option<Told>, Nothing> {
    let body = Body::read(body)?;
    if body.is_empty() {
        return Ok(None);
    }
    let (_, meta) = body.section::<Texts>("Meta Data")?;
    let (_, bars) = body.section::<BTreeMap<String, Wire>>("Time Series")?;
    let candles = bars
        .into_iter()
        .map(|(at, wire)| Ok(wire.candle(moment(&at)?)))
        .collect::<Result<_, ParseError>>()?;
    let zone = zone(meta.get("Time Zone")?)?;
    Ok(Some(Told { name: name(&meta)?, zone, candles: in_order(candles)? }))
}

fn name(meta: &Texts) -> Result<String, ParseError> {
    for (from, to) in [("From Symbol", "To Symbol"), ("Digital Currency Code", "Market Code")] {
        if let (Ok(from), Ok(to)) = (meta.get(from), meta.get(to)) {
            return Ok(format!("{from}/{to}"));
        }
    }
    meta.get("Symbol").map(str::to_owned)
}

/// Sorts by time. Two bars at one time, spelled differently, contradict each other unless they are alike.
fn in_order(mut candles: Vec<RawBar<DateTime>>) -> Result<Vec<RawBar<DateTime>>, ParseError> {
    candles.sort_by_key(|candle| candle.begin);
    candles.dedup();
    match candles.windows(2).find(|pair| pair[0].begin == pair[1].begin) {
        Some(pair) => Err(ParseError::new(format!("two bars at {}", pair[0].begin))),
        None => Ok(candles),
    }
}

impl Wire {
    fn candle(self, begin: DateTime) -> RawBar<DateTime> {
        RawBar {
            begin,
            open: self.open.0,
            high: self.high.0,
            low: self.low.0,
            close: self.close.0,
            adjusted_close: self.adjusted_close.map(|figure| figure.0),
            volume: self.volume.map(|count| count.0),
        }
    }
}
