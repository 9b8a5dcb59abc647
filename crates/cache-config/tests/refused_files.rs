//! What a file may not hold, and what is said of it.

use std::num::NonZeroU32;

use cache_config::{ConfigErrors, ConfigReader, Origin, Position, Section, section, setting};
use serde::{Deserialize, Serialize};

section! {
    /// Settings of several types.
    pub struct Sample("sample.", _profile) {
        /// A number.
        number: u64 = 1, setting().range(1.0..=1e6).unit("s"),
        /// A number with a fraction.
        share: f64 = 1.0, setting().range(0.001..=600.0).unit("s"),
        /// A text.
        text: String = String::new(), setting(),
        /// Some items.
        items: Vec<Item> = Vec::new(), setting(),
    }
}

/// An item of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Item {
    /// Its name.
    pub name: String,
    /// How long to wait.
    pub wait_ms: u64,
    /// How many calls.
    pub calls: NonZeroU32,
}

impl Default for Item {
    fn default() -> Self {
        Self { name: String::new(), wait_ms: 0, calls: NonZeroU32::MIN }
    }
}

fn read(text: &str) -> Result<(), ConfigErrors> {
    let mut reader = ConfigReader::new(Sample::settings());
    reader.yaml("app.yaml", text);
    reader.finish().map(drop)
}

fn errors(text: &str) -> Vec<String> {
    read(text).unwrap_err().iter().map(str::to_owned).collect()
}

#[test]
fn rule_75_errors_are_in_the_order_of_their_lines() {
    let mut reader = ConfigReader::new(Sample::settings());
    reader.flag("set", "sample.numbr", "1");
    let text = format!("sample:\n  number: x\n{}sampel: {{}}\n", "\n".repeat(7));
    reader.yaml("app.yaml", &text);
    let errors = reader
        .finish_with(|values, errors| {
            let origin = Origin::File("app.yaml".into(), Some(Position { line: 3, column: 1 }));
            errors.add(&origin, "found last");
            errors.add(&values.origin("sample.text"), "nowhere");
        })
        .unwrap_err();
    let starts: Vec<&str> = errors.iter().map(|error| error.split(": ").next().unwrap_or_default()).collect();
    assert_eq!(starts, ["app.yaml:2:11", "app.yaml:3:1", "app.yaml:10:1", "--set", "default"]);
}

#[test]
fn rule_75_of_a_long_value_an_error_repeats_the_start() {
    let refuses = |text: &str| Err::<(), String>(format!("{text:?} is no such thing: give another"));
    for value in ["x".repeat(1 << 19), "x y ".repeat(1 << 17), "é\"'".repeat(1 << 18)] {
        let mut errors = ConfigErrors::default();
        let why = refuses(&value).unwrap_err();
        errors.add(&Origin::Default, format_args!("text is '{value}': {why}"));
        let said = errors.to_string();
        assert!(said.chars().count() < 1100, "{said}");
        assert!(said.ends_with("is no such thing: give another"), "{said}");
    }
}

#[test]
fn rule_75_a_setting_is_given_once_by_whichever_of_its_names() {
    let twice = "is given a second time, first on line";
    for (text, line, first) in [
        ("sample.number: 2\nsample: {number: 3}\n", 2, 1),
        ("sample: {number: 3}\nsample.number: 2\n", 2, 1),
        ("sample:\n  number: 2\n  text: x\nsample.text: y\n", 4, 3),
        ("sample.number:\nsample: {number: 3}\n", 2, 1),
        ("sample.number: 0\nsample: {number: 3}\n", 2, 1),
    ] {
        let errors = errors(text);
        let said = errors.iter().find(|error| error.contains(twice));
        let said = said.unwrap_or_else(|| panic!("{text}: {errors:?}"));
        assert!(said.starts_with(&format!("app.yaml:{line}:")), "{text}: {said}");
        assert!(said.contains(&format!("{twice} {first}: give it once")), "{text}: {said}");
    }
    assert_eq!(read("sample.number: 2\nsample: {text: x}\n"), Ok(()), "a section in two parts");
    let mut reader = ConfigReader::new(Sample::settings());
    reader.yaml("usual.yaml", "sample.number: 2");
    reader.yaml("own.yaml", "sample: {number: 3}");
    assert!(reader.finish().is_ok(), "a later file replaces an earlier one's values");
}

#[test]
fn rule_75_a_number_with_a_unit_is_refused_with_the_number_to_write() {
    for (written, said) in [
        ("number: 5m", "give a number in 1..=1000000, in s: write 300"),
        ("number: 500ms", "in s: write 1"),
        ("number: 90d", "in s"),
        ("share: 500ms", "give a number in 0.001..=600, in s: write 0.5"),
        ("share: -1ms", "give a number in 0.001..=600"),
        ("items: [7]", "give a section, not 7"),
        ("items: [{wait_ms: -1}]", "give a whole number, at least 0, not -1"),
        ("number: soon", "give a number in 1..=1000000"),
        (
            "items: [{wait_ms: 5s}]",
            "sample.items, number 1: wait_ms: give a whole number, not a text, in ms: write 5000",
        ),
        (
            "items: [{name: x, wait_ms: 1, calls: 0}]",
            "sample.items, x: calls: give a whole number, at least 1, not 0",
        ),
        ("items: [{wait_ms: 1, name: x, calls: soon}]", "give a whole number, at least 1, not a text"),
    ] {
        let errors = errors(&format!("sample: {{{written}}}\n"));
        assert!(errors.len() == 1 && errors[0].ends_with(said), "{written}: {errors:?}");
    }
}

#[test]
fn rule_75_what_is_left_of_a_refused_list_is_looked_at_and_what_it_lacks_is_known() {
    let mut reader = ConfigReader::new(Sample::settings());
    reader.yaml("app.yaml", "sample:\n  items:\n  - wait_ms: x\n    name: a\n  - {name: b, wait_ms: 2}\n");
    let errors = reader.finish_with(|values, errors| {
        let items = Sample::from_values(values).items;
        let names: Vec<&str> = items.iter().map(|item| item.name.as_str()).collect();
        assert_eq!((names.as_slice(), items[1].wait_ms), (["a", "b"].as_slice(), 2));
        assert!(values.is_left_out("sample.items", "0", "wait_ms"));
        assert!(!values.is_left_out("sample.items", "0", "name"));
        assert!(!values.is_left_out("sample.items", "1", "wait_ms"));
        errors.add(&values.origin_within("sample.items", "1.name"), "found as well");
    });
    let lines: Vec<String> = errors.unwrap_err().iter().map(str::to_owned).collect();
    assert_eq!(
        lines,
        [
            "app.yaml:3:14: sample.items, a: wait_ms: give a whole number, not a text",
            "app.yaml:5:12: found as well",
        ]
    );
}
