//! Numbers as upstreams write them: plain or in quotes, and always finite.

use std::fmt;

use serde::{Deserialize, Deserializer, de};

/// A finite number, written as a number or as a text such as `"112.6300"`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct LenientNumber(pub(crate) f64);

/// A count: a finite number, not negative, rounded to the nearest whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LenientCount(pub(crate) u64);

impl LenientNumber {
    /// Reads a decimal number; `None` for any other text, infinities included.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let decimal = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+' | b'e' | b'E');
        if text.len() > 64 || !text.bytes().all(decimal) {
            return None;
        }
        text.parse().ok().filter(|number: &f64| number.is_finite()).map(Self)
    }
}

impl LenientCount {
    /// Reads a count; `None` for any other text.
    pub(crate) fn read(text: &str) -> Option<Self> {
        // Digits first: past 2^53 a float would not hold them all.
        text.parse()
            .ok()
            .map(Self)
            .or_else(|| LenientNumber::read(text).and_then(|number| Self::of(number.0)))
    }

    fn of(number: f64) -> Option<Self> {
        // The next float above would no longer fit.
        (0.0..u64::MAX as f64).contains(&number).then(|| Self(number.round() as u64))
    }
}

impl<'de> Deserialize<'de> for LenientNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor)
    }
}

impl<'de> Deserialize<'de> for LenientCount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CountVisitor)
    }
}

struct NumberVisitor;

impl de::Visitor<'_> for NumberVisitor {
    type Value = LenientNumber;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a finite number")
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<LenientNumber, E> {
        match number.is_finite() {
            true => Ok(LenientNumber(number)),
            false => Err(E::invalid_value(de::Unexpected::Float(number), &self)),
        }
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<LenientNumber, E> {
        Ok(LenientNumber(number as f64))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<LenientNumber, E> {
        Ok(LenientNumber(number as f64))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<LenientNumber, E> {
        LenientNumber::read(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(start_of(text)), &self))
    }
}

struct CountVisitor;

impl de::Visitor<'_> for CountVisitor {
    type Value = LenientCount;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number not below zero")
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<LenientCount, E> {
        LenientCount::of(number).ok_or_else(|| E::invalid_value(de::Unexpected::Float(number), &self))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<LenientCount, E> {
        let count = u64::try_from(number);
        count.map(LenientCount).map_err(|_| E::invalid_value(de::Unexpected::Signed(number), &self))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<LenientCount, E> {
        Ok(LenientCount(number))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<LenientCount, E> {
        LenientCount::read(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(start_of(text)), &self))
    }
}

/// Returns the beginning of a foreign text, as much as an error may show.
pub(crate) fn start_of(text: &str) -> &str {
    let end = text.char_indices().nth(32).map_or(text.len(), |(at, _)| at);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_number(json: &str) -> Option<f64> {
        serde_json::from_str::<LenientNumber>(json).ok().map(|number| number.0)
    }

    fn count(json: &str) -> Option<u64> {
        serde_json::from_str::<LenientCount>(json).ok().map(|count| count.0)
    }

    #[test]
    fn what_is_no_finite_number_is_refused() {
        for json in
            ["1e999", "-1e999", r#""1e999""#, "NaN", r#""NaN""#, r#""inf""#, r#""""#, r#"" 1""#, "true"]
        {
            assert_eq!((read_number(json), count(json)), (None, None), "{json}");
        }
        assert_eq!((read_number("null"), read_number("[1]"), read_number(r#""None""#)), (None, None, None));
        for json in ["-1", "-0.6", r#""-1""#, "1e300", r#""1,000""#] {
            assert_eq!(count(json), None, "{json}");
        }
    }

    proptest! {
        #[test]
        fn a_number_is_the_same_with_quotes_and_without(number in any::<f64>().prop_filter("finite", |n| n.is_finite())) {
            let text = serde_json::to_string(&number).unwrap();
            prop_assert_eq!(read_number(&text), Some(number));
            prop_assert_eq!(read_number(&format!("{text:?}")), Some(number));
        }

        #[test]
        fn a_count_is_exact_however_large(number in any::<u64>()) {
            prop_assert_eq!(count(&number.to_string()), Some(number));
            prop_assert_eq!(count(&format!("\"{number}\"")), Some(number));
        }

        #[test]
        fn no_text_makes_a_figure_that_is_not_finite(text in "\\PC{0,40}") {
            prop_assert!(LenientNumber::read(&text).is_none_or(|number| number.0.is_finite()));
            let _ = LenientCount::read(&text);
            prop_assert!(start_of(&text).chars().count() <= 32);
        }
    }
}
