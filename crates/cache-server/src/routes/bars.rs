//! Daily bars, in a range that is cut from the whole cached series.

use std::sync::Arc;

use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderMap, Uri},
    response::Response,
};
use cache_market::{Bar, Date, Interval, SeriesId, Symbol};
use serde::Serialize;

use crate::{
    app::App,
    http::{
        freshness::Freshness,
        problem::Problem,
        query::{Query, echo},
    },
    routes::{
        answer::{Datum, cacheable},
        quotes::{symbol_of, unknown},
    },
};

/// `GET /v1/bars/{symbol}?interval=1d&from=2017-08-01&to=2017-09-01`
pub(super) async fn one(
    State(app): State<Arc<App>>,
    symbol: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let symbol = symbol_of(symbol)?;
    let query = Query::read(uri.query(), &["interval", "from", "to"])?;
    let interval = interval(&query)?;
    let (from, to) = (date(&query, "from")?, date(&query, "to")?);
    if let Some((from, to)) = from.zip(to).filter(|(from, to)| from > to) {
        let detail = format!("from={from} lies after to={to}: swap them, both days are included");
        return Err(Problem::parameter("from", detail));
    }
    let id = SeriesId { symbol, interval };
    let lookup = app.series.lookup(&*id.to_string()).await.map_err(|error| Problem::from_error(&error))?;
    let Some(series) = &lookup.value else { return Err(unknown(&id.symbol, &lookup)) };
    let data = Bars { symbol: &id.symbol, interval, bars: series.between(from, to) };
    cacheable(&headers, Freshness::of(&lookup), &data, &Datum::new(&data, &lookup))
}

#[derive(Serialize)]
struct Bars<'a> {
    symbol: &'a Symbol,
    interval: Interval,
    bars: &'a [Bar],
}

fn interval(query: &Query<'_>) -> Result<Interval, Problem> {
    let text = query.given("interval").unwrap_or("1d");
    text.parse().map_err(|invalid| Problem::parameter("interval", format!("{invalid}")))
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
