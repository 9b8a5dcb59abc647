//! Charts: what the body of `/v8/finance/chart` says of one name's bars and dividends.

use std::collections::BTreeMap;

use jiff::{Timestamp, tz::TimeZone};
use serde::Deserialize;

use super::{fault::Outcome, quote::zone};
use crate::parse::{Candle, Count, Figure, Flaw};

/// A chart: bars in the order of time, and what was paid out among them.
#[derive(Debug)]
pub(super) struct Chart {
    pub(super) name: String,
    pub(super) currency: Option<String>,
    pub(super) zone: TimeZone,
    pub(super) candles: Vec<Candle>,
    /// When the share first traded without each dividend, and the amount of one share.
    pub(super) dividends: Vec<(Timestamp, f64)>,
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
    events: Events,
    indicators: Indicators,
}

#[derive(Deserialize)]
struct Meta {
    symbol: String,
    currency: Option<String>,
    #[serde(rename = "exchangeTimezoneName")]
    zone: Option<String>,
}

#[derive(Default, Deserialize)]
struct Events {
    #[serde(default)]
    dividends: BTreeMap<String, Dividend>,
}

#[derive(Deserialize)]
struct Dividend {
    amount: Figure,
    date: i64,
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
    open: Column<Figure>,
    high: Column<Figure>,
    low: Column<Figure>,
    close: Column<Figure>,
    volume: Column<Count>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Adjusted {
    adjclose: Column<Figure>,
}

/// What a body says of the name it was asked for.
#[derive(Debug)]
pub(super) enum Said {
    Chart(Chart),
    /// The name is known, and has nothing in the range.
    Nothing,
    /// The name is unknown, or no longer listed.
    Unknown,
}

/// What the body of `/v8/finance/chart` says, whichever status it came with.
///
/// # Errors
///
/// If it can't be believed, or holds another fault.
pub(super) fn read(body: &[u8]) -> Result<Said, Flaw> {
    let body: Body = serde_json::from_slice(body).map_err(|error| Flaw::json("the chart", &error))?;
    let (wires, fault) = match (body.chart, body.finance) {
        (Some(chart), _) => (chart.result, chart.error),
        (None, finance) => (None, finance.and_then(|finance| finance.error)),
    };
    match (wires.and_then(|wires| wires.into_iter().next()), fault) {
        (_, Some(fault)) if fault.is_unknown_symbol() => Ok(Said::Unknown),
        (_, Some(fault)) if fault.is_empty_range() => Ok(Said::Nothing),
        (_, Some(fault)) => Err(fault.flaw()),
        (Some(wire), None) => wire.chart().map(Said::Chart),
        (None, None) => Err(Flaw::new("the answer holds no chart")),
    }
}

impl Wire {
    fn chart(self) -> Result<Chart, Flaw> {
        let columns = self.indicators.quote.into_iter().next().unwrap_or_default();
        let adjusted = self.indicators.adjclose.into_iter().next().unwrap_or_default();
        Ok(Chart {
            candles: candles(&self.timestamp, &columns, &adjusted.adjclose)?,
            dividends: dividends(&self.events.dividends)?,
            name: self.meta.symbol,
            currency: self.meta.currency,
            zone: zone(self.meta.zone.as_deref().unwrap_or("UTC"))?,
        })
    }
}

/// The bars by column. A bar without one of its four prices is a hole: nothing was traded.
fn candles(times: &[i64], columns: &Columns, adjusted: &[Option<Figure>]) -> Result<Vec<Candle>, Flaw> {
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
            return Err(Flaw::new(format!("the chart has {} times and {len} values of {name}", times.len())));
        }
    }
    let bar = |(at, seconds): (usize, &i64)| {
        let (Some(open), Some(high), Some(low), Some(close)) = (open[at], high[at], low[at], close[at])
        else {
            return None;
        };
        let (Figure(open), Figure(high), Figure(low), Figure(close)) = (open, high, low, close);
        let adjusted_close = adjusted.get(at).copied().flatten().map(|figure| figure.0);
        let volume = volume.get(at).copied().flatten().map_or(0, |count| count.0);
        Some(moment(*seconds).map(|begin| Candle { begin, open, high, low, close, adjusted_close, volume }))
    };
    let candles = times.iter().enumerate().filter_map(bar).collect::<Result<Vec<_>, _>>()?;
    match candles.windows(2).find(|pair| pair[0].begin > pair[1].begin) {
        Some(pair) => {
            Err(Flaw::new(format!("the chart goes from {} back to {}", pair[0].begin, pair[1].begin)))
        }
        None => Ok(candles),
    }
}

fn dividends(told: &BTreeMap<String, Dividend>) -> Result<Vec<(Timestamp, f64)>, Flaw> {
    let mut dividends =
        told.values().map(|one| Ok((moment(one.date)?, one.amount.0))).collect::<Result<Vec<_>, Flaw>>()?;
    dividends.sort_by_key(|(at, _)| *at);
    Ok(dividends)
}

fn moment(seconds: i64) -> Result<Timestamp, Flaw> {
    Timestamp::from_second(seconds).map_err(|_| Flaw::new(format!("a bar at {seconds} s, which is no time")))
}
