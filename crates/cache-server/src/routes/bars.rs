//! Daily bars, in a range that is cut from the whole cached series.

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
        cache_control::Freshness,
        problem::Problem,
        query::{Query, echo},
    },
    routes::{
        quotes::{asset_of, unknown},
        response::{Datum, cacheable},
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
    let query = Query::read(uri.query(), &["interval", "from", "to"])?;
    let interval = interval(&app, &query)?;
    let (from, to) = (date(&query, "from")?, date(&query, "to")?);
    if let Some((from, to)) = from.zip(to).filter(|(from, to)| from > to) {
        let detail = format!("from={from} lies after to={to}: swap them, both days are included");
        return Err(Problem::parameter("from", detail));
    }
    let id = SeriesId::new(asset, interval);
    let lookup = app.series().lookup(&*id.to_string()).await.map_err(|error| Problem::from_error(&error))?;
    let Some(series) = &lookup.value else { return Err(unknown(&id.asset, &lookup)) };
    let data = Bars { asset: &id.asset, interval, bars: series.between(from, to) };
    cacheable(&headers, Freshness::of(&lookup), &data, &Datum::new(&data, &lookup))
}

#[derive(Serialize)]
struct Bars<'a> {
    #[serde(rename = "symbol")]
    asset: &'a Asset,
    interval: Interval,
    bars: &'a [Bar],
}

fn interval(app: &App, query: &Query<'_>) -> Result<Interval, Problem> {
    let text = query.given("interval").unwrap_or("1d");
    let refused = |why: String| Problem::parameter("interval", why);
    let interval: Interval = text.parse().map_err(|invalid| refused(format!("interval={invalid}")))?;
    let offers: Vec<_> = app.registry().offers(DataType::Ohlcv).collect();
    let offered = |one: Interval| offers.iter().any(|offer| offer.covers_interval(one));
    if offered(interval) {
        return Ok(interval);
    }
    let known: Vec<&str> =
        Interval::ALL.iter().filter(|one| offered(**one)).map(|one| one.as_str()).collect();
    Err(refused(format!("interval={text:?} is not offered: ask for one of {}", known.join(", "))))
}

fn date(query: &Query<'_>, name: &str) -> Result<Option<Date>, Problem> {
    let Some(text) = query.given(name) else { return Ok(None) };
    // jiff reads more forms than a date in a query should have.
    let iso = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    match text.parse() {
        Ok(date) if iso => Ok(Some(date)),
        _ => {
            let wanted = "write a day of the calendar as YYYY-MM-DD, such as 2017-08-31";
            Err(Problem::parameter(name, format!("{name}={:?} is no date: {wanted}", echo(text))))
        }
    }
}
