//! Computes when a market's phase changes, a year at a time.

use jiff::{SignedDuration, Timestamp, civil::Date};

use crate::{Phase, Session, rules::LocalTime, schedule::Schedule};

/// Phases by the moment at which they begin: each holds until the next one's.
pub(crate) type PhaseChanges = Vec<(Timestamp, Phase)>;

/// Returns the phases from `start` up to `end`, the first beginning at `start`. `sessions` are those that may
/// reach in, by day.
pub(crate) fn changes(
    schedule: &Schedule,
    sessions: &[Session],
    start: Timestamp,
    end: Timestamp,
) -> PhaseChanges {
    let spans = spans(schedule, sessions);
    let days = days(schedule, sessions, start, end);
    let mut moments: Vec<Timestamp> = spans.iter().flat_map(|span| [span.from, span.to]).collect();
    moments.extend(days.iter().map(|(midnight, _)| *midnight));
    moments.push(start);
    moments.retain(|moment| (start..end).contains(moment));
    moments.sort_unstable();
    moments.dedup();
    let phase = |at| within(&spans, at).unwrap_or_else(|| day(&days, at));
    let mut changes: PhaseChanges = moments.into_iter().map(|at| (at, phase(at))).collect();
    changes.dedup_by_key(|(_, phase)| *phase);
    changes
}

/// A span of time in which a market is open, at lunch, or in extended hours.
struct PhaseSpan {
    from: Timestamp,
    to: Timestamp,
    phase: Phase,
}

/// Returns the spans of sessions and of the extended hours around them, in order and without overlaps.
fn spans(schedule: &Schedule, sessions: &[Session]) -> Vec<PhaseSpan> {
    let mut spans: Vec<PhaseSpan> = Vec::new();
    for (at, session) in sessions.iter().enumerate() {
        let before = spans.last().map_or(Timestamp::MIN, |span| span.to);
        let next = sessions.get(at + 1).map_or(Timestamp::MAX, |next| next.open);
        let (pre, post) = extended(schedule, session);
        let (from, to) = session.lunch.unwrap_or((session.close, session.close));
        let of_session = [
            (pre.max(before), session.open, Phase::Pre),
            (session.open, from, Phase::Open),
            (from, to, Phase::Break),
            (to, session.close, Phase::Open),
            (session.close, post.min(next), Phase::Post),
        ];
        let real = of_session.into_iter().filter(|(from, to, _)| from < to);
        spans.extend(real.map(|(from, to, phase)| PhaseSpan { from, to, phase }));
    }
    spans
}

/// Returns when the extended hours around a session begin and end.
fn extended(schedule: &Schedule, session: &Session) -> (Timestamp, Timestamp) {
    let Some(extended) = schedule.exchange.extended else { return (session.open, session.close) };
    let from = schedule.moment(session.date, extended.from).unwrap_or(session.open);
    let hours = SignedDuration::from_hours(extended.hours_after_close.into());
    (from, session.close.saturating_add(hours).unwrap_or(session.close))
}

fn within(spans: &[PhaseSpan], at: Timestamp) -> Option<Phase> {
    let next = spans.partition_point(|span| span.from <= at);
    let span = spans.get(next.checked_sub(1)?)?;
    (at < span.to).then_some(span.phase)
}

/// Returns the days of the exchange that touch the stretch: their midnights, and what they are outside of
/// sessions.
fn days(
    schedule: &Schedule,
    sessions: &[Session],
    start: Timestamp,
    end: Timestamp,
) -> Vec<(Timestamp, Phase)> {
    let date = |at| schedule.zone.to_datetime(at).date();
    let (first, last) = (date(start), date(end));
    let dates = first.series(jiff::Span::new().days(1)).take_while(|date| *date <= last);
    let midnight = |date| schedule.moment(date, LocalTime::MIDNIGHT);
    dates.filter_map(|date| Some((midnight(date)?, outside(schedule, sessions, date)))).collect()
}

/// Returns the phase of a day outside of its session.
fn outside(schedule: &Schedule, sessions: &[Session], date: Date) -> Phase {
    if sessions.binary_search_by_key(&date, |session| session.date).is_ok() {
        Phase::Closed
    } else if schedule.exchange.is_weekend(date) {
        Phase::Weekend
    } else {
        Phase::Holiday
    }
}

fn day(days: &[(Timestamp, Phase)], at: Timestamp) -> Phase {
    let next = days.partition_point(|(midnight, _)| *midnight <= at);
    next.checked_sub(1).and_then(|day| days.get(day)).map_or(Phase::Closed, |(_, phase)| *phase)
}
