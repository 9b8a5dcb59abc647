//! When a market's phase changes: a year at a time, worked out once.

use std::time::Duration;

use cache_core::Timestamp;
use jiff::civil::Date;

use crate::{Phase, Session, rules::Wall, sessions::Planner};

/// The phases of a stretch of time: each holds from its moment to the next one's.
pub(crate) type Changes = Vec<(Timestamp, Phase)>;

/// The phases from `start` up to `end`, the first beginning at `start`. `sessions` are those that
/// may reach in, by day.
pub(crate) fn changes(planner: &Planner, sessions: &[Session], start: Timestamp, end: Timestamp) -> Changes {
    let spans = spans(planner, sessions);
    let days = days(planner, sessions, start, end);
    let mut moments: Vec<Timestamp> = spans.iter().flat_map(|span| [span.from, span.to]).collect();
    moments.extend(days.iter().map(|(midnight, _)| *midnight));
    moments.push(start);
    moments.retain(|moment| (start..end).contains(moment));
    moments.sort_unstable();
    moments.dedup();
    let phase = |at| within(&spans, at).unwrap_or_else(|| day(&days, at));
    let mut changes: Changes = moments.into_iter().map(|at| (at, phase(at))).collect();
    changes.dedup_by_key(|(_, phase)| *phase);
    changes
}

/// A stretch in which a market is not simply closed.
struct Stretch {
    from: Timestamp,
    to: Timestamp,
    phase: Phase,
}

/// What sessions and the extended hours around them cover, in order and without overlaps.
fn spans(planner: &Planner, sessions: &[Session]) -> Vec<Stretch> {
    let mut spans: Vec<Stretch> = Vec::new();
    for (at, session) in sessions.iter().enumerate() {
        let before = spans.last().map_or(Timestamp::MIN, |span| span.to);
        let next = sessions.get(at + 1).map_or(Timestamp::MAX, |next| next.open);
        let (pre, post) = extended(planner, session);
        let (from, to) = session.lunch.unwrap_or((session.close, session.close));
        let of_session = [
            (pre.max(before), session.open, Phase::Pre),
            (session.open, from, Phase::Open),
            (from, to, Phase::Break),
            (to, session.close, Phase::Open),
            (session.close, post.min(next), Phase::Post),
        ];
        let real = of_session.into_iter().filter(|(from, to, _)| from < to);
        spans.extend(real.map(|(from, to, phase)| Stretch { from, to, phase }));
    }
    spans
}

/// When the extended hours around a session begin and end.
fn extended(planner: &Planner, session: &Session) -> (Timestamp, Timestamp) {
    let Some(extended) = planner.exchange.extended else { return (session.open, session.close) };
    let from = planner.moment(session.date, extended.from).unwrap_or(session.open);
    let after = Duration::from_secs(3600 * u64::from(extended.hours_after_close));
    (from, session.close.after(after))
}

fn within(spans: &[Stretch], at: Timestamp) -> Option<Phase> {
    let next = spans.partition_point(|span| span.from <= at);
    let span = spans.get(next.checked_sub(1)?)?;
    (at < span.to).then_some(span.phase)
}

/// The days of the exchange that touch the stretch: their midnights, and what they are outside of sessions.
fn days(
    planner: &Planner,
    sessions: &[Session],
    start: Timestamp,
    end: Timestamp,
) -> Vec<(Timestamp, Phase)> {
    let date = |at: Timestamp| {
        let at = jiff::Timestamp::from_microsecond(at.as_micros()).ok()?;
        Some(planner.zone.to_datetime(at).date())
    };
    let Some((first, last)) = date(start).zip(date(end)) else { return Vec::new() };
    let dates = first.series(jiff::Span::new().days(1)).take_while(|date| *date <= last);
    let midnight = |date| planner.moment(date, Wall::MIDNIGHT);
    dates.filter_map(|date| Some((midnight(date)?, outside(planner, sessions, date)))).collect()
}

/// What a day is outside of its session.
fn outside(planner: &Planner, sessions: &[Session], date: Date) -> Phase {
    if sessions.binary_search_by_key(&date, |session| session.date).is_ok() {
        Phase::Closed
    } else if planner.exchange.is_weekend(date) {
        Phase::Weekend
    } else {
        Phase::Holiday
    }
}

fn day(days: &[(Timestamp, Phase)], at: Timestamp) -> Phase {
    let next = days.partition_point(|(midnight, _)| *midnight <= at);
    next.checked_sub(1).and_then(|day| days.get(day)).map_or(Phase::Closed, |(_, phase)| *phase)
}
