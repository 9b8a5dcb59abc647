//! The stored forms of a date: text in text formats, five bytes in binary ones.

use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

pub(crate) fn serialize<S: Serializer>(date: &Date, serializer: S) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() {
        date.serialize(serializer)
    } else {
        (date.year(), date.month(), date.day()).serialize(serializer)
    }
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
    if deserializer.is_human_readable() {
        Date::deserialize(deserializer)
    } else {
        let (year, month, day) = Deserialize::deserialize(deserializer)?;
        Date::new(year, month, day).map_err(D::Error::custom)
    }
}
