//! Bars of a symbol in a range, cut from the whole cached series.

use std::sync::Arc;

use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderMap, Uri},
    response::Response,
};
use market_data::{Asset, Bar, DataType, Date, Interval, SeriesId};
use serde::Serialize;

use crate::{
    app::App,
    http::{
        cache_control::CacheControl,
        problem::{Problem, ProblemKind},
        query::{QueryParams, echo},
    },
    routes::{
        quotes::{asset_of, unknown},
        response::{Annotated, cacheable},
    },
};

/// `GET /v1/bars/{symbol}?interval=1d&from=2017-08-01&to=2017-09-01`
pub(super) async fn one(
    State(app): State<Arc<App>>,
    symbol: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let asset = asset_of(symbol)?;
    let query = QueryParams::read(uri.query(), &["interval", "from", "to"])?;
    let interval = interval(&app, &query)?;
    let (from, to) = (date(&query, "from")?, date(&query, "to")?);
    if let Some((from, to)) = from.zip(to).filter(|(from, to)| from > to) {
        let detail = format!("from={from} is after to={to}: swap them, both days are included");
        return Err(Problem::parameter("from", detail));
    }
    let id = SeriesId::new(asset, interval);
    let lookup = app.series().lookup(&*id.to_string()).await.map_err(|error| Problem::from_error(&error))?;
    let cache_control = CacheControl::of(&lookup).ending_after(app.until_dropped(&id.asset, DataType::Ohlcv));
    let Some(series) = &lookup.value else { return Err(unknown(&id.asset, cache_control)) };
    let complete_from = series.complete_from;
    if let Some((first, to)) = complete_from.zip(to).filter(|(first, to)| to < first) {
        return Err(not_kept(&id, first, to));
    }
    let data = Bars { asset: &id.asset, interval, complete_from, bars: series.between(from, to) };
    cacheable(&headers, cache_control, &data, &Annotated::new(&data, &lookup))
}

#[derive(Serialize)]
struct Bars<'a> {
    #[serde(rename = "symbol")]
    asset: &'a Asset,
    interval: Interval,
    /// The first day from which there are all bars, if the provider has none from before.
    #[serde(skip_serializing_if = "Option::is_none")]
    complete_from: Option<Date>,
    bars: &'a [Bar],
}

/// Returns the problem of days of which the provider has no bars any more: that is not the same as no trading.
fn not_kept(id: &SeriesId, first: Date, to: Date) -> Problem {
    let interval = id.interval;
    let detail = format!(
        "the provider has bars of {interval} of {} from {first} on, and none up to to={to}: ask for later days, or for \
         bars of a longer interval",
        id.asset
    );
    Problem::new(ProblemKind::NotKept, detail).with("complete_from", first.to_string())
}

fn interval(app: &App, query: &QueryParams<'_>) -> Result<Interval, Problem> {
    let text = query.get_non_empty("interval").unwrap_or("1d");
    let refused = |why: String| Problem::parameter("interval", why);
    let interval: Interval = text.parse().map_err(|invalid| refused(format!("interval={invalid}")))?;
    let offers: Vec<_> = app.registry().offers(DataType::Ohlcv).collect();
    let offered = |one: Interval| offers.iter().any(|offer| offer.covers_interval(one));
    if offered(interval) {
        return Ok(interval);
    }
    let known: Vec<&str> =
        Interval::ALL.iter().filter(|one| offered(**one)).map(|one| one.as_str()).collect();
    if known.is_empty() {
        let detail =
            format!("interval={text:?} is not offered: no provider of this service has bars, ask for quotes");
        return Err(refused(detail));
    }
    Err(refused(format!("interval={text:?} is not offered: ask for one of {}", known.join(", "))))
}

fn date(query: &QueryParams<'_>, name: &str) -> Result<Option<Date>, Problem> {
    let Some(text) = query.get_non_empty(name) else { return Ok(None) };
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
