//! Entries that memory holds for nothing: written and never read, or read once.

use serde::Serialize;

use crate::recorder::sample::stays::Stays;

/// The share of entries read once at most from which on memory is polluted.
const POLLUTED: f64 = 0.3;

/// The least sampled entries that prove it.
const LEAST_SAMPLED: u64 = 30;

/// How often entries were read while memory held them: those that left, and those that are held for an hour or
/// more. The read that loads an entry counts. All but `sampled` are estimates from a sample of the keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Pollution {
    /// How many such entries of sampled keys are known.
    pub sampled: u64,
    /// How many such entries there are.
    pub estimated_entries: f64,
    /// Those of them that nobody read.
    pub estimated_never_read: f64,
    /// Those that were read once.
    pub estimated_read_once: f64,
    /// Those of both that gave way to others.
    pub estimated_evicted_early: f64,
    /// How many entries are held, young ones included.
    pub estimated_held: f64,
    /// The share that was read once at most; `None` without any.
    pub estimated_share: Option<f64>,
    /// Whether that is more than 30 of 100, of 30 sampled ones or more.
    pub is_polluted: bool,
}

impl Pollution {
    pub(crate) fn of(stays: &Stays) -> Self {
        let [never_read, read_once, more] = stays.by_reads;
        let entries = never_read + read_once + more;
        let share = (stays.sampled > 0).then(|| (never_read + read_once) / entries);
        Self {
            sampled: stays.sampled,
            estimated_entries: entries,
            estimated_never_read: never_read,
            estimated_read_once: read_once,
            estimated_evicted_early: stays.evicted_early,
            estimated_held: stays.held,
            estimated_share: share,
            is_polluted: stays.sampled >= LEAST_SAMPLED && share.is_some_and(|share| share > POLLUTED),
        }
    }
}
