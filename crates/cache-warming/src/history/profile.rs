//! When in the day and the week a key is asked for, in half a byte an hour.

use serde::{Deserialize, Serialize};

/// The hour of the day and the day of the week at a moment, in the time of a market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalHour {
    /// 0 to 23.
    pub hour: u8,
    /// 0 on Mondays to 6 on Sundays.
    pub weekday: u8,
}

/// How often a key was asked for by hour of the day and by day of the week, as sixteenths of the most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HourProfile {
    hours: [u8; 12],
    days: [u8; 4],
}

impl HourProfile {
    /// Notes one request. When an hour is full, all are halved: what is older counts for less.
    pub(crate) fn note(&mut self, at: LocalHour) {
        bump(&mut self.hours, at.hour % 24);
        bump(&mut self.days, at.weekday % 7);
    }

    /// Returns the count of an hour and of all hours together.
    pub(crate) fn of_hour(&self, at: LocalHour) -> (u32, u32) {
        of(&self.hours, at.hour % 24)
    }

    /// Returns the count of a day and of all days together.
    pub(crate) fn of_day(&self, at: LocalHour) -> (u32, u32) {
        of(&self.days, at.weekday % 7)
    }

    /// Whether an hour is one of the `most` busiest.
    pub(crate) fn is_busy(&self, at: LocalHour, most: usize) -> bool {
        let count = half(&self.hours, at.hour % 24);
        count > 0 && (0..24).filter(|hour| half(&self.hours, *hour) > count).count() < most
    }
}

fn half(halves: &[u8], at: u8) -> u8 {
    halves[usize::from(at / 2)] >> (4 * (at % 2)) & 0xf
}

fn bump(halves: &mut [u8], at: u8) {
    if half(halves, at) == 0xf {
        halves.iter_mut().for_each(|both| *both = *both >> 1 & 0x77);
    }
    halves[usize::from(at / 2)] += 1 << (4 * (at % 2));
}

fn of(halves: &[u8], at: u8) -> (u32, u32) {
    let all = halves.iter().map(|both| u32::from(both & 0xf) + u32::from(both >> 4)).sum();
    (u32::from(half(halves, at)), all)
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, proptest};

    use super::{HourProfile, LocalHour};

    proptest! {
        #[test]
        fn the_hours_keep_their_proportions(noted in vec((0..24_u8, 0..7_u8), 1..600)) {
            let mut profile = HourProfile::default();
            let (mut hours, mut days) = ([0_u32; 24], [0_u32; 7]);
            for (hour, weekday) in noted {
                profile.note(LocalHour { hour, weekday });
                for (counts, at) in [(&mut hours[..], hour), (&mut days[..], weekday)] {
                    if counts[usize::from(at)] == 15 {
                        counts.iter_mut().for_each(|count| *count /= 2);
                    }
                    counts[usize::from(at)] += 1;
                }
            }
            for hour in 0..24_u8 {
                let at = LocalHour { hour, weekday: hour % 7 };
                assert_eq!(profile.of_hour(at), (hours[usize::from(hour)], hours.iter().sum()));
                assert_eq!(profile.of_day(at), (days[usize::from(hour % 7)], days.iter().sum()));
                let busier = hours.iter().filter(|count| **count > hours[usize::from(hour)]).count();
                assert_eq!(profile.is_busy(at, 3), hours[usize::from(hour)] > 0 && busier < 3);
            }
        }
    }
}
