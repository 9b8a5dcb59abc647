//! Parses the body of `/v8/finance/chart`: the bars of one name, and what happened to its share.

use jiff::{Timestamp, tz::TimeZone};
use serde::Deserialize;
use serde_json::Value;

use super::{error_body::Outcome, quote::zone};
use crate::parse::{LenientCount, LenientNumber, ParseError, RawBar};

/// A chart: bars in the order of time, and events.
#[derive(Debug)]
pub(super) struct Chart {
    pub(super) name: String,
    pub(super) currency: Option<String>,
    /// What its bars are of, in Yahoo's words, if that is told.
    pub(super) granularity: Option<String>,
    pub(super) zone: TimeZone,
    pub(super) candles: Vec<RawBar>,
    /// Dividends and splits as they were told: bars are good whatever these are.
    pub(super) events: Value,
}

#[derive(Deserialize)]
struct Body {
    chart: Option<Outcome<Vec<Wire>>>,
    finance: Option<Outcome<serde::de::IgnoredAny>>,
}

#[derive(Deserialize)]
struct Wire {
    meta: Meta,
    #[serde(default)]
    timestamp: Vec<i64>,
    #[serde(default)]
    events: Value,
    indicators: Indicators,
}

#[derive(Deserialize)]
struct Meta {
    symbol: String,
    currency: Option<String>,
    #[serde(rename = "dataGranularity")]
    granularity: Option<String>,
    #[serde(rename = "exchangeTimezoneName")]
    zone: Option<String>,
}

#[derive(Deserialize)]
struct Indicators {
    #[serde(default)]
    quote: Vec<Columns>,
    #[serde(default)]
    adjclose: Vec<Adjusted>,
}

type Column<T> = Vec<Option<T>>;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Columns {
    open: Column<LenientNumber>,
    high: Column<LenientNumber>,
    low: Column<LenientNumber>,
    close: Column<LenientNumber>,
    volume: Column<LenientCount>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Adjusted {
    adjclose: Column<LenientNumber>,
}

/// The content of a body.
#[derive(Debug)]
pub(super) enum Said {
    Chart(Chart),
    /// The name is known, but has no data in the range.
    Nothing,
    /// The name is unknown, or no longer listed.
    Unknown,
}

/// Parses the body of `/v8/finance/chart`, of whichever status.
///
/// # Errors
///
/// If it can't be parsed, or holds another error.
pub(super) fn read(body: &[u8]) -> Result<Said, ParseError> {
    let body: Body = serde_json::from_slice(body).map_err(|error| ParseError::json("the chart", &error))?;
    let (wires, error) = match (body.chart, body.finance) {
        (Some(chart), _) => (chart.result, chart.error),
        (None, finance) => (None, finance.and_then(|finance| finance.error)),
    };
    match (wires.and_then(|wires| wires.into_iter().next()), error) {
        (_, Some(error)) if error.is_unknown_symbol() => Ok(Said::Unknown),
        (_, Some(error)) if error.is_empty_range() => Ok(Said::Nothing),
        (_, Some(error)) => Err(error.parse_error()),
        (Some(wire), None) => wire.chart().map(Said::Chart),
        (None, None) => Err(ParseError::new("the answer holds no chart")),
    }
}

impl Wire {
    fn chart(self) -> Result<Chart, ParseError> {
        let columns = self.indicators.quote.into_iter().next().unwrap_or_default();
        let adjusted = self.indicators.adjclose.into_iter().next().unwrap_or_default();
        Ok(Chart {
            candles: candles(&self.timestamp, &columns, &adjusted.adjclose)?,
            events: self.events,
            name: self.meta.symbol,
            currency: self.meta.currency,
            granularity: self.meta.granularity,
            zone: zone(self.meta.zone.as_deref().unwrap_or("UTC"))?,
        })
    }
}

/// Returns the bars from their columns. A bar that lacks one of its four prices is left out: nothing was traded.
fn candles(
    times: &[i64],
    columns: &Columns,
    adjusted: &[Option<LenientNumber>],
) -> Result<Vec<RawBar>, ParseError> {
    let Columns { open, high, low, close, volume } = columns;
    for (name, len, needed) in [
        ("open", open.len(), true),
        ("high", high.len(), true),
        ("low", low.len(), true),
        ("close", close.len(), true),
        ("volume", volume.len(), false),
        ("adjclose", adjusted.len(), false),
    ] {
        if len != times.len() && (needed || len != 0) {
            return Err(ParseError::new(format!(
                "the chart has {} times and {len} values of {name}",
                times.len()
            )));
        }
    }
    let bar = |(at, seconds): (usize, &i64)| {
        let (Some(open), Some(high), Some(low), Some(close)) = (open[at], high[at], low[at], close[at])
        else {
            return None;
        };
        let (LenientNumber(open), LenientNumber(high), LenientNumber(low), LenientNumber(close)) =
            (open, high, low, close);
        let adjusted_close = adjusted.get(at).copied().flatten().map(|number| number.0);
        let volume = volume.get(at).copied().flatten().map(|count| count.0);
        Some(moment(*seconds).map(|begin| RawBar { begin, open, high, low, close, adjusted_close, volume }))
    };
    let candles = times.iter().enumerate().filter_map(bar).collect::<Result<Vec<_>, _>>()?;
    match candles.windows(2).find(|pair| pair[0].begin > pair[1].begin) {
        Some(pair) => Err(ParseError::new(format!(
            "the bars of the chart go from {} back to {}",
            pair[0].begin, pair[1].begin
        ))),
        None => Ok(candles),
    }
}

/// Returns the moment of a bar or an event.
///
/// # Errors
///
/// If there is none.
pub(super) fn moment(seconds: i64) -> Result<Timestamp, ParseError> {
    Timestamp::from_second(seconds)
        .map_err(|_| ParseError::new(format!("a bar or an event at {seconds} s, which is no time")))
}
