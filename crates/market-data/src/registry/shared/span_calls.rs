//! The calls of a fleet within a span that ends now, by the time of whoever counts them.

use std::{collections::VecDeque, time::Duration};

use serde::{Deserialize, Serialize};

use crate::registry::window::Window;
use cache_core::Timestamp;

/// How many parts a span is divided into, whose calls are counted together: a call may wait so much of the span
/// longer than needed.
const PARTS: i64 = 200;

/// The calls within a span. Each counts from when it was granted until the span after its date is over, and its
/// date is the latest moment at which it can go out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SpanCalls {
    /// The length of the span, in microseconds.
    span: i64,
    /// The ends of parts, in lengths of a part since 1970, and how many calls are dated in them. In order.
    parts: VecDeque<(i64, u32)>,
}

impl SpanCalls {
    pub(super) fn new(span: Duration) -> Self {
        Self { span: micros(span), parts: VecDeque::new() }
    }

    pub(super) fn is_of(&self, span: Duration) -> bool {
        self.span == micros(span)
    }

    /// Returns the length of the span, in microseconds.
    pub(super) fn span(&self) -> i64 {
        self.span
    }

    /// A record may have been written by anybody: nothing is divided by zero.
    fn part(&self) -> i64 {
        (self.span / PARTS).max(1)
    }

    /// Forgets what no longer counts.
    pub(super) fn forget(&mut self, now: i64) {
        let ended = |end: i64| end.saturating_mul(self.part()).saturating_add(self.span) <= now;
        let gone = self.parts.iter().take_while(|(end, _)| ended(*end)).count();
        self.parts.drain(..gone);
    }

    /// Returns how many calls count.
    pub(super) fn used(&self) -> u32 {
        self.parts.iter().fold(0, |used, (_, calls)| used.saturating_add(*calls))
    }

    /// Counts calls of this date, or of the latest date so far if that is later.
    pub(super) fn count(&mut self, date: i64, calls: u32) {
        if calls == 0 {
            return;
        }
        let end = date.div_euclid(self.part()).saturating_add(1);
        match self.parts.back_mut() {
            Some((last, counted)) if *last >= end => *counted = counted.saturating_add(calls),
            _ => self.parts.push_back((end, calls)),
        }
    }

    /// Returns when the first of the calls no longer counts.
    pub(super) fn next_free(&self) -> Option<i64> {
        let (end, _) = self.parts.front()?;
        Some(end.saturating_mul(self.part()).saturating_add(self.span))
    }

    /// Dates all calls by so much earlier, or a part less.
    pub(super) fn shift_back(&mut self, by: i64) {
        let parts = by / self.part();
        self.parts.iter_mut().for_each(|(end, _)| *end = end.saturating_sub(parts));
    }

    /// Returns the same as a window with that limit.
    pub(super) fn window(&self, limit: u32) -> Window {
        let end = |end: i64| Timestamp::from_micros(end.saturating_mul(self.part()));
        let made = self.parts.iter().map(|(at, calls)| (end(*at), *calls)).collect();
        Window::with_calls(limit, Duration::from_micros(self.span.unsigned_abs()), made)
    }
}

pub(super) fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}
