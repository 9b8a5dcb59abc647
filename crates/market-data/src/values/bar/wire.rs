//! The stored forms of a bar: named fields in text formats, a tuple in binary ones.

use cache_core::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use super::{Bar, BarTime};
use crate::values::moment::Moment;

/// The day from which binary forms count days.
const EPOCH: Date = jiff::civil::date(1970, 1, 1);

#[derive(Serialize, Deserialize)]
struct Text {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    date: Option<Date>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time: Option<Moment>,
    open: f64,
    high: f64,
    low: f64,
    close: f64,
    adjusted_close: Option<f64>,
    #[serde(default)]
    volume: Option<u64>,
}

#[derive(Serialize, Deserialize)]
enum Packed {
    Days(i32),
    Micros(i64),
    /// As [`Packed::Days`], of a bar whose volume isn't known. It costs no byte more.
    DaysWithoutVolume(i32),
    /// As [`Packed::Micros`], of a bar whose volume isn't known.
    MicrosWithoutVolume(i64),
}

type Row = (Packed, [f64; 4], Option<f64>, u64);

impl Serialize for Bar {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { time, open, high, low, close, adjusted_close, volume } = *self;
        if serializer.is_human_readable() {
            let (date, time) = match time {
                BarTime::Day(date) => (Some(date), None),
                BarTime::Moment(at) => (None, Some(Moment(at))),
            };
            return Text { date, time, open, high, low, close, adjusted_close, volume }.serialize(serializer);
        }
        let days = |date: Date| (date - EPOCH).get_days();
        let time = match (time, volume) {
            (BarTime::Day(date), Some(_)) => Packed::Days(days(date)),
            (BarTime::Day(date), None) => Packed::DaysWithoutVolume(days(date)),
            (BarTime::Moment(at), Some(_)) => Packed::Micros(at.as_micros()),
            (BarTime::Moment(at), None) => Packed::MicrosWithoutVolume(at.as_micros()),
        };
        let row: Row = (time, [open, high, low, close], adjusted_close, volume.unwrap_or(0));
        row.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Bar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let Text { date, time, open, high, low, close, adjusted_close, volume } =
                Text::deserialize(deserializer)?;
            let time = match (date, time) {
                (Some(date), None) => BarTime::Day(date),
                (None, Some(Moment(at))) => BarTime::Moment(at),
                _ => return Err(D::Error::custom("a bar has either a date or a time")),
            };
            return Ok(Self { time, open, high, low, close, adjusted_close, volume });
        }
        let (time, [open, high, low, close], adjusted_close, volume) = Row::deserialize(deserializer)?;
        let volume = match time {
            Packed::Days(_) | Packed::Micros(_) => Some(volume),
            Packed::DaysWithoutVolume(_) | Packed::MicrosWithoutVolume(_) => None,
        };
        let time = match time {
            Packed::Days(days) | Packed::DaysWithoutVolume(days) => {
                let span = jiff::Span::new().try_days(days).map_err(D::Error::custom)?;
                BarTime::Day(EPOCH.checked_add(span).map_err(D::Error::custom)?)
            }
            Packed::Micros(micros) | Packed::MicrosWithoutVolume(micros) => {
                BarTime::Moment(Timestamp::from_micros(micros))
            }
        };
        Ok(Self { time, open, high, low, close, adjusted_close, volume })
    }
}

#[cfg(test)]
mod tests {
    use cache_core::{Blob, Codec};
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn time() -> impl Strategy<Value = BarTime> {
        prop_oneof![
            (-9_000..9_000_i16, 1..=12_i8, 1..=28_i8).prop_map(|(y, m, d)| BarTime::Day(date(y, m, d))),
            (-1_i64 << 50..1 << 50).prop_map(|at| BarTime::Moment(Timestamp::from_micros(at))),
        ]
    }

    proptest! {
        #[test]
        fn a_bar_survives_both_codecs(time in time(), open: i32, adjusted: Option<i16>, volume: Option<u64>) {
            let price = f64::from(open) / 64.0;
            let adjusted_close = adjusted.map(f64::from);
            let bar = Bar { time, open: price, high: price, low: price, close: price, adjusted_close, volume };
            for codec in [Codec::Bincode, Codec::Json] {
                let blob = Blob::encode(codec, 1, &bar).unwrap();
                prop_assert_eq!(blob.decode::<Bar>(1).unwrap(), bar);
            }
        }

        #[test]
        fn hostile_bytes_are_an_error_and_never_a_panic(bytes: Vec<u8>) {
            for codec in [Codec::Bincode, Codec::Json] {
                let _ = Blob { codec, schema: 0, bytes: bytes.clone().into() }.decode::<Bar>(0);
            }
        }
    }

    #[test]
    fn a_day_is_a_date_and_a_moment_a_time_in_json_and_both_are_small_in_bincode() {
        let bar = |time| Bar {
            time,
            open: 1.0,
            high: 2.0,
            low: 1.0,
            close: 2.0,
            adjusted_close: Some(2.0),
            volume: Some(7),
        };
        let day = bar(BarTime::Day(date(2017, 9, 1)));
        let text = serde_json::to_string(&day).unwrap();
        assert!(text.starts_with(r#"{"date":"2017-09-01","open":1.0,"#) && !text.contains("time"), "{text}");
        let moment = bar(BarTime::Moment(Timestamp::from_micros(1_577_975_400_000_000)));
        let text = serde_json::to_string(&moment).unwrap();
        assert!(text.starts_with(r#"{"time":"2020-01-02T14:30:00Z","#) && !text.contains("date"), "{text}");
        for bar in [day, moment] {
            let bytes = Blob::encode(Codec::Bincode, 1, &bar).unwrap().bytes.len();
            assert!(bytes <= 53, "{bytes}");
        }
        assert!(Blob::encode(Codec::Bincode, 1, &day).unwrap().bytes.len() <= 46);
    }

    #[test]
    fn a_bar_of_no_time_or_of_two_is_none() {
        for times in ["", r#""date":"2017-09-01","time":"2020-01-02T14:30:00Z","#] {
            let text =
                format!(r#"{{{times}"open":1,"high":1,"low":1,"close":1,"adjusted_close":null,"volume":1}}"#);
            let error = serde_json::from_str::<Bar>(&text).unwrap_err();
            assert!(error.to_string().contains("either a date or a time"), "{error}");
        }
    }
}
