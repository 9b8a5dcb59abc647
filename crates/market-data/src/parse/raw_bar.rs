//! Bars as parsed, before they are judged.

use jiff::Timestamp;

use crate::{
    BarTime,
    moment::{from_jiff, to_jiff},
};

/// A bar as parsed; `At` is the type of its time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct RawBar<At = Timestamp> {
    pub(crate) begin: At,
    pub(crate) open: f64,
    pub(crate) high: f64,
    pub(crate) low: f64,
    pub(crate) close: f64,
    pub(crate) adjusted_close: Option<f64>,
    /// `None` if it isn't told.
    pub(crate) volume: Option<u64>,
}

impl<At> RawBar<At> {
    /// Replaces its time.
    pub(crate) fn begins<Other>(self, begin: Other) -> RawBar<Other> {
        let Self { begin: _, open, high, low, close, adjusted_close, volume } = self;
        RawBar { begin, open, high, low, close, adjusted_close, volume }
    }
}

/// Returns the time of a bar that begins at a moment.
pub(crate) fn moment(at: Timestamp) -> BarTime {
    BarTime::Moment(from_jiff(at))
}

/// Returns the present moment of the clock.
pub(crate) fn now(clock: &cache_core::Clock) -> Timestamp {
    to_jiff(clock.now())
}
