//! A log line that stands for many: what happens to each of 100,000 keys is a line now and then, with a count.

use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use crate::{sync::Mutex, time::timestamp::Timestamp};

/// Counts occurrences of one kind and says which of them are worth a log line: the first at once, then one each
/// [`INTERVAL`](Self::INTERVAL) for all since the last line. [`settle`](Self::settle) reports what is left when no
/// further occurrence comes, and that it is over.
///
/// ```
/// use cache_core::{Clock, LogSum};
///
/// let (clock, unreadable) = (Clock::manual(), LogSum::new("values that can't be read"));
/// assert_eq!(unreadable.count(clock.now()), Some(1));
/// for _ in 0..100_000 {
///     assert_eq!(unreadable.count(clock.now()), None);
/// }
/// clock.advance(LogSum::INTERVAL);
/// assert_eq!(unreadable.count(clock.now()), Some(100_001));
///
/// assert!(unreadable.settle(clock.now()).is_none());
/// clock.advance(LogSum::INTERVAL);
/// let summary = unreadable.settle(clock.now()).unwrap();
/// assert_eq!(summary.to_string(), "values that can't be read: none for 10 s, 100002 in all");
/// ```
#[derive(Debug)]
pub struct LogSum {
    what: &'static str,
    state: Mutex<State>,
    /// Whether there is something to settle, for those who ask without locking.
    open: AtomicBool,
}

#[derive(Debug)]
struct State {
    /// When the last line was written; `None` before the first and once it is over.
    last_line: Option<Timestamp>,
    /// Occurrences since that line.
    untold: u64,
    /// Occurrences since the first line.
    total: u64,
}

/// What [`LogSum::settle`] reports. Its `Display` is the text of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogSummary {
    /// What occurred.
    pub what: &'static str,
    /// How often it occurred since the last line; 0 if it is over.
    pub times: u64,
    /// How often it occurred since the first line.
    pub total: u64,
}

impl LogSum {
    /// The least time between two lines.
    pub const INTERVAL: Duration = Duration::from_secs(10);

    /// Counts occurrences of `what`, a plural such as `"values that can't be read"`.
    #[must_use]
    pub const fn new(what: &'static str) -> Self {
        let state = Mutex::new(State { last_line: None, untold: 0, total: 0 });
        Self { what, state, open: AtomicBool::new(false) }
    }

    /// Counts one occurrence. Returns how many a line now stands for, this one included; `None` if there is to be
    /// no line.
    pub fn count(&self, now: Timestamp) -> Option<u64> {
        self.count_many(1, now)
    }

    /// Counts `times` occurrences, as [`count`](Self::count) does one.
    pub fn count_many(&self, times: u64, now: Timestamp) -> Option<u64> {
        if times == 0 {
            return None;
        }
        let mut state = self.state.lock();
        self.open.store(true, Ordering::Relaxed);
        state.untold = state.untold.saturating_add(times);
        state.total = state.total.saturating_add(times);
        state.is_due(now).then(|| state.tell(now))
    }

    /// Returns a line for what was counted since the last one, if that is an interval ago; or for the end, if
    /// nothing was.
    pub fn settle(&self, now: Timestamp) -> Option<LogSummary> {
        if !self.open.load(Ordering::Relaxed) {
            return None;
        }
        let mut state = self.state.lock();
        if !state.is_due(now) {
            return None;
        }
        if state.untold > 0 {
            let times = state.tell(now);
            return Some(LogSummary { what: self.what, times, total: state.total });
        }
        self.open.store(false, Ordering::Relaxed);
        state.last_line = None;
        let total = std::mem::take(&mut state.total);
        // The line of a single occurrence has said it all.
        (total > 1).then_some(LogSummary { what: self.what, times: 0, total })
    }

    /// Returns a line for what was counted since the last one, however short ago that is: for the end of whatever
    /// counts.
    pub fn finish(&self, now: Timestamp) -> Option<LogSummary> {
        let mut state = self.state.lock();
        let times = if state.untold > 0 { state.tell(now) } else { 0 };
        (times > 0).then_some(LogSummary { what: self.what, times, total: state.total })
    }
}

impl State {
    /// Whether the last line is an interval ago, or lies ahead since the clock was set back.
    fn is_due(&self, now: Timestamp) -> bool {
        self.last_line.is_none_or(|last| now < last || now.since(last) >= LogSum::INTERVAL)
    }

    fn tell(&mut self, now: Timestamp) -> u64 {
        self.last_line = Some(now);
        std::mem::take(&mut self.untold)
    }
}

impl LogSummary {
    /// Whether nothing more occurred for an interval.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.times == 0
    }
}

impl fmt::Display for LogSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, times, total } = self;
        if self.is_over() {
            write!(f, "{what}: none for {} s, {total} in all", LogSum::INTERVAL.as_secs())
        } else {
            write!(f, "{what}: {times} more, {total} in all")
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Count(u64),
        Settle,
        Wait(u64),
        SetBack(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (1_u64..1000).prop_map(Step::Count),
            2 => Just(Step::Settle),
            3 => (0_u64..12_000).prop_map(Step::Wait),
            1 => (0_u64..30_000).prop_map(Step::SetBack),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Every occurrence is in exactly one line, and lines are an interval apart unless the clock is set back.
        #[test]
        fn rule_72_lines_add_up_and_keep_apart(steps in prop::collection::vec(step(), 0..200)) {
            let sum = LogSum::new("things");
            let (mut now, mut counted, mut told) = (Timestamp::from_micros(0), 0, 0);
            let (mut last_line, mut in_episode): (Option<Timestamp>, u64) = (None, 0);
            for step in steps {
                let line = match step {
                    Step::Wait(millis) => {
                        now = now.after(Duration::from_millis(millis));
                        continue;
                    }
                    Step::SetBack(millis) => {
                        now = now.before(Duration::from_millis(millis));
                        last_line = None;
                        continue;
                    }
                    Step::Count(times) => {
                        (counted, in_episode) = (counted + times, in_episode + times);
                        sum.count_many(times, now)
                    }
                    Step::Settle => match sum.settle(now) {
                        Some(summary) => {
                            prop_assert_eq!(summary.total, in_episode);
                            if summary.is_over() {
                                prop_assert_eq!(told, counted);
                                in_episode = 0;
                                last_line = None;
                                continue;
                            }
                            Some(summary.times)
                        }
                        None => {
                            if counted == told && in_episode == 1 && sum.state.lock().total == 0 {
                                in_episode = 0;
                                last_line = None;
                            }
                            None
                        }
                    },
                };
                if let Some(times) = line {
                    prop_assert!(times > 0);
                    if let Some(last) = last_line {
                        prop_assert!(now.since(last) >= LogSum::INTERVAL);
                    }
                    told += times;
                    last_line = Some(now);
                }
            }
            told += sum.finish(now).map_or(0, |summary| summary.times);
            prop_assert_eq!(told, counted);
            prop_assert_eq!(sum.finish(now), None);
        }
    }

    #[test]
    fn rule_72_one_occurrence_has_one_line() {
        let sum = LogSum::new("things");
        let now = Timestamp::from_micros(0);
        assert_eq!(sum.settle(now), None);
        assert_eq!(sum.count(now), Some(1));
        assert_eq!(sum.settle(now.after(LogSum::INTERVAL)), None);
        assert_eq!(sum.count(now.after(LogSum::INTERVAL)), Some(1), "the next one is news again");
    }
}
