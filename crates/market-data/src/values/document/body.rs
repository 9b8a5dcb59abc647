//! Bodies of documents whose shape is common to all providers.

use std::time::Duration;

use cache_core::Timestamp;
use jiff::civil::Date;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    AdjustedCloses, Asset, DataType, Dividends, Document, Invalid, Observations, moment::to_jiff,
    values::bar::day_of,
};

/// The body of a document, of a shape that is common to all providers: [`Dividends`], [`AdjustedCloses`],
/// [`Observations`]. Other kinds of data have the body that their provider gives them.
pub trait DocumentBody: Serialize + DeserializeOwned {
    /// Checks what the shape alone doesn't say: that days go up, and that numbers are some.
    ///
    /// # Errors
    ///
    /// If something can't be true: the message says what.
    fn check(&self) -> Result<(), Invalid>;
}

impl Document {
    /// A document about an asset with this body.
    ///
    /// # Errors
    ///
    /// As [`DocumentBody::check`].
    ///
    /// ```
    /// use market_data::{Date, Dividend, Dividends, Document};
    ///
    /// let paid = Dividend { date: Date::constant(2021, 2, 17), amount: 0.56 };
    /// let dividends = Dividends { dividends: vec![paid], ..Dividends::default() };
    /// let document = Document::of("MSFT".parse()?, &dividends)?;
    /// assert_eq!(document.read::<Dividends>()?, dividends);
    /// # Ok::<(), market_data::Invalid>(())
    /// ```
    pub fn of<B: DocumentBody>(asset: Asset, body: &B) -> Result<Self, Invalid> {
        body.check()?;
        let body = serde_json::to_value(body).map_err(|error| Invalid::new(error.to_string()))?;
        Ok(Self::new(asset, body))
    }

    /// Reads the body.
    ///
    /// # Errors
    ///
    /// If it is of another shape, or as [`DocumentBody::check`].
    pub fn read<B: DocumentBody>(&self) -> Result<B, Invalid> {
        read(&self.body)
    }
}

impl DataType {
    /// Checks that the body of a document of this kind has the shape that is common to all providers, if there is
    /// one.
    ///
    /// # Errors
    ///
    /// If it has another: the message says what is wrong.
    pub fn check_body(self, body: &Value) -> Result<(), Invalid> {
        match self {
            Self::Dividend => read::<Dividends>(body).map(drop),
            Self::AdjustedClose => read::<AdjustedCloses>(body).map(drop),
            Self::Macro | Self::CpiIndex | Self::TreasuryYield | Self::InflationRate => {
                read::<Observations>(body).map(drop)
            }
            _ => Ok(()),
        }
    }
}

/// From here on an amount is none that anything costs.
const TOO_MUCH: f64 = 1e16;
/// How far ahead a day may lie that is today elsewhere, and a moment by another clock.
const AHEAD: Duration = Duration::from_secs(2 * 86_400);

impl DataType {
    /// Checks a document of this kind as [`DataType::check_body`], and that it tells nothing of days that have not
    /// come at `now`. Dividends are announced before they are paid, and macroeconomic series may be forecasts.
    ///
    /// # Errors
    ///
    /// If it can't be true: the message says what is wrong.
    pub fn check_document(self, document: &Document, now: Timestamp) -> Result<(), Invalid> {
        let latest = now.after(AHEAD);
        if let Some(time) = document.time.filter(|time| *time > latest) {
            return Err(Invalid::new(format!("its time is {}, which has not come", to_jiff(time))));
        }
        let last = match self {
            Self::AdjustedClose => {
                read::<AdjustedCloses>(&document.body)?.closes.last().map(|close| close.date)
            }
            Self::CpiIndex | Self::TreasuryYield | Self::InflationRate => {
                let observations = read::<Observations>(&document.body)?.observations;
                if self == Self::CpiIndex
                    && let Some(one) = observations.iter().find(|one| one.value <= 0.0)
                {
                    return Err(Invalid::new(format!(
                        "the prices of {} are {}: they must be above 0",
                        one.date, one.value
                    )));
                }
                observations.last().map(|one| one.date)
            }
            _ => return self.check_body(&document.body),
        };
        match last.filter(|day| *day > day_of(latest)) {
            Some(day) => Err(Invalid::new(format!("it tells of {day}, which has not come"))),
            None => Ok(()),
        }
    }
}

fn read<B: DocumentBody>(body: &Value) -> Result<B, Invalid> {
    // serde reads a list as a struct too, whose items then mean fields by their order.
    if !body.is_object() {
        return Err(Invalid::new("the body is no JSON object"));
    }
    let read = B::deserialize(body).map_err(|error| Invalid::new(error.to_string()))?;
    read.check()?;
    Ok(read)
}

/// Checks that days go up.
pub(super) fn in_order(what: &str, days: impl Iterator<Item = Date>) -> Result<(), Invalid> {
    let mut before: Option<Date> = None;
    for day in days {
        if let Some(before) = before.filter(|before| *before >= day) {
            return Err(Invalid::new(format!(
                "{what} go from {before} to {day}: each day is there once, in order"
            )));
        }
        before = Some(day);
    }
    Ok(())
}

/// Checks that an amount of a day is a number above 0.
pub(super) fn positive(what: &str, day: Date, amount: f64) -> Result<(), Invalid> {
    if amount > 0.0 && amount < TOO_MUCH {
        return Ok(());
    }
    Err(Invalid::new(format!("{what} of {day} is {amount}: it must be above 0, and below {TOO_MUCH:e}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_body_that_can_not_be_true_is_refused_with_the_reason() {
        let day = |day: &str, amount: f64| json!({"date": day, "amount": amount});
        for (data, body, why) in [
            (DataType::Dividend, json!({}), "dividends"),
            (
                DataType::Dividend,
                json!({"dividends": [day("2020-01-02", 1.0), day("2020-01-02", 1.0)]}),
                "each day is there once",
            ),
            (DataType::Dividend, json!({"dividends": [day("2020-01-02", -1.0)]}), "must be above 0"),
            (
                DataType::Dividend,
                json!({"dividends": [], "splits": [{"date": "2020-01-02", "ratio": 0.0}]}),
                "must be above 0",
            ),
            (DataType::Dividend, json!({"dividends": [day("x", 1.0)]}), "four digit year"),
            (
                DataType::AdjustedClose,
                json!({"closes": [{"date": "2020-01-02", "adjusted_close": null}]}),
                "f64",
            ),
            (DataType::CpiIndex, json!({"observations": [{"date": "2020-01-02", "value": "1"}]}), "f64"),
            (DataType::Macro, json!([null, null, null, []]), "no JSON object"),
        ] {
            let told = data.check_body(&body).unwrap_err().to_string();
            assert!(told.contains(why), "{data}: {told}");
        }
        assert!(DataType::News.check_body(&json!([1])).is_ok(), "each provider's own");
        assert!(DataType::TreasuryYield.check_body(&json!({"observations": []})).is_ok());
    }
}
