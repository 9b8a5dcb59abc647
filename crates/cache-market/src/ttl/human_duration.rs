//! Durations as people write them: `300` for seconds, or `"5m"`, `"24h"`, `"7d"`.

use std::{fmt, time::Duration};

use jiff::{Span, SpanRelativeTo};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, Visitor},
};

use market_data::Invalid;

/// The longest duration accepted; a longer one is a typing error.
const MAX_DURATION: Duration = Duration::from_secs(3_660 * 86_400);

/// Reads `300`, `0.5`, `"300"`, `"5m"`, `"1h 30m"`, `"24h"`, `"7d"`: a day is 24 hours.
pub(crate) fn parse(text: &str) -> Result<Duration, Invalid> {
    if let Ok(seconds) = text.trim().parse::<f64>() {
        return from_seconds(seconds);
    }
    let read = || {
        let span = text.trim().parse::<Span>().ok()?;
        Duration::try_from(span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?).ok()
    };
    read().ok_or_else(|| refused(text)).and_then(bounded)
}

fn from_seconds(seconds: f64) -> Result<Duration, Invalid> {
    Duration::try_from_secs_f64(seconds).map_err(|_| refused(&seconds.to_string())).and_then(bounded)
}

fn bounded(span: Duration) -> Result<Duration, Invalid> {
    if span <= MAX_DURATION {
        return Ok(span);
    }
    Err(Invalid::new(format!("{} s is longer than 10 years: lives are in seconds", span.as_secs())))
}

fn refused(text: &str) -> Invalid {
    let start: String = text.chars().take(32).collect();
    Invalid::new(format!("{start:?} is no duration: write seconds, or such as \"5m\", \"24h\", \"7d\""))
}

pub(crate) fn serialize<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    if span.subsec_nanos() == 0 {
        serializer.serialize_u64(span.as_secs())
    } else {
        serializer.serialize_f64(span.as_secs_f64())
    }
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    deserializer.deserialize_any(TextOrSeconds("seconds, or such as \"5m\", \"24h\", \"7d\"", parse))
}

/// Reads a number of seconds, or a text by the function `.1`; `.0` says what is wanted.
pub(crate) struct TextOrSeconds<T>(pub(crate) &'static str, pub(crate) fn(&str) -> Result<T, Invalid>);

impl<T> Visitor<'_> for TextOrSeconds<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.1)(text).map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, seconds: u64) -> Result<T, E> {
        self.visit_str(&seconds.to_string())
    }

    fn visit_i64<E: Error>(self, seconds: i64) -> Result<T, E> {
        self.visit_str(&seconds.to_string())
    }

    fn visit_f64<E: Error>(self, seconds: f64) -> Result<T, E> {
        self.visit_str(&seconds.to_string())
    }
}

/// The same for an optional field.
pub(crate) mod maybe {
    use super::{Deserialize, Deserializer, Duration, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(transparent)]
    struct Written(#[serde(with = "super")] Duration);

    pub(crate) fn serialize<S: Serializer>(
        span: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        span.map(Written).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<Written>::deserialize(deserializer)?.map(|written| written.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct One(#[serde(with = "super")] Duration);

    #[test]
    fn a_length_is_read_in_every_way_it_is_written() {
        for (text, millis) in [
            ("300", 300_000),
            ("0.5", 500),
            (r#""300""#, 300_000),
            (r#""5m""#, 300_000),
            (r#""1h 30m""#, 5_400_000),
            (r#""24h""#, 86_400_000),
            (r#""7d""#, 604_800_000),
            ("0", 0),
        ] {
            let One(span) = serde_json::from_str(text).unwrap();
            assert_eq!(span, Duration::from_millis(millis), "{text}");
            assert_eq!(
                serde_json::from_str::<One>(&serde_json::to_string(&One(span)).unwrap()).unwrap().0,
                span
            );
        }
    }

    #[test]
    fn what_is_no_length_is_refused_with_what_is_wanted() {
        for text in
            ["-1", r#""-5m""#, "1e999", "1e300", r#""NaN""#, r#""5 apples""#, r#""1mo""#, r#""""#, "true"]
        {
            let Err(error) = serde_json::from_str::<One>(text) else { panic!("{text} was read") };
            let message = error.to_string();
            let said = message.contains("seconds") || message.contains("out of range");
            assert!(said && message.len() < 200, "{text}: {message}");
        }
    }
}
