//! Numbers that were written with a unit where the setting has one: `5m` for a setting in seconds.

use crate::yaml::{Path, ValueError, YamlNode, deserialize};

/// The lengths of the units of time in milliseconds.
const TIMES: [(&str, f64); 14] = [
    ("ms", 1.0),
    ("msec", 1.0),
    ("millis", 1.0),
    ("s", 1e3),
    ("sec", 1e3),
    ("secs", 1e3),
    ("seconds", 1e3),
    ("m", 60e3),
    ("min", 60e3),
    ("minutes", 60e3),
    ("h", 3600e3),
    ("hours", 3600e3),
    ("d", 86_400e3),
    ("days", 86_400e3),
];
/// The sizes of the units of memory in KiB. Who writes `64MB` for a budget means what programs call so.
const SIZES: [(&str, f64); 9] = [
    ("k", 1.0),
    ("kb", 1.0),
    ("kib", 1.0),
    ("m", 1024.0),
    ("mb", 1024.0),
    ("mib", 1024.0),
    ("g", 1_048_576.0),
    ("gb", 1_048_576.0),
    ("gib", 1_048_576.0),
];

/// Returns `, in s: write 300` of a text that is a number with a unit, if `is_valid` accepts the number.
pub(crate) fn told_in_unit(node: &YamlNode, unit: &str, is_valid: impl Fn(&YamlNode) -> bool) -> String {
    let Some(number) = node.text().and_then(|text| in_unit(text, unit)) else { return String::new() };
    // Where only whole numbers are valid, a part of a unit is a unit.
    let valid =
        [number, number.ceil()].into_iter().find(|one| is_valid(&YamlNode::unquoted(&one.to_string())));
    match valid {
        Some(number) => format!(", in {unit}: write {number}"),
        None => format!(", in {unit}"),
    }
}

/// Returns what [`told_in_unit`] does of the field below `root` that is wrong, if its name ends in its unit.
pub(crate) fn field_in_unit(root: &YamlNode, error: &ValueError) -> String {
    let path = Path::to(root, error);
    let field = || {
        let unit = path.last_member().filter(|_| !error.of_key).and_then(unit_of_name)?;
        Some((root.at(error.position?)?, unit))
    };
    field().map_or_else(String::new, |(node, unit)| {
        told_in_unit(node, unit, |number| deserialize::<u64>(number).is_ok())
    })
}

/// Returns the number to write in `unit` for a text that is a number with a unit.
fn in_unit(text: &str, unit: &str) -> Option<f64> {
    let text = text.trim().to_ascii_lowercase();
    let digits = text.find(|one: char| !one.is_ascii_digit() && one != '.' && one != '_')?;
    let number: f64 = text[..digits].replace('_', "").parse().ok()?;
    let written = text[digits..].trim();
    [TIMES.as_slice(), SIZES.as_slice()].into_iter().find_map(|units| {
        let of =
            |name: &str| units.iter().find(|(one, _)| one.eq_ignore_ascii_case(name)).map(|(_, size)| *size);
        Some(number * of(written)? / of(unit)?)
    })
}

/// Returns the unit that the name of a field ends in: `ms` of `timeout_ms`.
fn unit_of_name(name: &str) -> Option<&'static str> {
    ["ms", "s", "mib"].into_iter().find(|unit| {
        name.strip_suffix(unit).is_some_and(|before| before.is_empty() || before.ends_with(['_', '.']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_75_a_number_with_a_unit_is_told_in_the_unit_of_the_setting() {
        for (text, unit, number) in [
            ("5m", "s", Some(300.0)),
            ("500ms", "ms", Some(500.0)),
            ("500 ms", "s", Some(0.5)),
            ("1.5h", "s", Some(5400.0)),
            ("64MB", "MiB", Some(64.0)),
            ("2 GiB", "MiB", Some(2048.0)),
            ("1d", "s", Some(86_400.0)),
            ("5m", "MiB", Some(5.0)),
            ("64MB", "s", None),
            ("5", "s", None),
            ("soon", "s", None),
            ("m", "s", None),
            ("1.2.3s", "s", None),
            ("5m", "", None),
        ] {
            assert_eq!(in_unit(text, unit), number, "{text} in {unit}");
        }
        assert_eq!(unit_of_name("timeout_ms"), Some("ms"));
        assert_eq!((unit_of_name("retries"), unit_of_name("items")), (None, None));
    }
}
