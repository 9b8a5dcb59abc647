//! The grid on which bars within a day begin, and the running price that lies off it.

use std::time::Duration;

use cache_core::Timestamp;

use crate::{Bar, BarTime, Interval};

/// Up to this span, two bars never begin closer to each other than it, whatever breaks an exchange has.
const CLOSE_TOGETHER: Duration = Duration::from_secs(3_600);

const MINUTE: u64 = 60_000_000;

/// Puts the running price where it belongs. Some sources give it as a last row at the moment of the last trade:
/// it is a part of the bar under way, which may have no other row yet.
pub(crate) fn onto_the_grid(bars: &mut Vec<Bar>, interval: Interval) {
    let Some(span) = interval.span() else { return };
    let moment = |bar: &Bar| match bar.time {
        BarTime::Moment(at) => Some(at),
        BarTime::Day(_) => None,
    };
    let Some((last, at)) = bars.last().and_then(|last| Some((*last, moment(last)?))) else { return };
    let before = bars.len().checked_sub(2).and_then(|before| moment(&bars[before]));
    let off_the_minute = at.as_micros().rem_euclid(MINUTE as i64) != 0;
    let within = before.is_some_and(|before| at.since(before) < span);
    match bars.as_mut_slice() {
        [.., before, _] if within && (off_the_minute || span <= CLOSE_TOGETHER) => {
            before.high = before.high.max(last.high);
            before.low = before.low.min(last.low);
            before.close = last.close;
            before.adjusted_close = last.adjusted_close.or(before.adjusted_close);
            before.volume = match (before.volume, last.volume) {
                (Some(volume), Some(more)) => Some(volume.saturating_add(more)),
                (one, other) => one.or(other),
            };
            bars.pop();
        }
        [.., running] if off_the_minute => running.time = BarTime::Moment(begin(at, before, span)),
        _ => {}
    }
}

/// Returns when the bar begins that `at` is in, on the grid of the bar before.
fn begin(at: Timestamp, before: Option<Timestamp>, span: Duration) -> Timestamp {
    let span = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
    let phase = before.map_or(0, |before| before.as_micros().rem_euclid(span));
    let into = (at.as_micros() - phase).rem_euclid(span);
    Timestamp::from_micros(at.as_micros() - into)
}
