//! Macroeconomic series: consumer prices, treasury yields, and those that have functions of their own.

use jiff::civil::Date;
use serde::Deserialize;

use super::{
    body::{Body, Nothing},
    request::{Inquiry, call},
};
use crate::{
    AssetType, DataType, Document, DocumentId, Invalid, Market, Observation, Observations,
    adapters::parameters::GivenParameters,
    parse::{LenientNumber, ParseError, values_by_day},
};

/// The functions that are series by themselves, and the intervals of each, its default first.
const FUNCTIONS: &[(&str, &[&str])] = &[
    ("REAL_GDP", &["annual", "quarterly"]),
    ("REAL_GDP_PER_CAPITA", &["quarterly"]),
    ("FEDERAL_FUNDS_RATE", &["monthly", "weekly", "daily"]),
    ("INFLATION", &["annual"]),
    ("RETAIL_SALES", &["monthly"]),
    ("DURABLES", &["monthly"]),
    ("UNEMPLOYMENT", &["monthly"]),
    ("NONFARM_PAYROLL", &["monthly"]),
];

/// The intervals of consumer prices, the default first.
const CPI: &[&str] = &["monthly", "semiannual"];

/// The intervals of treasury yields, the default first.
const TREASURY: &[&str] = &["monthly", "weekly", "daily"];

const MATURITIES: [&str; 6] = ["3month", "2year", "5year", "7year", "10year", "30year"];
const USUAL_MATURITY: &str = "10year";

/// Returns the request for a series, and how its answer is read. `None` if there is no such series: all are of the
/// United States.
///
/// # Errors
///
/// If a parameter is unknown or wrong.
pub(super) fn inquiry(data: DataType, id: &DocumentId) -> Result<Option<Inquiry>, Invalid> {
    if (id.asset.asset_type, id.asset.market) != (AssetType::Index, Market::US) {
        return Ok(None);
    }
    let symbol = id.asset.symbol.as_str();
    let found = match data {
        DataType::CpiIndex => Some(("CPI", CPI)).filter(|_| symbol == "CPI"),
        DataType::TreasuryYield => Some(("TREASURY_YIELD", TREASURY)).filter(|_| symbol == "TREASURY"),
        _ => FUNCTIONS.iter().find(|(function, _)| *function == symbol).copied(),
    };
    let Some((function, intervals)) = found else { return Ok(None) };
    let mut parameters = GivenParameters::of(id);
    let interval = parameters.one_of("interval", intervals.iter().copied())?.unwrap_or(intervals[0]);
    let maturity = match data {
        DataType::TreasuryYield => Some(parameters.one_of("maturity", MATURITIES)?.unwrap_or(USUAL_MATURITY)),
        _ => None,
    };
    parameters.end()?;
    // A function with one interval takes none, and its answer is not held to it.
    let interval = (intervals.len() > 1).then_some(interval);
    let call = [("interval", interval), ("maturity", maturity)]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .fold(call(function), |call, (name, value)| call.query(name, value));
    let id = id.clone();
    Ok(Some(Inquiry::new(call, move |body| {
        let Some(told) = read(body)? else { return Ok(None) };
        is_asked_for(&told, interval, maturity)?;
        Ok(Some(Document::of(id.asset, &told)?))
    })))
}

/// Checks that the series is of the interval and the maturity that were asked for, as far as it tells.
fn is_asked_for(
    told: &Observations,
    interval: Option<&str>,
    maturity: Option<&str>,
) -> Result<(), ParseError> {
    if let (Some(wanted), Some(told)) = (interval, told.interval.as_deref())
        && !told.eq_ignore_ascii_case(wanted)
    {
        return Err(ParseError::text(&format!("in place of the interval {wanted}"), told));
    }
    let Some((wanted, told)) = maturity.zip(told.name.as_deref()) else { return Ok(()) };
    let plain: String = told.chars().filter(char::is_ascii_alphanumeric).collect();
    let says = |maturity: &str| plain.to_ascii_lowercase().contains(maturity);
    match MATURITIES.into_iter().any(says) && !says(wanted) {
        true => Err(ParseError::text(&format!("in place of the maturity {wanted}"), told)),
        false => Ok(()),
    }
}

#[derive(Deserialize)]
struct WireObservation {
    date: Date,
    value: Value,
}

/// A value, or that there is none: it is written as a dot.
#[derive(Deserialize)]
#[serde(untagged)]
enum Value {
    Some(LenientNumber),
    None(Dot),
}

#[derive(Deserialize)]
enum Dot {
    #[serde(rename = ".")]
    Dot,
}

/// Parses the body of a series; `None` for one that is not known.
///
/// # Errors
///
/// If it is a refusal, can't be parsed, or tells two values of one day.
pub(super) fn read(body: &[u8]) -> Result<Option<Observations>, Nothing> {
    let body = Body::read(body)?;
    if body.is_empty() {
        return Ok(None);
    }
    let (_, told) = body.section::<Vec<WireObservation>>("data")?;
    let value = |one: WireObservation| match one.value {
        Value::Some(value) => Some((one.date, value.0)),
        Value::None(Dot::Dot) => None,
    };
    let values = values_by_day("the value", told.into_iter().filter_map(value).collect())?;
    let text = |name| body.section::<Box<str>>(name).ok().map(|(_, text)| text);
    Ok(Some(Observations {
        name: text("name"),
        unit: text("unit"),
        interval: text("interval"),
        observations: values.into_iter().map(|(date, value)| Observation { date, value }).collect(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(data: DataType, id: &str) -> Result<Option<String>, String> {
        let inquiry = inquiry(data, &id.parse().unwrap()).map_err(|why| why.to_string())?;
        Ok(inquiry.map(|inquiry| format!("{:?}", inquiry.call).replace("%5F", "_")))
    }

    #[test]
    fn each_series_has_its_function_and_what_is_none_is_unknown() {
        use DataType::{CpiIndex, Macro, TreasuryYield};
        for (data, id, asked) in [
            (Macro, "REAL_GDP@US.index", "REAL_GDP&interval=annual"),
            (Macro, "REAL_GDP@US.index:interval=quarterly", "REAL_GDP&interval=quarterly"),
            (Macro, "UNEMPLOYMENT@US.index", "UNEMPLOYMENT"),
            (Macro, "UNEMPLOYMENT@US.index:interval=monthly", "UNEMPLOYMENT"),
            (CpiIndex, "CPI@US.index", "CPI&interval=monthly"),
            (TreasuryYield, "TREASURY@US.index", "TREASURY_YIELD&interval=monthly&maturity=10year"),
            (
                TreasuryYield,
                "TREASURY@US.index:maturity=3month&interval=daily",
                "TREASURY_YIELD&interval=daily&maturity=3month",
            ),
        ] {
            assert_eq!(query(data, id), Ok(Some(format!("GET query?function={asked}"))), "{id}");
        }
        for (data, id) in [
            (Macro, "CPI@US.index"),
            (Macro, "OVERVIEW@US.index"),
            (CpiIndex, "CPI"),
            (Macro, "REAL_GDP@XLON.index"),
        ] {
            assert_eq!(query(data, id), Ok(None), "{id}");
        }
        for (data, id, why) in [
            (Macro, "INFLATION@US.index:interval=daily", "it is one of annual"),
            (CpiIndex, "CPI@US.index:interval=daily", "it is one of monthly, semiannual"),
            (CpiIndex, "CPI@US.index:maturity=3month", "\"maturity\" is no parameter"),
            (TreasuryYield, "TREASURY@US.index:maturity=4year", "it is one of 3month, 2year"),
        ] {
            let told = query(data, id).unwrap_err();
            assert!(told.contains(why), "{told}");
        }
    }

    #[test]
    fn a_dot_is_no_value_and_the_days_come_in_order() {
        let read = |data: &str| read(format!(r#"{{"name":"x","data":[{data}]}}"#).as_bytes());
        let told = read(
            r#"{"date":"2020-03-01","value":"2"},{"date":"2020-02-01","value":"."},{"date":"2020-01-01","value":1.5},{"date":"2020-01-01","value":"1.5"}"#,
        );
        let told = told.unwrap().unwrap().observations;
        assert_eq!(told.iter().map(|one| one.value).collect::<Vec<_>>(), [1.5, 2.0]);
        for data in [
            r#"{"date":"2020-01-01","value":"NaN"}"#,
            r#"{"date":"2020-01-01","value":null}"#,
            r#"{"date":"2020-01-01","value":"1e999"}"#,
            r#"{"date":"x","value":"1"}"#,
            r#"{"date":"2020-01-01","value":"1"},{"date":"2020-01-01","value":"2"}"#,
        ] {
            assert!(matches!(read(data), Err(Nothing::Flawed(_))), "{data}");
        }
        assert_eq!(super::read(b"{}"), Ok(None));
    }
}
