//! Spans of time as people write them: `90s`, `1h30m`.

use syn::{Error, LitStr, Result};

/// The span in milliseconds.
///
/// # Errors
///
/// Points at the text, and says what is wanted.
pub(crate) fn millis(text: &LitStr) -> Result<u64> {
    read(&text.value()).ok_or_else(|| {
        let message = format!("{:?} is no span of time such as \"90s\", \"5m\" or \"1h30m\"", text.value());
        Error::new(text.span(), message)
    })
}

fn read(text: &str) -> Option<u64> {
    let (mut rest, mut sum) = (text.trim(), 0_u64);
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at(digits);
        let letters = after.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, after) = after.split_at(letters);
        let factor = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        sum = number.parse::<u64>().ok()?.checked_mul(factor)?.checked_add(sum)?;
        rest = after.trim_start();
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn spans_are_read_as_people_write_them() {
        for (text, millis) in [
            ("90s", Some(90_000)),
            ("1h30m", Some(5_400_000)),
            ("1d 1ms", Some(86_400_001)),
            ("0s", Some(0)),
            ("", None),
            ("5", None),
            ("m", None),
            ("5 minutes", None),
            ("-1s", None),
            ("99999999999999999999s", None),
            ("18446744073709551615d", None),
        ] {
            assert_eq!(read(text), millis, "{text:?}");
        }
    }
}
