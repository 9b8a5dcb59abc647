//! Computes when a value can change next.

use std::{iter, time::Duration};

use cache_core::Timestamp;

use super::Changes;
use market_calendar::{Calendar, Phase};
use market_data::moment::{from_jiff, to_jiff};

/// The most phases searched for the next trading; no market has so many without any. Past them an earlier
/// moment is taken, which is safe.
const MOST_PHASES: usize = 64;

/// Returns the first moment after `at` at which, or from which on, a value of this market can change; `None`
/// if the calendar has none.
///
/// - While it can change at any moment: the end of that time.
/// - Otherwise: the start of the next such time; or, if the last close has not settled, the moment it has, if
///   that is earlier.
/// - For a value that changes at the close: when the next close has settled.
pub(super) fn next_change(
    calendar: &Calendar,
    changes: Changes,
    at: Timestamp,
    settle: Duration,
) -> Option<Timestamp> {
    // The last close, if it has not settled, or the next one.
    let settled =
        || calendar.next_close(to_jiff(at.before(settle))).map(|close| from_jiff(close).after(settle));
    match changes {
        Changes::Any | Changes::Reports => None,
        Changes::Close => settled(),
        Changes::Trading | Changes::Extended if changes.may_be_in(calendar.phase(to_jiff(at))) => {
            calendar.next_change(to_jiff(at)).map(from_jiff)
        }
        Changes::Trading | Changes::Extended => {
            [next_in(calendar, changes, at), settled()].into_iter().flatten().min()
        }
    }
}

/// Returns the first moment after `at` from which on such a value can change at any moment.
fn next_in(calendar: &Calendar, changes: Changes, at: Timestamp) -> Option<Timestamp> {
    let starts = iter::successors(calendar.next_change(to_jiff(at)), |at| calendar.next_change(*at));
    let mut last = None;
    for start in starts.take(MOST_PHASES) {
        last = Some(start);
        if changes.may_be_in(calendar.phase(start)) {
            break;
        }
    }
    last.map(from_jiff)
}

impl Changes {
    /// Returns whether such a value may change at any moment of the phase.
    #[must_use]
    pub fn may_be_in(self, phase: Phase) -> bool {
        match self {
            Self::Trading => phase == Phase::Open,
            Self::Extended => matches!(phase, Phase::Open | Phase::Pre | Phase::Post),
            Self::Close => false,
            Self::Any | Self::Reports => true,
        }
    }
}
