//! What of a benchmark's JSON the docs show: figures and tables, each cell with its place, unit and bound.

use indicatif::HumanCount;
use serde_json::Value;

/// A benchmark in the docs.
#[derive(Debug)]
pub(crate) struct Program {
    /// The program of `benches/src/bin`.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// What it is given besides `--json`.
    pub(crate) args: &'static [&'static str],
    /// What is measured, in a sentence or two.
    pub(crate) about: &'static str,
    pub(crate) tables: &'static [Table],
}

/// A table of a benchmark.
#[derive(Debug)]
pub(crate) enum Table {
    /// A line for each figure.
    Figures(&'static [Figure]),
    /// A line for each element of an array or object.
    Each {
        /// The heading of the first column.
        of: &'static str,
        /// The place of the array or object.
        at: &'static str,
        /// The places of a line's name in its element, between spaces; of the members of an object it is the key.
        name: &'static str,
        columns: &'static [Column],
    },
    /// Pictures that the benchmark drew, each with what it shows and where it is, from the page.
    Plots(&'static [(&'static str, &'static str)]),
}

/// A figure.
#[derive(Debug)]
pub(crate) struct Figure {
    pub(crate) what: &'static str,
    pub(crate) cell: Cell,
    /// What a model system says of it.
    pub(crate) claim: Option<Claim>,
}

/// What a model system claims, and what it did when it was run.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) claimed: &'static str,
    /// Empty where it was not run.
    pub(crate) when_run: &'static str,
}

/// A column of a table that has a line for each element.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) title: &'static str,
    pub(crate) cell: Cell,
}

/// Where a value is in JSON, how it is shown, and what is wanted of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell {
    /// A path such as `/warmed/hit_rate`; `name=redis` in it is the element of an array whose `name` is `redis`.
    pub(crate) at: &'static str,
    pub(crate) unit: Unit,
    pub(crate) wanted: Wanted,
}

/// How a value is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// As it is, with separators of thousands.
    Count,
    /// A share of 1, as per cent.
    Share,
    /// With three figures or so.
    Number,
    Nanoseconds,
    Microseconds,
    Milliseconds,
    Seconds,
    Bytes,
    PerSecond,
    /// A text, a truth, or an object's members one after the other.
    Text,
}

/// What is wanted of a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Wanted {
    Nothing,
    AtMost(f64),
    AtLeast(f64),
    /// That it is true.
    True,
    /// The element says itself: `at_most` or `at_least`, behind the name of the value where it has several.
    Told,
}

/// Returns the value at a path.
pub(crate) fn find<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('/').skip(1).try_fold(value, |value, step| match (value, step.split_once('=')) {
        (Value::Array(elements), Some((name, wanted))) => {
            elements.iter().find(|element| element.get(name).and_then(Value::as_str) == Some(wanted))
        }
        (Value::Object(members), _) => members.get(step),
        _ => None,
    })
}

/// A value that was looked up.
#[derive(Debug, PartialEq)]
pub(crate) struct Shown {
    pub(crate) text: String,
    /// What was wanted; empty for nothing.
    pub(crate) wanted: String,
    /// Whether that holds; `None` if nothing was wanted or there is no value.
    pub(crate) holds: Option<bool>,
}

impl Cell {
    /// Looks the value up in an element.
    pub(crate) fn show(&self, element: &Value) -> Shown {
        let value = find(element, self.at).unwrap_or(&Value::Null);
        if self.wanted == Wanted::True {
            return Shown { text: self.unit.show(value), wanted: "yes".to_owned(), holds: value.as_bool() };
        }
        let of_value = |bound: &str| find(element, &format!("{}_{bound}", self.at));
        let told = |bound: &str| of_value(bound).or_else(|| element.get(bound)).and_then(Value::as_f64);
        let bound = match self.wanted {
            Wanted::Nothing | Wanted::True => None,
            Wanted::AtMost(limit) => Some((true, limit)),
            Wanted::AtLeast(limit) => Some((false, limit)),
            Wanted::Told => told("at_most")
                .map(|limit| (true, limit))
                .or_else(|| told("at_least").map(|limit| (false, limit))),
        };
        let wanted = bound.map_or_else(String::new, |(most, limit)| {
            format!("at {} {}", if most { "most" } else { "least" }, self.unit.show(&limit.into()))
        });
        let holds = bound.zip(value.as_f64()).map(
            |((most, limit), number)| {
                if most { number <= limit } else { number >= limit }
            },
        );
        Shown { text: self.unit.show(value), wanted, holds }
    }
}

impl Unit {
    /// Writes a value; a dash for what is not there.
    fn show(self, value: &Value) -> String {
        match value {
            Value::Null => "–".to_owned(),
            Value::Bool(truth) => if *truth { "yes" } else { "no" }.to_owned(),
            Value::String(text) => text.replace('|', "\\|"),
            Value::Array(values) => joined(values.iter().map(|value| self.show(value))),
            Value::Object(members) => {
                let known = members.iter().filter(|(_, value)| !value.is_null());
                joined(known.map(|(name, value)| format!("{name} {}", self.show(value))))
            }
            Value::Number(number) => self.number(number.as_f64().unwrap_or(f64::NAN)),
        }
    }

    fn number(self, number: f64) -> String {
        match self {
            Self::Count => grouped(number.round()),
            Self::Share => format!("{} %", plain(number * 100.0)),
            Self::Number | Self::Text => plain(number),
            Self::Nanoseconds => format!("{} ns", plain(number)),
            Self::Microseconds => format!("{} µs", plain(number)),
            Self::Milliseconds => format!("{} ms", plain(number)),
            Self::Seconds => format!("{} s", plain(number)),
            Self::Bytes => {
                let (size, unit) = match number.abs() {
                    less if less < 10_240.0 => (number, "B"),
                    less if less < 10_240.0 * 1024.0 => (number / 1024.0, "KiB"),
                    _ => (number / 1_048_576.0, "MiB"),
                };
                format!("{} {unit}", plain(size))
            }
            Self::PerSecond => format!("{}/s", grouped(number.round())),
        }
    }
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

/// Writes a number with as many places as say something.
fn plain(number: f64) -> String {
    let places = match number.abs() {
        huge if huge >= 100.0 => return grouped(number.round()),
        large if large >= 10.0 => 1,
        middle if middle >= 1.0 => 2,
        _ => 3,
    };
    if number != 0.0 && number.abs() < 0.001 {
        return format!("{number:.1e}");
    }
    let text = format!("{number:.places$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Writes a whole number with commas.
fn grouped(number: f64) -> String {
    let sign = if number < 0.0 { "-" } else { "" };
    format!("{sign}{}", HumanCount(number.abs() as u64))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(unit: Unit, value: &Value) -> String {
        unit.show(value)
    }

    #[test]
    fn values_are_shown_with_their_unit_and_no_idle_places() {
        assert_eq!(shown(Unit::Count, &json!(1_234_567)), "1,234,567");
        assert_eq!(shown(Unit::Share, &json!(0.9182)), "91.8 %");
        assert_eq!(shown(Unit::Number, &json!(1.5)), "1.5");
        assert_eq!(shown(Unit::Number, &json!(0.0174)), "0.017");
        assert_eq!(
            (shown(Unit::Number, &json!(0.000_000_47)), shown(Unit::Number, &json!(0))),
            ("4.7e-7".to_owned(), "0".to_owned())
        );
        assert_eq!(shown(Unit::Nanoseconds, &json!(132.4)), "132 ns");
        assert_eq!(shown(Unit::Bytes, &json!(321)), "321 B");
        assert_eq!(shown(Unit::Bytes, &json!(16 << 20)), "16 MiB");
        assert_eq!(shown(Unit::PerSecond, &json!(-4000.4)), "-4,000/s");
        assert_eq!(shown(Unit::Text, &json!({ "a": 1, "b": null, "c": [true] })), "a 1, c yes");
        assert_eq!(shown(Unit::Text, &Value::Null), "–");
    }

    #[test]
    fn an_element_of_an_array_is_found_by_what_a_member_of_it_says() {
        let found = json!({ "rows": [{ "name": "a" }, { "name": "b", "took": { "ms": 7 } }] });
        assert_eq!(find(&found, "/rows/name=b/took/ms"), Some(&json!(7)));
        assert_eq!(find(&found, ""), Some(&found));
        for nothing in ["/rows/name=c", "/rows/b", "/rows/name=a/took", "/row"] {
            assert_eq!(find(&found, nothing), None, "{nothing}");
        }
    }

    #[test]
    fn a_bound_is_the_cells_or_told_by_the_element() {
        let cell = |wanted| Cell { at: "/ratio", unit: Unit::Number, wanted };
        let element = json!({ "ratio": 1.2, "at_least": 1.5 });
        assert_eq!(cell(Wanted::Nothing).show(&element).holds, None);
        assert_eq!(cell(Wanted::AtMost(1.2)).show(&element).holds, Some(true));
        let told = cell(Wanted::Told).show(&element);
        assert_eq!((told.wanted.as_str(), told.holds), ("at least 1.5", Some(false)));
        let own = cell(Wanted::Told).show(&json!({ "ratio": 1.2, "ratio_at_most": 1.1, "pause_at_most": 9 }));
        assert_eq!((own.wanted.as_str(), own.holds), ("at most 1.1", Some(false)));
        let ahead = cell(Wanted::True).show(&json!({ "ratio": false }));
        assert_eq!((ahead.text.as_str(), ahead.holds), ("no", Some(false)));
        let none = cell(Wanted::AtMost(1.0)).show(&json!({}));
        assert_eq!((none.text.as_str(), none.holds), ("–", None));
    }
}
