//! A sliding window: at most so many calls in any span of a given length.

use std::{collections::VecDeque, time::Duration};

use cache_core::Timestamp;

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
