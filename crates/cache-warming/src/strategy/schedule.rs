//! When strategies run: at the start, in an interval, by a cron expression, or by hand.

use std::{fmt, str::FromStr, time::Duration};

use cache_core::{Error, ErrorKind, Result, Timestamp};
use croner::Cron;
use jiff::{Zoned, tz::TimeZone};

/// The beginning of 2024, in microseconds since 1970.
const ANY_LEAP_YEAR: i64 = 1_704_067_200_000_000;

/// When a strategy runs.
#[derive(Clone, Debug)]
pub enum RunSchedule {
    /// Only when somebody runs it.
    ByHand,
    /// When warming starts. If keys fail, it runs again after 10 s, 20 s, 40 s and so on, ten times in all.
    AtStart,
    /// When warming starts, and each time this has passed since.
    Every(Duration),
    /// At the moments of a cron expression.
    At(Box<CronTimes>),
}

/// The moments of a cron expression, in a time zone.
#[derive(Clone)]
pub struct CronTimes {
    cron: Cron,
    zone: TimeZone,
}

impl CronTimes {
    /// Reads a cron expression of five fields, as `30 9 * * MON-FRI`, or hours of the day, as `0,6,12,18`.
    ///
    /// When the zone's clocks go forward, a single time that is skipped is the moment after the gap, and of a list
    /// or range of times those that are skipped are left out. A single time that the zone has twice is the first
    /// of them.
    ///
    /// # Errors
    ///
    /// `Config` with what is wrong.
    pub fn new(text: &str, zone: TimeZone) -> Result<Self> {
        let text = text.trim();
        let hours: Option<Vec<u8>> = text.split(',').map(|hour| hour.trim().parse().ok()).collect();
        let expression = match hours {
            Some(_) => format!("0 {} * * *", text.replace(' ', "")),
            None => text.to_owned(),
        };
        let no_schedule = |why: String| {
            let message =
                format!("{text:?} is no schedule: {why}; write hours as 0,6,12,18 or five cron fields");
            Error::new(ErrorKind::Config, "read a schedule", message)
        };
        let fields = expression.split_whitespace().count();
        if fields != 5 {
            return Err(no_schedule(format!("it has {fields} fields")));
        }
        let cron = Cron::from_str(&expression).map_err(|error| no_schedule(error.to_string()))?;
        let times = Self { cron, zone };
        match times.next(Timestamp::from_micros(ANY_LEAP_YEAR)) {
            Some(_) => Ok(times),
            None => Err(no_schedule("there is no such day".to_owned())),
        }
    }

    /// The same, in the time zone of this name: `America/New_York`.
    ///
    /// # Errors
    ///
    /// `Config` with what is wrong, be it the name.
    pub fn in_zone(text: &str, zone: &str) -> Result<Self> {
        let zone = TimeZone::get(zone).map_err(|error| {
            let message = format!("{zone:?} is no time zone: {error}; give one such as America/New_York");
            Error::new(ErrorKind::Config, "read a schedule", message)
        })?;
        Self::new(text, zone)
    }

    /// Returns the first moment later than this.
    #[must_use]
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let after = Zoned::new(jiff::Timestamp::from_microsecond(after.as_micros()).ok()?, self.zone.clone());
        let next = self.cron.find_next_occurrence(&after, false).ok()?;
        Some(Timestamp::from_micros(next.timestamp().as_microsecond()))
    }
}

impl fmt::Debug for CronTimes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Of the expression itself each year up to 5000 would be printed.
        let zone = self.zone.iana_name();
        f.debug_struct("CronTimes")
            .field("cron", &self.cron.pattern.to_string())
            .field("zone", &zone)
            .finish()
    }
}

impl RunSchedule {
    /// Returns when to run next, at `now`: warming started at `start`, and the last run was due at `last`.
    pub(crate) fn next(
        &self,
        start: Timestamp,
        last: Option<Timestamp>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        match (self, last) {
            (Self::ByHand, _) | (Self::AtStart, Some(_)) => None,
            (Self::AtStart | Self::Every(_), None) => Some(start),
            // What was missed, as while a laptop slept, is not made up for.
            (Self::Every(span), Some(last)) => {
                let span = span.max(&Duration::from_millis(1)).as_micros();
                let missed = now.since(last).as_micros() / span;
                let periods = missed.max(1).saturating_mul(span);
                Some(last.after(Duration::from_micros(u64::try_from(periods).unwrap_or(u64::MAX))))
            }
            (Self::At(times), last) => times.next(last.unwrap_or(start)),
        }
    }
}
