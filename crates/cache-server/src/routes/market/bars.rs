//! Bars of a symbol in a range, with whether each is final.

use axum::{
    http::{HeaderMap, Uri},
    response::Response,
};
use cache_facade::Lookup;
use cache_http::{
    Problem,
    guard::Caller,
    request::query::{QueryParams, echo},
    response::{cache_control::CacheControl, cacheable},
};
use cache_market::{SeriesPart, StandardKey};
use market_data::{Asset, Bar, DataType, Date, DateRange, Interval, Series, SeriesId};
use serde::Serialize;

use super::{check_cached, offered_asset, unknown};
use crate::{
    app::{App, value_texts::ValueText},
    http::problems,
    routes::response::{Annotation, json, merged, source_name},
};

pub(super) async fn one(
    (app, caller): (&App, Caller),
    symbol: &str,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let asset = offered_asset(app, DataType::Ohlcv, symbol)?;
    let query = QueryParams::read(uri.query(), &["interval", "from", "to", "explain"])?;
    let explains = explains(query.get_non_empty("explain"))?;
    let wanted = WantedBars::read(app, asset, |name| query.get_non_empty(name))?;
    let regions = app.regions_for(headers, caller).map_err(|error| Problem::from_error(&error))?;
    let found = regions.bars(&wanted.id).await;
    let (lookup, parts) = found.map_err(|error| Problem::from_error(&error))?;
    check_cached(&lookup, symbol)?;
    let asset = &wanted.id.asset;
    let cache_control = CacheControl::of(&lookup).ending_after(app.until_dropped(asset, DataType::Ohlcv));
    let Some(series) = &lookup.value else { return Err(unknown(DataType::Ohlcv, asset, cache_control)) };
    let bars = wanted.of(series)?;
    let text = ValueText::of(&bars).map_err(|error| Problem::unwritable(&error))?;
    let mut body = annotation(&lookup).added_to(&text.json)?;
    if explains {
        body = with_parts(&body, &parts)?;
    }
    Ok(cacheable(headers, cache_control, text.etag, body))
}

/// The bars that a request asks for.
#[derive(Debug)]
pub(super) struct WantedBars {
    id: SeriesId,
    from: Option<Date>,
    to: Option<Date>,
}

impl WantedBars {
    /// Reads the parameters `interval`, `from` and `to`.
    pub(super) fn read<'a>(
        app: &App,
        asset: Asset,
        parameter: impl Fn(&str) -> Option<&'a str>,
    ) -> Result<Self, Problem> {
        let interval = interval(app, parameter("interval"))?;
        let (from, to) = (date("from", parameter("from"))?, date("to", parameter("to"))?);
        if let Some((from, to)) = from.zip(to).filter(|(from, to)| from > to) {
            let detail = format!("from={from} is after to={to}: swap them, both days are included");
            return Err(Problem::parameter("from", detail));
        }
        let id = SeriesId::new(asset, interval);
        let range = DateRange { from: from.unwrap_or(Date::MIN), to: to.unwrap_or(Date::MAX) };
        let is_part = from.is_some() || to.is_some();
        Ok(Self { id: if is_part { id.within(range) } else { id }, from, to })
    }

    pub(super) fn key(&self) -> StandardKey {
        StandardKey::Ohlcv(self.id.clone())
    }

    /// Returns what was asked for of a series.
    pub(super) fn of<'a>(&'a self, series: &'a Series) -> Result<Bars<'a>, Problem> {
        let complete_from = series.complete_from;
        if let Some((first, to)) = complete_from.zip(self.to).filter(|(first, to)| to < first) {
            return Err(not_kept(&self.id, first, to));
        }
        let places = series.places(self.from, self.to);
        let final_bars = series.final_bars();
        let bar = |(place, bar)| ToldBar { bar, is_final: place < final_bars };
        let bars = series.bars.iter().enumerate().skip(places.start).take(places.len()).map(bar);
        let (asset, interval) = (&self.id.asset, self.id.interval);
        Ok(Bars { asset, interval, complete_from, bars: bars.collect() })
    }
}

/// Returns source and age of bars, and when they were loaded.
pub(super) fn annotation(lookup: &Lookup<Series>) -> Annotation {
    Annotation::of(lookup).dated(lookup.born)
}

/// Returns the problem of a list of symbols.
pub(super) fn of_one_symbol() -> Problem {
    let detail = "bars are asked for by one symbol, as in /v1/ohlcv/AAPL, or of many by POST /v1/batch";
    Problem::parameter("symbols", detail)
}

#[derive(Debug, Serialize)]
pub(super) struct Bars<'a> {
    #[serde(rename = "symbol")]
    asset: &'a Asset,
    interval: Interval,
    /// The first day from which there are all bars, if the provider has none from before.
    #[serde(skip_serializing_if = "Option::is_none")]
    complete_from: Option<Date>,
    bars: Vec<ToldBar<'a>>,
}

/// A bar, and whether it changes no more but by a split, a dividend or a correction.
#[derive(Debug, Serialize)]
struct ToldBar<'a> {
    #[serde(flatten)]
    bar: &'a Bar,
    #[serde(rename = "final")]
    is_final: bool,
}

/// Where a part of the bars was found, for who asks with `explain=1`.
#[derive(Serialize)]
struct ToldPart {
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Date>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<Date>,
    source: &'static str,
}

#[derive(Serialize)]
struct ToldParts {
    parts: Vec<ToldPart>,
}

/// Returns the body with its parts told.
fn with_parts(body: &[u8], parts: &[SeriesPart]) -> Result<Vec<u8>, Problem> {
    let told = |part: &SeriesPart| ToldPart {
        from: Some(part.from).filter(|day| *day != Date::MIN),
        to: Some(part.to).filter(|day| *day != Date::MAX),
        source: source_name(part.source),
    };
    Ok(merged(&[body, &json(&ToldParts { parts: parts.iter().map(told).collect() })?]))
}

/// Reads whether the parts of the answer are to be told.
fn explains(text: Option<&str>) -> Result<bool, Problem> {
    match text {
        None | Some("0") => Ok(false),
        Some("1") => Ok(true),
        Some(other) => {
            let detail = format!("explain={:?} is neither 0 nor 1", echo(other));
            Err(Problem::parameter("explain", detail))
        }
    }
}

/// Returns the problem of days of which the provider has no bars any more: that is not the same as no trading.
fn not_kept(id: &SeriesId, first: Date, to: Date) -> Problem {
    let interval = id.interval;
    let detail = format!(
        "the provider has bars of {interval} of {} from {first} on, and none up to to={to}: ask for later days, or for \
         bars of a longer interval",
        id.asset
    );
    Problem::new(problems::NOT_KEPT, detail).with("complete_from", first.to_string())
}

fn interval(app: &App, text: Option<&str>) -> Result<Interval, Problem> {
    let text = text.unwrap_or("1d");
    let refused = |why: String| Problem::parameter("interval", why);
    let interval: Interval = text.parse().map_err(|invalid| refused(format!("interval={invalid}")))?;
    let offers = app.offers(DataType::Ohlcv);
    let offered = |one: Interval| offers.iter().any(|(_, offer)| offer.covers_interval(one));
    if offered(interval) {
        return Ok(interval);
    }
    let known: Vec<&str> =
        Interval::ALL.iter().filter(|one| offered(**one)).map(|one| one.as_str()).collect();
    Err(refused(format!("interval={text:?} is not offered: ask for one of {}", known.join(", "))))
}

fn date(name: &str, text: Option<&str>) -> Result<Option<Date>, Problem> {
    let Some(text) = text else { return Ok(None) };
    // jiff parses more forms than a query should accept.
    let iso = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    match text.parse() {
        Ok(date) if iso => Ok(Some(date)),
        _ => {
            let remedy = "give a day as YYYY-MM-DD, such as 2017-08-31";
            Err(Problem::parameter(name, format!("{name}={:?} is no date: {remedy}", echo(text))))
        }
    }
}
