//! Numbers as people read them.

use indicatif::HumanCount;
use serde_json::Value;

/// Returns a count with its thousands apart: `12,345`.
pub(crate) fn count(number: u64) -> String {
    HumanCount(number).to_string()
}

/// Returns an amount of bytes: `1.5 MiB`.
pub(crate) fn bytes(bytes: u64) -> String {
    let (mut size, mut unit) = (bytes as f64, 0);
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    while size >= 1023.95 && unit + 1 < units.len() {
        (size, unit) = (size / 1024.0, unit + 1);
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{size:.1} {}", units[unit]) }
}

/// Returns a share in percent: `93.4 %`.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// Returns a latency: `0.42 ms`, `12.3 ms`, `1.20 s`.
pub(crate) fn millis(millis: f64) -> String {
    match millis {
        small if small < 10.0 => format!("{small:.2} ms"),
        few if few < 1000.0 => format!("{few:.1} ms"),
        many => format!("{:.2} s", many / 1000.0),
    }
}

/// Returns a span of time in its two largest units: `340 ms`, `12 s`, `3 min 5 s`, `2 d 4 h`.
pub(crate) fn duration_ms(millis: u64) -> String {
    let seconds = millis / 1000;
    let two = |large: u64, unit: &str, small: u64, below: &str| match small {
        0 => format!("{large} {unit}"),
        _ => format!("{large} {unit} {small} {below}"),
    };
    match seconds {
        0 => format!("{millis} ms"),
        1..=59 => format!("{seconds} s"),
        60..=3599 => two(seconds / 60, "min", seconds % 60, "s"),
        3600..=86_399 => two(seconds / 3600, "h", seconds % 3600 / 60, "min"),
        _ => two(seconds / 86_400, "d", seconds % 86_400 / 3600, "h"),
    }
}

/// Returns a number of a document as a text; a dash if there is none.
pub(crate) fn maybe(number: &Value, text: impl Fn(f64) -> String) -> String {
    number.as_f64().map_or_else(|| "-".to_owned(), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_people_write_them() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0, 1023, 1536, 1 << 20].map(bytes), ["0 B", "1023 B", "1.5 KiB", "1.0 MiB"]);
        assert_eq!([0.5, 42.0, 1234.0].map(millis), ["0.50 ms", "42.0 ms", "1.23 s"]);
        assert_eq!(
            [340, 12_000, 185_000, 3_600_000, 187_200_000].map(duration_ms),
            ["340 ms", "12 s", "3 min 5 s", "1 h", "2 d 4 h"]
        );
    }
}
