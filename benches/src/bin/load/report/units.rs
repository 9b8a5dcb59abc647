//! Numbers as people read them.

use indicatif::HumanCount;

/// Returns a count with its thousands apart: `12,345`.
pub(crate) fn count(number: u64) -> String {
    HumanCount(number).to_string()
}

/// Returns a time in three digits: `412 ns`, `4.12 µs`, `41.2 ms`, `4.12 s`.
pub(crate) fn time(millis: f64) -> String {
    let nanos = millis * 1e6;
    // As it would be written: 999.7 has four digits.
    let (value, unit) = match nanos {
        n if n < 999.5 => return format!("{n:.0} ns"),
        n if n < 999.5e3 => (n / 1e3, "µs"),
        n if n < 999.5e6 => (n / 1e6, "ms"),
        n => (n / 1e9, "s"),
    };
    match value {
        v if v < 9.995 => format!("{v:.2} {unit}"),
        v if v < 99.95 => format!("{v:.1} {unit}"),
        v => format!("{v:.0} {unit}"),
    }
}

/// Returns operations a second in three digits at least: `0.035`, `12.5`, `1,235`.
pub(crate) fn rate(rate: f64) -> String {
    match rate {
        r if r < 0.9995 => format!("{r:.3}"),
        r if r < 9.995 => format!("{r:.2}"),
        r if r < 99.95 => format!("{r:.1}"),
        r => count(r.round() as u64),
    }
}

/// Returns a text of somebody else's without what a terminal would obey.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .map(|letter| if letter.is_control() { char::REPLACEMENT_CHARACTER } else { letter })
        .collect()
}

/// Returns a power of ten as short as the ticks of an axis are: `10`, `100k`, `1M`.
pub(super) fn tick(number: f64) -> String {
    match number {
        n if n < 1e3 => format!("{n:.0}"),
        n if n < 1e6 => format!("{:.0}k", n / 1e3),
        n => format!("{:.0}M", n / 1e6),
    }
}

/// Returns a share in percent.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_people_write_them() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [0.000412, 0.0009996, 0.00412, 0.0412, 0.412, 9.996, 41.2, 412.0, 999.6, 4120.0].map(time),
            [
                "412 ns", "1.00 µs", "4.12 µs", "41.2 µs", "412 µs", "10.0 ms", "41.2 ms", "412 ms",
                "1.00 s", "4.12 s"
            ]
        );
        assert_eq!([10.0, 1e3, 1e5, 1e6].map(tick), ["10", "1k", "100k", "1M"]);
        assert_eq!([1234.6, 62.5, 0.035].map(rate), ["1,235", "62.5", "0.035"]);
        assert_eq!(
            (percent(0.918), printable("a\u{1b}[31m")),
            ("91.8 %".to_owned(), "a\u{fffd}[31m".to_owned())
        );
    }
}
