//! Indicators: the request for one, whose parameters have names common to providers, and its values.

use std::collections::BTreeMap;

use serde_json::json;

use super::{
    body::{Body, Nothing, Texts},
    quote::moment,
    request::{Inquiry, Name, call, called},
};
use crate::{
    Document, DocumentId, Interval, Invalid,
    adapters::parameters::GivenParameters,
    http::HttpRequest,
    parse::{LenientNumber, ParseError, start_of},
};

/// What indicators are computed of here. Closes come adjusted or not, as Alpha Vantage sees fit.
const SERIES: [&str; 4] = ["open", "high", "low", "close"];

/// The longest period, in bars.
const MAX_PERIOD: u32 = 10_000;

/// Returns the request for an indicator, and how its answer is read. Parameters and their defaults are `function`
/// (SMA), `interval` (1d), `period` (20 for SMA and EMA, 14 for RSI), `of` (close), and for MACD `fast` (12),
/// `slow` (26) and `signal` (9). Alpha Vantage's own names are read too: `time_period`, `series_type`,
/// `fastperiod`. Of other functions all parameters are passed on. `None` if the asset has no indicators.
///
/// # Errors
///
/// If a parameter is unknown or wrong, or would replace the symbol or the API key.
pub(super) fn inquiry(id: &DocumentId) -> Result<Option<Inquiry>, Invalid> {
    let Some(Name::Listed(symbol)) = Name::of(&id.asset) else { return Ok(None) };
    let mut parameters = GivenParameters::of(id);
    let function = function(parameters.text("function").unwrap_or("SMA"))?;
    let interval = interval(parameters.text("interval").unwrap_or("1d"))?;
    let period = number(&mut parameters, "period", "time_period")?;
    let of = either(
        ("of", parameters.one_of("of", SERIES)?),
        ("series_type", parameters.one_of("series_type", SERIES)?),
    )?;
    let call = call(&function).query("symbol", &symbol).query("interval", interval);
    let with_period = |call: HttpRequest, period: u32| call.query("time_period", period.to_string());
    let is_common = matches!(function.as_str(), "SMA" | "EMA" | "RSI" | "MACD");
    let call = match function.as_str() {
        "SMA" | "EMA" => with_period(call, period.unwrap_or(20)),
        "RSI" => with_period(call, period.unwrap_or(14)),
        "MACD" if period.is_some() => {
            return Err(Invalid::new(format!(
                "MACD of {} has no period: it takes fast, slow and signal",
                id.asset
            )));
        }
        "MACD" => {
            let names =
                [("fast", "fastperiod", 12), ("slow", "slowperiod", 26), ("signal", "signalperiod", 9)];
            names.into_iter().try_fold(call, |call, (name, own, or)| {
                let bars = number(&mut parameters, name, own)?.unwrap_or(or);
                Ok::<_, Invalid>(call.query(own, bars.to_string()))
            })?
        }
        _ => period.map_or(call.clone(), |period| with_period(call, period)),
    };
    let call = match of.or(is_common.then_some("close")) {
        Some(of) => call.query("series_type", of),
        None => call,
    };
    let call = if is_common { parameters.end().map(|()| call)? } else { passed_on(call, id)? };
    let id = id.clone();
    let wanted = is_common.then(|| format!("Technical Analysis: {function}"));
    Ok(Some(Inquiry::new(call, move |body| {
        let Some(told) = read(body)? else { return Ok(None) };
        Name::Listed(symbol).check(&told.name)?;
        if let Some(wanted) = wanted.filter(|wanted| *wanted != told.title) {
            return Err(ParseError::text(&format!("in place of {wanted:?}"), &told.title).into());
        }
        if told.interval.as_deref().is_some_and(|told| told != interval) {
            return Err(ParseError::new(format!("an indicator of other bars than {interval}")).into());
        }
        Ok(Some(Document::new(id.asset, json!({"zone": told.zone, "values": told.values}))))
    })))
}

/// Reads the name of a function. Those that return prices, listings or news are no indicators: they are other
/// kinds of data.
fn function(text: &str) -> Result<String, Invalid> {
    let sound = (2..=16).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match sound {
        true => Ok(text.to_ascii_uppercase()),
        false => Err(Invalid::new(format!(
            "function is {:?}: name one of letters and digits, such as SMA, EMA, RSI, MACD",
            start_of(text)
        ))),
    }
}

fn interval(text: &str) -> Result<&'static str, Invalid> {
    text.parse::<Interval>().ok().and_then(called).ok_or_else(|| {
        let start = start_of(text);
        Invalid::new(format!("interval is {start:?}: it is one of 1m, 5m, 15m, 30m, 1h, 1d"))
    })
}

/// Returns a number that has two names.
fn number(
    parameters: &mut GivenParameters<'_>,
    name: &'static str,
    own: &'static str,
) -> Result<Option<u32>, Invalid> {
    let mut number = |name| parameters.number(name, 1..=MAX_PERIOD).map(|number| (name, number));
    either(number(name)?, number(own)?)
}

/// Returns the one of two parameters that mean the same.
fn either<T: PartialEq>(
    (name, value): (&str, Option<T>),
    (own, other): (&str, Option<T>),
) -> Result<Option<T>, Invalid> {
    match (value, other) {
        (Some(value), Some(other)) if value != other => {
            Err(Invalid::new(format!("{name} and {own} mean the same and differ: leave {own} out")))
        }
        (value, other) => Ok(value.or(other)),
    }
}

/// Passes on the parameters of a function that isn't known here.
fn passed_on(call: HttpRequest, id: &DocumentId) -> Result<HttpRequest, Invalid> {
    let read = ["function", "interval", "period", "time_period", "of", "series_type"];
    let others = id.parameters.iter().filter(|(name, _)| !read.contains(&name.as_str()));
    others.into_iter().try_fold(call, |call, (name, value)| {
        let reserved = ["apikey", "symbol", "datatype"].iter().any(|one| one.eq_ignore_ascii_case(name));
        match reserved {
            true => Err(Invalid::new(format!("{name:?} can't be a parameter of an indicator: leave it out"))),
            false => Ok(call.query(name, value)),
        }
    })
}

/// The values of an indicator by time, earliest first.
#[derive(Debug, PartialEq)]
pub(super) struct Indicator {
    /// The name of the asset.
    name: String,
    /// The name of the section: `Technical Analysis: SMA`.
    title: String,
    /// How much time each bar covers, if that is told: `15min`.
    interval: Option<String>,
    /// Times as given, in the zone of the exchange, each with the value of every line.
    values: BTreeMap<String, BTreeMap<String, f64>>,
    /// The zone of the times: `US/Eastern`.
    zone: String,
}

/// Parses the body of an indicator; `None` if the symbol is unknown.
///
/// # Errors
///
/// If it is a refusal, or can't be parsed.
pub(super) fn read(body: &[u8]) -> Result<Option<Indicator>, Nothing> {
    let body = Body::read(body)?;
    if body.is_empty() {
        return Ok(None);
    }
    let (_, meta) = body.section::<Texts>("Meta Data")?;
    let (title, told) =
        body.section::<BTreeMap<String, BTreeMap<String, LenientNumber>>>("Technical Analysis")?;
    let lines = |lines: BTreeMap<String, LenientNumber>| {
        lines.into_iter().map(|(line, value)| (line, value.0)).collect()
    };
    let values = told
        .into_iter()
        .map(|(at, values)| moment(&at).map(|at| (at.to_string(), lines(values))))
        .collect::<Result<_, ParseError>>()?;
    Ok(Some(Indicator {
        name: meta.get("Symbol")?.to_owned(),
        title: title.to_owned(),
        interval: meta.get("Interval").ok().map(str::to_owned),
        values,
        zone: meta.get("Time Zone")?.to_owned(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(id: &str) -> Result<String, String> {
        let inquiry = inquiry(&id.parse().unwrap()).map_err(|why| why.to_string())?;
        Ok(format!("{:?}", inquiry.unwrap().call).replace("%5F", "_"))
    }

    #[test]
    fn one_indicator_has_one_request_by_either_name_of_its_parameters() {
        for (ids, asked) in [
            (
                &["MSFT", "MSFT:period=20&of=close&function=sma"][..],
                "SMA&symbol=MSFT&interval=daily&time_period=20&series_type=close",
            ),
            (
                &["MSFT:interval=15m&time_period=10&series_type=open", "MSFT:interval=15m&period=10&of=OPEN"],
                "SMA&symbol=MSFT&interval=15min&time_period=10&series_type=open",
            ),
            (&["MSFT:function=RSI"], "RSI&symbol=MSFT&interval=daily&time_period=14&series_type=close"),
            (
                &["MSFT:function=MACD&fast=5", "MSFT:function=MACD&fastperiod=5&slow=26&signalperiod=9"],
                "MACD&symbol=MSFT&interval=daily&fastperiod=5&slowperiod=26&signalperiod=9&series_type=close",
            ),
            (
                &["MSFT:function=BBANDS&period=5&nbdevup=3&of=low"],
                "BBANDS&symbol=MSFT&interval=daily&time_period=5&series_type=low&nbdevup=3",
            ),
            (&["MSFT:function=VWAP&interval=5m"], "VWAP&symbol=MSFT&interval=5min"),
        ] {
            for id in ids {
                assert_eq!(query(id).unwrap(), format!("GET query?function={asked}"), "{id}");
            }
        }
        assert!(inquiry(&"EUR_USD@FX".parse().unwrap()).unwrap().is_none());
    }

    #[test]
    fn what_is_wrong_is_told_and_no_symbol_or_key_is_replaced() {
        for (id, why) in [
            ("MSFT:function=VWAP&apikey=x", "\"apikey\" can't be"),
            ("MSFT:function=VWAP&ApiKey=x", "can't be"),
            ("MSFT:function=VWAP&symbol=A", "can't be"),
            ("MSFT:apikey=x", "\"apikey\" is no parameter"),
            ("MSFT:function=SMA%26apikey=x", "such as SMA"),
            ("MSFT:function=TIME_SERIES_DAILY", "such as SMA"),
            ("MSFT:interval=7m", "one of 1m, 5m"),
            ("MSFT:period=0", "it is 1 to 10000"),
            ("MSFT:period=20&time_period=10", "leave time_period out"),
            ("MSFT:of=adjusted_close", "one of open, high, low, close"),
            ("MSFT:function=MACD&period=3", "fast, slow and signal"),
            ("MSFT:days=3", "\"days\" is no parameter"),
        ] {
            let told = query(id).unwrap_err();
            assert!(told.contains(why), "{id}: {told}");
        }
    }
}
