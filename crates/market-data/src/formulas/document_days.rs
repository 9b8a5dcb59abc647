//! The days that a document is to cover.

use std::collections::BTreeMap;

use crate::{Date, DateRange, DocumentId, Invalid};

/// The days that a document is to cover, both included: the parameters `from` and `to` of dividends, adjusted
/// closes and total returns. A side that isn't given is open.
///
/// ```
/// use market_data::formulas::DocumentDays;
///
/// let days = DocumentDays::of(&"AAPL:from=2017-01-01".parse()?)?;
/// assert!(days.contains("2017-08-28".parse().unwrap()) && days.to.is_none());
/// assert_eq!(days.parameters()["from"], "2017-01-01");
/// # Ok::<(), market_data::Invalid>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct DocumentDays {
    /// The first day.
    pub from: Option<Date>,
    /// The last day, not before the first.
    pub to: Option<Date>,
}

impl DocumentDays {
    /// Reads the parameters of a document.
    ///
    /// # Errors
    ///
    /// If there is another parameter, a value is no day, or the first day lies after the last.
    pub fn of(id: &DocumentId) -> Result<Self, Invalid> {
        let mut days = Self::default();
        for (name, value) in &id.parameters {
            let side = match name.as_str() {
                "from" => &mut days.from,
                "to" => &mut days.to,
                _ => {
                    let name: String = name.chars().take(32).collect();
                    return Err(Invalid::new(format!("{name:?} is no parameter here: there are from, to")));
                }
            };
            *side = Some(day(name, value)?);
        }
        match (days.from, days.to) {
            (Some(from), Some(to)) if from > to => {
                Err(Invalid::new(format!("{from} lies after {to}: swap them, both days are included")))
            }
            _ => Ok(days),
        }
    }

    /// Returns the parameters of a document of these days: one text for each day, however it was written.
    #[must_use]
    pub fn parameters(&self) -> BTreeMap<String, String> {
        let side = |name: &str, day: Option<Date>| day.map(|day| (name.to_owned(), day.to_string()));
        side("from", self.from).into_iter().chain(side("to", self.to)).collect()
    }

    /// Returns the range of these days, from the first or to the last that there is where a side is open;
    /// `None` for all days.
    pub(crate) fn range(&self) -> Option<DateRange> {
        (*self != Self::default())
            .then(|| DateRange { from: self.from.unwrap_or(Date::MIN), to: self.to.unwrap_or(Date::MAX) })
    }

    /// Returns whether a day is one of them.
    #[must_use]
    pub fn contains(&self, day: Date) -> bool {
        self.from.is_none_or(|from| from <= day) && self.to.is_none_or(|to| day <= to)
    }
}

/// Reads a day; a text that also says a time is none, though a longer one begins like it.
fn day(name: &str, text: &str) -> Result<Date, Invalid> {
    let sound = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    text.parse().ok().filter(|_| sound).ok_or_else(|| {
        let start: String = text.chars().take(32).collect();
        Invalid::new(format!("{name} is {start:?}, which is no day: write it as 2020-01-31"))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn days_are_read_as_they_are_written(one in 0..9999_i16, other in 0..9999_i16, sides: (bool, bool)) {
            let day = |year, given: bool| given.then(|| jiff::civil::date(year, 2, 3));
            let days = DocumentDays { from: day(one.min(other), sides.0), to: day(one.max(other), sides.1) };
            let id = DocumentId { asset: "AAPL".parse().unwrap(), parameters: days.parameters() };
            prop_assert_eq!(DocumentDays::of(&id).unwrap(), days);
            // The range of requests has the same days, and is none where all are wanted.
            let range = days.range();
            prop_assert_eq!(range.is_some(), days.from.is_some() || days.to.is_some());
            for day in [Date::MIN, day(other, true).unwrap(), day(one, true).unwrap(), Date::MAX] {
                let is_within = range.is_none_or(|DateRange { from, to }| (from..=to).contains(&day));
                prop_assert_eq!(is_within, days.contains(day));
            }
        }
    }

    #[test]
    fn what_is_no_range_of_days_is_refused_with_the_reason() {
        for (text, why) in [
            ("AAPL:from=2020-02-01&to=2020-01-31", "lies after"),
            ("AAPL:from=20200201", "which is no day: write it as"),
            ("AAPL:to=2020-02-01T00", "which is no day"),
            ("AAPL:to=2020-02-30", "which is no day"),
            ("AAPL:period=20", "there are from, to"),
        ] {
            let told = DocumentDays::of(&text.parse().unwrap()).unwrap_err().to_string();
            assert!(told.contains(why), "{told}");
        }
    }
}
