//! Moments that are told as a number: seconds since 1970, or milliseconds.

use jiff::Timestamp;

/// As seconds it lies past the year 5000, as milliseconds in 1973.
const TOO_LATE: f64 = 1e11;

/// The year 2000 in milliseconds: no quote is older.
const RECENT_MILLIS: f64 = 946_684_800_000.0;

/// From here on a number is neither.
const TOO_LARGE: f64 = 1e15;

/// The last day of the year 9999 in seconds: so a source writes that it has no time.
const LAST_DAY: std::ops::RangeInclusive<f64> = 253_402_214_400.0..=253_402_300_800.0;

/// Returns the moment of a quote: milliseconds only if that makes one of this century, else seconds. What is
/// neither lies far in the future, and is refused as such.
pub(crate) fn quote_stamp(number: f64) -> Timestamp {
    match (RECENT_MILLIS..TOO_LARGE).contains(&number) {
        true => millis(number),
        false => millis(number * 1e3),
    }
}

/// Returns the moment of a bar, which may be of any year: milliseconds if as seconds it would lie past the year
/// 5000, and is not the last day that can be written.
pub(crate) fn bar_stamp(number: f64) -> Timestamp {
    match (TOO_LATE..TOO_LARGE).contains(&number.abs()) && !LAST_DAY.contains(&number) {
        true => millis(number),
        false => millis(number * 1e3),
    }
}

/// Returns the moment so many milliseconds after 1970; the first or the last, if there is none.
fn millis(number: f64) -> Timestamp {
    let end = if number < 0.0 { Timestamp::MIN } else { Timestamp::MAX };
    // A number that is too large becomes the last that fits.
    Timestamp::from_millisecond(number.round() as i64).unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_milliseconds_only_if_that_is_a_moment_it_can_mean() {
        let moment: Timestamp = "2020-01-02T14:30:00Z".parse().unwrap();
        for stamp in [quote_stamp, bar_stamp] {
            assert_eq!((stamp(1_577_975_400.0), stamp(1_577_975_400_000.0)), (moment, moment));
            assert_eq!(stamp(0.0), Timestamp::UNIX_EPOCH);
            for sentinel in [253_402_300_799.0, 253_402_214_400.0, 253_402_300_799_999.0, 1e18, f64::MAX] {
                assert!(stamp(sentinel) > "9999-01-01T00:00:00Z".parse().unwrap(), "{sentinel}");
            }
        }
        let (of_bar, of_quote) = (bar_stamp(315_532_800_000.0), quote_stamp(315_532_800_000.0));
        assert_eq!(of_bar, "1980-01-01T00:00:00Z".parse().unwrap(), "there are bars of that year");
        assert_eq!(of_quote, Timestamp::MAX, "but no quotes");
        assert_eq!(bar_stamp(-315_619_200_000.0), "1960-01-01T00:00:00Z".parse().unwrap());
    }
}
