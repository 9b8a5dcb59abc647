//! JSON pointers into bodies, and the values they point to.

use std::sync::Arc;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    Invalid,
    parse::{LenientCount, LenientNumber, ParseError, start_of},
};

/// A valid JSON pointer, and the name of the field it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pointer {
    field: Arc<str>,
    path: String,
}

impl Pointer {
    /// The pointer of a field.
    ///
    /// # Errors
    ///
    /// If `path` is no JSON pointer.
    pub(super) fn new(field: impl Into<Arc<str>>, path: &str) -> Result<Self, Invalid> {
        let sound = path.is_empty() || path.starts_with('/');
        let escapes = path.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
        if sound && escapes {
            return Ok(Self { field: field.into(), path: path.to_owned() });
        }
        Err(Invalid::new(format!(
            "{:?} is no JSON pointer: write /data/0/price, or nothing for the whole",
            start_of(path)
        )))
    }

    /// The pointer to the whole of a value.
    pub(super) fn whole(field: impl Into<Arc<str>>) -> Self {
        Self { field: field.into(), path: String::new() }
    }

    /// Returns the name of its field.
    pub(super) fn field(&self) -> &str {
        &self.field
    }

    /// Returns the value, unless it is missing or `null`.
    pub(super) fn find<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        value.pointer(&self.path).filter(|value| !value.is_null())
    }

    /// Returns the value.
    ///
    /// # Errors
    ///
    /// If there is nothing.
    pub(super) fn get<'a>(&self, value: &'a Value) -> Result<&'a Value, ParseError> {
        self.find(value).ok_or_else(|| self.missing())
    }

    /// Returns the error about a value that isn't there.
    pub(super) fn missing(&self) -> ParseError {
        ParseError::new(format!("{} is missing: nothing at {:?}", self.field, self.path))
    }

    /// Returns the value as a number.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub(super) fn number(&self, value: &Value) -> Result<f64, ParseError> {
        let number = LenientNumber::deserialize(self.get(value)?);
        number.map(|number| number.0).map_err(|error| ParseError::json(&self.field, &error))
    }

    /// Returns the value as a count.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub(super) fn count(&self, value: &Value) -> Result<u64, ParseError> {
        let count = LenientCount::deserialize(self.get(value)?);
        count.map(|count| count.0).map_err(|error| ParseError::json(&self.field, &error))
    }

    /// Returns the value as a text; a number becomes one.
    ///
    /// # Errors
    ///
    /// If there is neither.
    pub(super) fn text(&self, value: &Value) -> Result<String, ParseError> {
        match self.get(value)? {
            Value::String(text) => Ok(text.clone()),
            Value::Number(number) => Ok(number.to_string()),
            _ => Err(ParseError::new(format!("{} is no text", self.field))),
        }
    }

    /// Returns whether nothing is there, not even a `null`.
    pub(super) fn is_missing(&self, item: &Value) -> bool {
        item.pointer(&self.path).is_none()
    }

    /// Returns the value as a time; `stamp` makes one of a number.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub(super) fn time(&self, value: &Value, stamp: fn(f64) -> Timestamp) -> Result<Told, ParseError> {
        let told = self.get(value)?;
        let wrong = || ParseError::text(&format!("{} is no time", self.field), start_of(&told.to_string()));
        match told {
            Value::Number(number) => number.as_f64().map(stamp).map(Told::Moment).ok_or_else(wrong),
            Value::String(text) if text.len() == 10 && text.contains('-') => {
                text.parse().map(Told::Day).map_err(|_| wrong())
            }
            Value::String(text) => text.parse().map(Told::Moment).map_err(|_| wrong()),
            _ => Err(wrong()),
        }
    }
}

const SECONDS_A_DAY: i64 = 86_400;

/// A time as given: a day or a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Day(Date),
    Moment(Timestamp),
}

impl Told {
    /// Returns the day; that of a moment in `zone`.
    pub(super) fn day(self, zone: &TimeZone) -> Date {
        match self {
            Self::Day(day) => day,
            Self::Moment(at) => zone.to_datetime(at).date(),
        }
    }

    /// Returns the day of what is told of whole days: midnight in UTC is how many write a day, where no market's
    /// zone has its midnight then.
    pub(super) fn day_in(self, zone: &TimeZone) -> Date {
        match self {
            Self::Moment(at) if at.as_second() % SECONDS_A_DAY == 0 => TimeZone::UTC.to_datetime(at).date(),
            told => told.day(zone),
        }
    }

    /// Returns the moment, unless only a day was given.
    pub(super) fn moment(self) -> Option<Timestamp> {
        match self {
            Self::Day(_) => None,
            Self::Moment(at) => Some(at),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::parse::quote_stamp;

    fn pointer(path: &str) -> Pointer {
        Pointer::new("quotes.price", path).unwrap()
    }

    #[test]
    fn what_is_no_pointer_is_refused() {
        for path in ["price", "$.price", "/a~", "/a~2b"] {
            let message = Pointer::new("quotes.price", path).unwrap_err().to_string();
            assert!(message.contains("no JSON pointer") && message.contains(path), "{message}");
        }
    }

    #[test]
    fn a_value_that_is_not_there_or_is_another_is_told_by_its_field() {
        let value = json!({"a": {"b": null, "c": "x", "d": [1], "e": -1, "f": "1.5"}});
        for path in ["/a/b", "/a/z", "/a/c", "/a/d", "/x"] {
            let message = pointer(path).number(&value).unwrap_err().to_string();
            assert!(message.contains("quotes.price"), "{message}");
        }
        assert_eq!((pointer("/a/f").number(&value), pointer("/a/d/0").number(&value)), (Ok(1.5), Ok(1.0)));
        assert!(pointer("/a/e").count(&value).is_err() && pointer("/a/d").text(&value).is_err());
    }

    #[test]
    fn a_time_is_told_in_five_ways() {
        let value =
            json!(["2020-01-02", "2020-01-02T14:30:00Z", 1577975400, 1577975400000_i64, 1577975400.5]);
        let time = |at: usize| pointer(&format!("/{at}")).time(&value, quote_stamp).unwrap();
        assert_eq!(time(0), Told::Day("2020-01-02".parse().unwrap()));
        let moment = Told::Moment("2020-01-02T14:30:00Z".parse().unwrap());
        assert!((1..=3).all(|at| time(at) == moment));
        assert_eq!(time(4), Told::Moment("2020-01-02T14:30:00.5Z".parse().unwrap()));
    }

    proptest! {
        #[test]
        fn no_value_makes_a_pointer_panic(number: f64, text in ".{0,20}", path in "(/[a-z0-9~01]{0,3}){0,3}") {
            if let Ok(pointer) = Pointer::new("x", &path) {
                for value in [json!(number), json!(text), json!([number, text]), json!({"a": number})] {
                    let _ = (pointer.time(&value, quote_stamp), pointer.number(&value), pointer.count(&value));
                }
            }
        }
    }
}
