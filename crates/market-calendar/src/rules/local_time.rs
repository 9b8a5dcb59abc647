//! Local times of an exchange, counted from the midnight at which the session's day begins.

use jiff::civil::{Date, DateTime};

/// Minutes since the midnight at which a day begins: below 0 on the day before, 1440 at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LocalTime(i16);

const DAY: i16 = 24 * 60;

impl LocalTime {
    /// The midnight at which the day begins.
    pub(crate) const MIDNIGHT: Self = Self(0);
    /// The midnight at which the day ends.
    pub(crate) const DAYS_END: Self = Self(DAY);

    /// This time of the day itself.
    pub(crate) const fn at(hour: i16, minute: i16) -> Self {
        Self(hour * 60 + minute)
    }

    /// This time of the day before.
    pub(crate) const fn day_before(hour: i16, minute: i16) -> Self {
        Self(hour * 60 + minute - DAY)
    }

    /// Reads `HH:MM` from 00:00 to 24:00.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (hour, minute) = text.split_once(':')?;
        let number = |digits: &str| {
            let sound = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
            sound.then(|| digits.parse::<i16>().ok()).flatten()
        };
        let wall = Self::at(number(hour)?, number(minute).filter(|minute| *minute < 60)?);
        (wall <= Self::DAYS_END).then_some(wall)
    }

    /// Returns the local date and time for a session of `date`; `None` if it lies beyond the years that jiff has.
    pub(crate) fn on(self, date: Date) -> Option<DateTime> {
        let days = self.0.div_euclid(DAY);
        let minute = self.0.rem_euclid(DAY);
        let day = date.checked_add(jiff::Span::new().days(days)).ok()?;
        let hour = i8::try_from(minute / 60).ok()?;
        Some(day.at(hour, i8::try_from(minute % 60).ok()?, 0, 0))
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_time_is_two_digits_twice_and_no_later_than_24_00() {
        assert_eq!(LocalTime::parse("09:30"), Some(LocalTime::at(9, 30)));
        assert_eq!(LocalTime::parse("24:00"), Some(LocalTime::DAYS_END));
        for text in ["", "9:30", "09:60", "24:01", "0930", "-9:30", "+9:30", "09:30:00", "٠٩:٣٠"] {
            assert_eq!(LocalTime::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_day_before_and_the_days_end_are_on_their_own_days() {
        let day = date(2024, 3, 1);
        assert_eq!(LocalTime::day_before(17, 0).on(day).unwrap(), date(2024, 2, 29).at(17, 0, 0, 0));
        assert_eq!(LocalTime::DAYS_END.on(day).unwrap(), date(2024, 3, 2).at(0, 0, 0, 0));
        assert_eq!(LocalTime::DAYS_END.on(Date::MAX), None);
    }
}
