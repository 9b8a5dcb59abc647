//! Moments: conversion between the cache's timestamps and jiff's, and the form in which they are stored.

use cache_core::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

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
        let text = jiff::Timestamp::from_microsecond(micros).map_err(|_| {
            ser::Error::custom(format!("{micros} microseconds after 1970 are past the year 9999"))
        })?;
        serializer.collect_str(&text)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return i64::deserialize(deserializer).map(|micros| Self(Timestamp::from_micros(micros)));
        }
        let text = String::deserialize(deserializer)?;
        let moment: jiff::Timestamp = text.parse().map_err(de::Error::custom)?;
        Ok(Self(from_jiff(moment)))
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
