//! What companies report, by `/v10/finance/quoteSummary`: which modules make a statement, and their body.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    error_body::{ErrorBody, Outcome},
    symbol,
};
use crate::{
    DocumentId, Invalid, adapters::parameters::GivenParameters, http::HttpRequest, parse::ParseError,
};

/// The statements, and the modules of Yahoo's summary that belong to each. The first is the default.
const STATEMENTS: &[(&str, &[&str])] = &[
    ("overview", &["summaryDetail", "assetProfile", "defaultKeyStatistics", "financialData", "price"]),
    ("income", &["incomeStatementHistory", "incomeStatementHistoryQuarterly"]),
    ("balance", &["balanceSheetHistory", "balanceSheetHistoryQuarterly"]),
    ("cash_flow", &["cashflowStatementHistory", "cashflowStatementHistoryQuarterly"]),
    ("earnings", &["earnings", "calendarEvents"]),
];

/// Returns the modules of the statement that a document's parameters name.
///
/// # Errors
///
/// If a parameter is unknown or wrong.
pub(super) fn modules(id: &DocumentId) -> Result<&'static [&'static str], Invalid> {
    let mut parameters = GivenParameters::of(id);
    let statement = parameters.one_of("statement", STATEMENTS.iter().map(|(statement, _)| *statement))?;
    parameters.end()?;
    let wanted = |(known, _): &&(&str, _)| statement.is_none_or(|statement| statement == *known);
    Ok(STATEMENTS.iter().find(wanted).map_or(&[], |(_, modules)| modules))
}

/// Returns the request for some modules of the summary of `name`.
pub(super) fn call(name: &str, modules: &[&str]) -> HttpRequest {
    HttpRequest::get(["v10", "finance", "quoteSummary", name])
        .query("formatted", "false")
        .query("modules", modules.join(","))
}

#[derive(Deserialize)]
struct Body {
    #[serde(rename = "quoteSummary")]
    summary: Option<Outcome<Vec<Map<String, Value>>>>,
    finance: Option<Outcome<serde::de::IgnoredAny>>,
}

/// Parses a body, of whichever status: modules by name; `None` if the symbol is unknown, or nothing is reported of
/// it.
///
/// # Errors
///
/// If it can't be parsed, or holds another error.
pub(super) fn read(body: &[u8]) -> Result<Option<Map<String, Value>>, ParseError> {
    let body: Body = serde_json::from_slice(body).map_err(|error| ParseError::json("the summary", &error))?;
    let (modules, error) = match (body.summary, body.finance) {
        (Some(summary), _) => (summary.result, summary.error),
        (None, finance) => (None, finance.and_then(|finance| finance.error)),
    };
    match (modules.and_then(|modules| modules.into_iter().next()), error) {
        (_, Some(error)) if ErrorBody::is_unknown_symbol(&error) => Ok(None),
        (_, Some(error)) => Err(error.parse_error()),
        (Some(modules), None) => Ok(Some(modules)),
        (None, None) => Err(ParseError::new("the answer holds no summary")),
    }
}

/// Checks that a summary has one of the modules asked for, and is of `name`, where it says of whom it is.
///
/// # Errors
///
/// If it hasn't, or is of another.
pub(super) fn checked(summary: &Map<String, Value>, name: &str, modules: &[&str]) -> Result<(), ParseError> {
    if !modules.iter().any(|module| summary.get(*module).is_some_and(Value::is_object)) {
        return Err(ParseError::new(format!("the summary holds none of {}", modules.join(", "))));
    }
    let told = |module: &Value| module.get("symbol").and_then(Value::as_str).map(str::to_owned);
    match summary.values().filter_map(told).find(|told| !symbol::same(told, name)) {
        Some(other) => Err(ParseError::name("the name", &other)),
        None => Ok(()),
    }
}
