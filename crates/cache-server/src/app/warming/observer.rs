//! What warming learns of: reads of market data, and nothing of what an application keeps by itself.

use std::sync::Arc;

use cache_core::{Event, Observer, Timestamp};
use cache_market::MarketRegions;
use cache_warming::{LocalHour, Warming};
use jiff::tz::TimeZone;
use market_data::{DataType, moment::to_jiff};

/// Tells warming of reads of market kinds alone. The ids of sessions and users are nothing to be saved elsewhere.
#[derive(Debug)]
pub(super) struct MarketReads {
    warming: Arc<Warming>,
    kinds: Vec<&'static str>,
}

impl MarketReads {
    pub(super) fn new(warming: Arc<Warming>) -> Self {
        Self { warming, kinds: MarketRegions::kinds().map(DataType::as_str).collect() }
    }
}

impl Observer for MarketReads {
    fn on(&self, event: &Event<'_>) {
        if let Event::Hit { key, .. } | Event::Miss { key } = event
            && self.kinds.contains(&key.kind())
        {
            self.warming.on(event);
        }
    }

    #[inline]
    fn counts_hit(&self, hash: u64) -> bool {
        self.warming.counts_hit(hash)
    }
}

/// Returns which hour of the day and day of the week a moment is in, in a time zone.
pub(super) fn local_hour(zone: &TimeZone, at: Timestamp) -> LocalHour {
    let time = zone.to_datetime(to_jiff(at));
    LocalHour {
        hour: time.hour().unsigned_abs(),
        weekday: time.weekday().to_monday_zero_offset().unsigned_abs(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_those_of_the_market_before_and_after_clocks_change() {
        let zone = TimeZone::get("America/New_York").unwrap();
        let hour = |text: &str| {
            let at: jiff::Timestamp = text.parse().unwrap();
            let LocalHour { hour, weekday } = local_hour(&zone, Timestamp::from_micros(at.as_microsecond()));
            (hour, weekday)
        };
        assert_eq!(hour("2020-01-06T10:00:00Z"), (5, 0), "a Monday in winter");
        assert_eq!(hour("2020-07-06T10:00:00Z"), (6, 0), "a Monday in summer");
        assert_eq!(hour("2020-07-06T03:00:00Z"), (23, 6), "still Sunday");
    }
}
