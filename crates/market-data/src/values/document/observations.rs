//! Observations of a macroeconomic series.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::body::{DocumentBody, in_order};
use crate::Invalid;

/// A macroeconomic series, earliest first: the body of documents of [`DataType::Macro`](crate::DataType::Macro),
/// [`CpiIndex`](crate::DataType::CpiIndex), [`TreasuryYield`](crate::DataType::TreasuryYield) and
/// [`InflationRate`](crate::DataType::InflationRate).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Observations {
    /// What is observed, in the source's words.
    #[serde(default)]
    pub name: Option<Box<str>>,
    /// The unit, in the source's words: `percent`.
    #[serde(default)]
    pub unit: Option<Box<str>>,
    /// How far apart the observations are, in the source's words: `monthly`.
    #[serde(default)]
    pub interval: Option<Box<str>>,
    /// The observations. A day for which the source has no value is left out.
    pub observations: Vec<Observation>,
}

/// One value of a macroeconomic series.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// The day, or the first day of the month, quarter or year that it is about.
    pub date: Date,
    /// The value.
    pub value: f64,
}

impl DocumentBody for Observations {
    fn check(&self) -> Result<(), Invalid> {
        in_order("observations", self.observations.iter().map(|one| one.date))?;
        match self.observations.iter().find(|one| !one.value.is_finite()) {
            Some(one) => Err(Invalid::new(format!("the value of {} is {}, no number", one.date, one.value))),
            None => Ok(()),
        }
    }
}
