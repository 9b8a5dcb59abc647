//! A moment as text where people read it, and as a number where they don't.

use cache_core::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

/// Microseconds since 1970 in binary forms; in others RFC 3339, in UTC.
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
        Ok(Self(Timestamp::from_micros(moment.as_microsecond())))
    }
}

/// The same for a field that may be empty: `#[serde(with = "moment::option")]`.
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
