//! Counts of the last minute, the last hour and each of the last 24 hours, from snapshots of counts that go on.

use std::{collections::VecDeque, time::Duration};

use cache_core::Timestamp;

use super::counters::Totals;

/// How often snapshots are taken, and how many are kept.
const MINUTE: (Duration, usize) = (Duration::from_secs(5), 12);
const HOUR: (Duration, usize) = (Duration::from_secs(300), 12);
const DAY: (Duration, usize) = (Duration::from_secs(3600), 24);

/// Snapshots of the counts of a kind.
#[derive(Debug)]
pub(crate) struct Windows {
    minute: Snapshots,
    hour: Snapshots,
    day: Snapshots,
}

#[derive(Debug)]
struct Snapshots {
    every: Duration,
    most: usize,
    taken: VecDeque<(Timestamp, Totals)>,
}

/// What was counted in one of the last hours.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hour {
    pub(crate) begun: Timestamp,
    pub(crate) totals: Totals,
}

impl Windows {
    /// Begins, at a moment when nothing was counted. All kinds have the same steps, whenever they begin.
    pub(crate) fn new(now: Timestamp) -> Self {
        let snapshots = |(every, most)| {
            let taken = VecDeque::from([(begin_of_step(now, every), Totals::default())]);
            Snapshots { every, most, taken }
        };
        Self { minute: snapshots(MINUTE), hour: snapshots(HOUR), day: snapshots(DAY) }
    }

    /// Takes the snapshots that are due.
    pub(crate) fn pass(&mut self, now: Timestamp, totals: Totals) {
        for snapshots in [&mut self.minute, &mut self.hour, &mut self.day] {
            snapshots.pass(now, totals);
        }
    }

    /// Returns what was counted in the last minute.
    pub(crate) fn last_minute(&self, totals: Totals) -> Totals {
        self.minute.since_oldest(totals)
    }

    /// Returns what was counted in the last hour.
    pub(crate) fn last_hour(&self, totals: Totals) -> Totals {
        self.hour.since_oldest(totals)
    }

    /// Returns what was counted in each of the last hours, the running one last.
    pub(crate) fn hours(&self, totals: Totals) -> Vec<Hour> {
        let begun = self.day.taken.iter();
        let ended = self.day.taken.iter().skip(1).map(|(_, totals)| *totals).chain([totals]);
        begun
            .zip(ended)
            .map(|((begun, before), after)| Hour { begun: *begun, totals: after - *before })
            .collect()
    }
}

impl Snapshots {
    fn pass(&mut self, now: Timestamp, totals: Totals) {
        let Some((last, _)) = self.taken.back() else { return };
        if now < *last {
            // The clock was set back: the last of them begins now.
            self.taken.retain(|(taken, _)| *taken <= now);
            let is_empty = self.taken.is_empty();
            self.taken.extend(is_empty.then(|| (begin_of_step(now, self.every), totals)));
            return;
        }
        let spans = now.since(*last).as_micros() / self.every.as_micros();
        if spans > 0 {
            let spans = u64::try_from(spans).unwrap_or(u64::MAX);
            let at = last.after(Duration::from_micros((self.every.as_micros() as u64).saturating_mul(spans)));
            self.taken.push_back((at, totals));
        }
        let oldest = self.every.saturating_mul(self.most as u32);
        while self.taken.len() > 1 && (self.taken.len() > self.most || now.since(self.taken[0].0) > oldest) {
            self.taken.pop_front();
        }
    }

    fn since_oldest(&self, totals: Totals) -> Totals {
        totals - self.taken.front().map(|(_, totals)| *totals).unwrap_or_default()
    }
}

/// Returns when the step began that a moment is in.
fn begin_of_step(now: Timestamp, every: Duration) -> Timestamp {
    let into = now.as_micros().rem_euclid(i64::try_from(every.as_micros()).unwrap_or(i64::MAX));
    Timestamp::from_micros(now.as_micros() - into)
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prop_assert, prop_assert_eq, proptest};

    use super::*;
    use crate::recorder::counters::Measure;

    fn total(puts: u64) -> Totals {
        let mut totals = Totals::default();
        totals.add(Measure::Put, puts);
        totals
    }

    proptest! {
        /// By a list of all that was counted, with each second's.
        #[test]
        fn a_window_has_what_was_counted_in_its_span_to_a_step(steps in vec((1..40_u64, 0..50_u64), 1..300)) {
            let begin = Timestamp::from_micros(1_000_000_000);
            let mut windows = Windows::new(begin);
            let (mut now, mut all, mut counted) = (0, 0, Vec::new());
            for (seconds, puts) in steps {
                for _ in 0..seconds {
                    now += 1;
                    windows.pass(begin.after(Duration::from_secs(now)), total(all));
                }
                all += puts;
                counted.push((now, puts));
                let since = |span: u64| -> u64 {
                    counted.iter().filter(|(at, _)| *at + span > now).map(|(_, puts)| puts).sum()
                };
                for (window, span, step) in [
                    (windows.last_minute(total(all)), 60, 5), (windows.last_hour(total(all)), 3600, 300),
                ] {
                    let told = window.get(Measure::Put);
                    prop_assert!(since(span - step) <= told && told <= since(span + step), "{} of {}", told, span);
                }
                let hours = windows.hours(total(all));
                prop_assert_eq!(hours.iter().map(|hour| hour.totals.get(Measure::Put)).sum::<u64>(), since(86_400));
                prop_assert!(hours.len() <= 24);
            }
        }
    }

    #[test]
    fn a_clock_that_is_set_back_leaves_the_counts_that_go_on() {
        let begin = Timestamp::from_micros(100_000_000_000_000);
        let mut windows = Windows::new(begin);
        for hour in 1..30 {
            windows.pass(begin.after(Duration::from_secs(3600 * hour)), total(hour));
        }
        windows.pass(begin.before(Duration::from_secs(1)), total(30));
        assert_eq!(windows.last_minute(total(31)).get(Measure::Put), 1);
        assert_eq!(windows.hours(total(31)).len(), 1);
    }
}
