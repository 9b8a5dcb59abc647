//! Moments: conversion between the cache's timestamps and jiff's, and the form in which they are stored.

use cache_core::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Converts a timestamp to jiff's; one beyond jiff's range becomes its first or last.
#[must_use]
pub fn to_jiff(at: Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_microsecond(at.as_micros()).unwrap_or(if at < Timestamp::default() {
        jiff::Timestamp::MIN
    } else {
        jiff::Timestamp::MAX
    })
}

/// Converts a timestamp of jiff's to the cache's, to the microsecond.
#[must_use]
pub fn from_jiff(at: jiff::Timestamp) -> Timestamp {
    Timestamp::from_micros(at.as_microsecond())
}

/// A moment as it is stored: microseconds since 1970 in binary formats, RFC 3339 in UTC in text formats.
#[derive(Clone, Copy)]
pub struct Moment(pub Timestamp);

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let micros = self.0.as_micros();
        if !serializer.is_human_readable() {
            return micros.serialize(serializer);
        }
        serializer.collect_str(&to_jiff(self.0))
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return i64::deserialize(deserializer).map(|micros| Self(Timestamp::from_micros(micros)));
        }
        let text = String::deserialize(deserializer)?;
        let moment: jiff::Timestamp = text.parse().map_err(de::Error::custom)?;
        let moment = from_jiff(moment);
        // The last fraction of a second of jiff's range is no moment to the microsecond.
        match jiff::Timestamp::from_microsecond(moment.as_micros()) {
            Ok(_) => Ok(Self(moment)),
            Err(_) => Err(de::Error::custom(format!(
                "{text} is too far: give a moment before the end of the year 9999"
            ))),
        }
    }
}

/// The stored form of a moment: `#[serde(with = "moment::required")]`.
pub mod required {
    use cache_core::Timestamp;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Moment;

    /// Writes the moment.
    pub fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        Moment(*at).serialize(serializer)
    }

    /// Reads a moment.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        Moment::deserialize(deserializer).map(|moment| moment.0)
    }
}

/// The stored form of an optional moment: `#[serde(with = "moment::option")]`.
pub mod option {
    use cache_core::Timestamp;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Moment;

    /// Writes the moment, or nothing.
    pub fn serialize<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        at.map(Moment).serialize(serializer)
    }

    /// Reads a moment, or nothing.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        Ok(Option::<Moment>::deserialize(deserializer)?.map(|moment| moment.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever can be read can be written, up to the last moment that there is.
        #[test]
        fn a_moment_that_is_read_can_be_written(
            day in 1_u32..=31, hour in 0_u32..24, fraction in 0_u32..1_000_000_000, last in any::<bool>(),
        ) {
            let (year, day) = if last { (9999, day.clamp(29, 31)) } else { (2026, day) };
            let text = format!("\"{year}-12-{day:02}T{hour:02}:00:00.{fraction:09}Z\"");
            if let Ok(moment) = serde_json::from_str::<Moment>(&text) {
                let written = serde_json::to_string(&moment).unwrap();
                prop_assert_eq!(serde_json::from_str::<Moment>(&written).unwrap().0, moment.0);
            }
        }
    }

    #[test]
    fn a_moment_past_the_last_can_be_written_too() {
        for micros in [i64::MAX, i64::MIN] {
            assert!(serde_json::to_string(&Moment(Timestamp::from_micros(micros))).is_ok());
        }
        assert!(serde_json::from_str::<Moment>("\"9999-12-30T22:00:00.000001Z\"").is_err());
    }
}
