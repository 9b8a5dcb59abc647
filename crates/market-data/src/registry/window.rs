//! A sliding window: at most so many calls in any span of a given length.

use std::{collections::VecDeque, time::Duration};

use cache_core::Timestamp;

use super::usage::QuotaReport;

/// The longest and the shortest time by whose calls it is told how many are made at present.
const MAX_RECENT: Duration = Duration::from_secs(3600);
const MIN_RECENT: Duration = Duration::from_secs(60);

/// How many parts a span is divided into: calls within one part are counted together, so a window of any
/// limit keeps at most this many counts, and one more.
const PARTS: u32 = 1000;

/// A sliding window over the calls made. No span of its length, wherever it begins, sees more calls than the
/// limit; a call may wait up to a thousandth of the span longer than needed.
#[derive(Debug)]
pub(crate) struct Window {
    limit: u32,
    span: Duration,
    /// The ends of parts, and how many calls were made in them.
    made: VecDeque<(Timestamp, u32)>,
    used: u32,
}

impl Window {
    pub(crate) fn new(limit: u32, span: Duration) -> Self {
        Self { limit, span, made: VecDeque::new(), used: 0 }
    }

    /// Returns a window with calls that were made: the ends of parts, in order, and how many were made in each.
    pub(crate) fn with_calls(limit: u32, span: Duration, made: VecDeque<(Timestamp, u32)>) -> Self {
        let used = made.iter().fold(0, |used: u32, (_, calls)| used.saturating_add(*calls));
        Self { limit, span, made, used }
    }

    /// Changes the limit; calls that were made still count.
    pub(crate) fn set_limit(&mut self, limit: u32) {
        self.limit = limit;
    }

    pub(crate) fn limit(&self) -> u32 {
        self.limit
    }

    pub(crate) fn span(&self) -> Duration {
        self.span
    }

    /// Whether a call may be made now.
    ///
    /// # Errors
    ///
    /// The moment from which on one may be.
    pub(crate) fn ready(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        while let Some((_, calls)) = self.made.front().filter(|(end, _)| end.after(self.span) <= now) {
            self.used -= calls;
            self.made.pop_front();
        }
        match self.made.front() {
            Some((end, _)) if self.used >= self.limit => Err(end.after(self.span)),
            _ => Ok(()),
        }
    }

    /// Returns how many calls may be made now.
    pub(crate) fn left(&mut self, now: Timestamp) -> u32 {
        // What is over no longer counts.
        let _ = self.ready(now);
        self.limit.saturating_sub(self.used)
    }

    /// Returns how it stands now, and when it will be used up if calls go on as of late.
    pub(crate) fn report(&mut self, now: Timestamp) -> QuotaReport {
        QuotaReport {
            limit: self.limit,
            span: self.span,
            left: self.left(now),
            runs_out_in: self.runs_out_in(now),
        }
    }

    /// Returns how long it takes until it is used up, if as many calls are made as of late while those that were
    /// made leave the span; `None` if it never is.
    fn runs_out_in(&self, now: Timestamp) -> Option<Duration> {
        let per_second = self.calls_per_second(now);
        let limit = f64::from(self.limit);
        let (mut used, mut begun) = (f64::from(self.used), 0.0);
        if used >= limit {
            return Some(Duration::ZERO);
        }
        if per_second <= 0.0 {
            return None;
        }
        // Until the span is over, only calls that were made before leave it. From then on it is as full as ever.
        let leaving =
            self.made.iter().map(|(end, calls)| (end.after(self.span).since(now).as_secs_f64(), *calls));
        for (leaves, calls) in leaving.chain([(self.span.as_secs_f64(), 0)]) {
            let full = begun + (limit - used) / per_second;
            if full < leaves {
                return Duration::try_from_secs_f64(full).ok();
            }
            used += (leaves - begun) * per_second - f64::from(calls);
            begun = leaves;
        }
        None
    }

    /// Returns how many calls a second were made in the last hour, or within the span if that is shorter.
    fn calls_per_second(&self, now: Timestamp) -> f64 {
        let recent = self.span.min(MAX_RECENT);
        let since = |end: Timestamp| now.since(end);
        let lately = self.made.iter().rev().take_while(|(end, _)| since(*end) < recent);
        let calls: u32 = lately.map(|(_, calls)| *calls).sum();
        // Of the first calls it is not known how many would have come before them.
        let known = self.made.front().map_or(recent, |(end, _)| since(*end) + self.span / PARTS);
        f64::from(calls) / known.clamp(recent.min(MIN_RECENT), recent).as_secs_f64()
    }

    /// Counts a call that [`Window::ready`] allowed.
    pub(crate) fn take(&mut self, now: Timestamp) {
        self.used += 1;
        match self.made.back_mut() {
            Some((end, calls)) if now <= *end => *calls += 1,
            _ => self.made.push_back((now.after(self.span / PARTS), 1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SPAN: Duration = Duration::from_secs(60);

    proptest! {
        /// By letting the calls happen, evenly.
        #[test]
        fn it_is_used_up_when_it_is_said_to_be_if_calls_go_on(limit in 1..200_u32, per_minute in 1..200_u32) {
            let (mut window, mut now) = (Window::new(limit, SPAN), Timestamp::from_micros(0));
            let between = SPAN / per_minute;
            for _ in 0..per_minute / 2 {
                if window.ready(now).is_ok() {
                    window.take(now);
                }
                now = now.after(between);
            }
            let told = window.report(now);
            prop_assert_eq!(told.left, window.left(now));
            // As many as were made in the half minute that is counted as a whole one.
            let made = f64::from(window.used) / SPAN.as_secs_f64();
            match told.runs_out_in {
                Some(Duration::ZERO) => prop_assert_eq!(told.left, 0),
                Some(after) => {
                    let expected = f64::from(told.left) / made;
                    prop_assert!(after <= SPAN && after.as_secs_f64() >= expected - 0.1, "{:?}", told);
                }
                None => prop_assert!(made * SPAN.as_secs_f64() <= f64::from(limit), "{:?}", told),
            }
        }

        #[test]
        fn no_span_ever_sees_more_calls_than_the_limit(
            limit in 1..40_u32,
            waits in prop::collection::vec(prop_oneof![Just(0_u64), 0..100_000_u64, 0..20_000_000_u64], 1..400),
        ) {
            let mut window = Window::new(limit, SPAN);
            let (mut now, mut made) = (Timestamp::from_micros(0), Vec::new());
            for wait in waits {
                now = now.after(Duration::from_micros(wait));
                match window.ready(now) {
                    Ok(()) => {
                        window.take(now);
                        made.push(now);
                    }
                    Err(next) => {
                        prop_assert!(next > now && next.since(now) <= SPAN + SPAN / PARTS);
                        let recent = made.iter().filter(|at| now.since(**at) < SPAN + SPAN / PARTS).count();
                        prop_assert!(recent >= limit as usize, "held back without need");
                    }
                }
            }
            for (at, began) in made.iter().enumerate() {
                let within = made[at..].iter().take_while(|call| call.since(*began) < SPAN).count();
                prop_assert!(within <= limit as usize, "{within} calls");
            }
            prop_assert!(window.made.len() <= PARTS as usize + 1);
        }
    }

    #[test]
    fn a_large_limit_keeps_few_counts_and_is_used_up() {
        let mut window = Window::new(1_000_000, Duration::from_secs(86_400));
        let mut calls = 0;
        for second in 0..86_400 {
            let now = Timestamp::from_micros(second * 1_000_000);
            for _ in 0..12 {
                if window.ready(now).is_ok() {
                    window.take(now);
                    calls += 1;
                }
            }
        }
        assert_eq!(calls, 1_000_000);
        assert!(window.made.len() <= PARTS as usize + 1, "{}", window.made.len());
    }

    #[test]
    fn what_is_left_grows_again_as_calls_leave_the_span() {
        let mut window = Window::new(3, SPAN);
        let start = Timestamp::from_micros(0);
        window.take(start);
        window.take(start.after(SPAN / 2));
        assert_eq!(window.left(start.after(SPAN / 2)), 1);
        assert_eq!(window.left(start.after(SPAN + SPAN / PARTS)), 2);
        assert_eq!(window.left(start.after(SPAN * 2)), 3);
    }

    #[test]
    fn a_quota_of_a_day_is_told_to_last_or_when_it_runs_out() {
        let day = Duration::from_secs(86_400);
        let (mut window, start) = (Window::new(1000, day), Timestamp::from_micros(0));
        assert_eq!(window.report(start).runs_out_in, None, "nobody calls");
        let mut now = start;
        for _ in 0..120 {
            window.take(now);
            now = now.after(Duration::from_secs(30));
        }
        // 120 calls in an hour: the other 880 last for 7.3 hours.
        let told = window.report(now);
        let hours = told.runs_out_in.unwrap().as_secs_f64() / 3600.0;
        assert!(told.left == 880 && (7.2..7.5).contains(&hours), "{told:?}");
        // Nobody calls for two hours.
        assert_eq!(window.report(now.after(Duration::from_secs(7200))).runs_out_in, None);
        let mut slow = Window::new(1000, day);
        for minute in 0..60 {
            slow.take(start.after(Duration::from_secs(120 * minute)));
        }
        assert_eq!(slow.report(start.after(Duration::from_secs(7200))).runs_out_in, None, "720 calls a day");
    }

    #[test]
    fn it_is_ready_again_at_the_moment_it_says() {
        let mut window = Window::new(1, SPAN);
        let start = Timestamp::from_micros(0);
        assert!(window.ready(start).is_ok());
        window.take(start);
        let next = window.ready(start).unwrap_err();
        assert!(window.ready(next.before(Duration::from_micros(1))).is_err());
        assert!(window.ready(next).is_ok());
    }
}
