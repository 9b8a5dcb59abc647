//! When Easter is.

use jiff::civil::Date;

/// Easter Sunday of the Gregorian calendar: the Sunday after the full moon, by the church's reckoning,
/// on or after 21 March.
pub(crate) fn easter(year: i16) -> Option<Date> {
    let y = i32::from(year);
    let century = y.div_euclid(100);
    // The moon's age at the year's start, with the corrections each century brings.
    let golden = y.rem_euclid(19);
    let leap_days_dropped = century - century.div_euclid(4);
    let moon_drift = (8 * century + 13).div_euclid(25);
    let epact = (19 * golden + leap_days_dropped - moon_drift + 15).rem_euclid(30);
    // The full moon, in days after 21 March; shortened where the epact would name one date twice.
    let late = epact == 29 || (epact == 28 && golden > 10);
    let full_moon = epact - i32::from(late);
    // Then on to the Sunday.
    let weekday = (y + y.div_euclid(4) - leap_days_dropped + full_moon + 2).rem_euclid(7);
    let after_march = 28 + full_moon - weekday;
    let (month, day) = if after_march > 31 { (4, after_march - 31) } else { (3, after_march) };
    Date::new(year, month, i8::try_from(day).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use jiff::civil::{Weekday, date};

    use super::*;

    #[test]
    fn easter_is_when_it_was_kept() {
        let kept = [
            (1818, 3, 22),
            (1943, 4, 25),
            (1954, 4, 18),
            (1961, 4, 2),
            (1981, 4, 19),
            (2000, 4, 23),
            (2008, 3, 23),
            (2011, 4, 24),
            (2015, 4, 5),
            (2016, 3, 27),
            (2019, 4, 21),
            (2024, 3, 31),
            (2025, 4, 20),
            (2038, 4, 25),
            (2049, 4, 18),
            (2076, 4, 19),
        ];
        for (year, month, day) in kept {
            assert_eq!(easter(year), Some(date(year, month, day)));
        }
    }

    #[test]
    fn easter_is_a_sunday_from_22_march_to_25_april_in_any_year() {
        for year in -9999..=9999 {
            let day = easter(year).unwrap();
            assert_eq!(day.weekday(), Weekday::Sunday, "{day}");
            assert!((date(year, 3, 22)..=date(year, 4, 25)).contains(&day), "{day}");
        }
    }
}
