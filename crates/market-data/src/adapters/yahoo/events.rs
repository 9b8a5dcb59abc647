//! Parses the events of a chart: dividends and splits.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::chart::moment;
use crate::parse::{LenientNumber, ParseError};

/// What happened to a share, in no order.
#[derive(Debug, Default, PartialEq)]
pub(super) struct ShareEvents {
    /// The first moment of trading without the dividend, and the amount a share.
    pub(super) dividends: Vec<(Timestamp, f64)>,
    /// The first moment of trading with the new shares, and how many one became.
    pub(super) splits: Vec<(Timestamp, f64)>,
}

#[derive(Default, Deserialize)]
struct Wire {
    #[serde(default)]
    dividends: BTreeMap<String, WireDividend>,
    #[serde(default)]
    splits: BTreeMap<String, WireSplit>,
}

#[derive(Deserialize)]
struct WireDividend {
    amount: LenientNumber,
    date: i64,
}

#[derive(Deserialize)]
struct WireSplit {
    numerator: LenientNumber,
    denominator: LenientNumber,
    date: i64,
}

/// Parses the `events` of a chart, which may have none.
///
/// # Errors
///
/// If they can't be parsed.
pub(super) fn read(events: &Value) -> Result<ShareEvents, ParseError> {
    let wire = Option::<Wire>::deserialize(events).map_err(|error| ParseError::json("the events", &error))?;
    let Wire { dividends, splits } = wire.unwrap_or_default();
    let paid = |one: &WireDividend| Ok((moment(one.date)?, one.amount.0));
    // Whether a ratio can be one is for whoever makes a document of it.
    let split = |one: &WireSplit| Ok((moment(one.date)?, one.numerator.0 / one.denominator.0));
    Ok(ShareEvents {
        dividends: dividends.values().map(paid).collect::<Result<_, ParseError>>()?,
        splits: splits.values().map(split).collect::<Result<_, ParseError>>()?,
    })
}
