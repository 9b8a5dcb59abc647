//! What a calendar answers of a moment agrees with its sessions, whatever the moment.

use jiff::{SignedDuration, ToSpan, civil::date};
use market_calendar::{Calendar, Calendars, Date, Market, Phase, Session, Timestamp};
use proptest::prelude::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The day on the exchange.
fn day(calendar: &Calendar, at: Timestamp) -> Date {
    calendar.zone().to_datetime(at).date()
}

/// The sessions of the weeks around a moment.
fn around(calendar: &Calendar, at: Timestamp) -> Vec<Session> {
    let month = jiff::Span::new().days(30);
    let day = day(calendar, at);
    calendar.sessions(day.saturating_sub(month), day.saturating_add(month)).collect()
}

/// A calendar and a moment from 1990 to 2040: any, or just about an open, a close or the end of a break.
fn moment() -> impl Strategy<Value = (Calendar, Timestamp)> {
    let calendars: Vec<Calendar> = Calendars::builtin().iter().cloned().collect();
    let years = at("1990-01-01T00:00:00Z").as_microsecond()..at("2041-01-01T00:00:00Z").as_microsecond();
    (prop::sample::select(calendars), years, 0..5, -1_i64..=1).prop_map(|(calendar, micros, what, off)| {
        let any = Timestamp::from_microsecond(micros).unwrap();
        let near = around(&calendar, any).into_iter().find(|session| session.close > any);
        let edge = near.and_then(|session| match what {
            0 => Some(session.open),
            1 => Some(session.close),
            2 => session.lunch.map(|(from, _)| from),
            3 => session.lunch.map(|(_, to)| to),
            _ => None,
        });
        let at = edge.map_or(any, |edge| edge + off.microseconds());
        (calendar, at)
    })
}

/// What the market is doing, from its sessions alone: what tells extended hours from closed ones is left out.
fn expected(calendar: &Calendar, at: Timestamp) -> Phase {
    let on = around(calendar, at).into_iter().find(|session| session.open <= at && at < session.close);
    match on {
        Some(session) if session.lunch.is_some_and(|(from, to)| from <= at && at < to) => Phase::Break,
        Some(_) => Phase::Open,
        None if calendar.session_on(day(calendar, at)).is_some() => Phase::Closed,
        None if day(calendar, at).weekday().to_monday_zero_offset() >= 5 => Phase::Weekend,
        None => Phase::Holiday,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn a_moment_is_judged_as_its_sessions_say((calendar, at) in moment()) {
        let sessions = around(&calendar, at);
        let on = sessions.iter().find(|session| session.contains(at)).copied();
        prop_assert_eq!(calendar.session(at), on);
        prop_assert_eq!(calendar.next_open(at), sessions.iter().map(|one| one.open).find(|open| *open > at));
        prop_assert_eq!(calendar.next_close(at), sessions.iter().map(|one| one.close).find(|close| *close > at));
        let phase = calendar.phase(at);
        prop_assert_eq!(calendar.is_open(at), phase == Phase::Open);
        let without_extended = match phase {
            Phase::Pre | Phase::Post => Phase::Closed,
            other => other,
        };
        // Extended hours can reach into the night of another day.
        if phase == without_extended {
            prop_assert_eq!(phase, expected(&calendar, at));
        }
    }

    #[test]
    fn a_phase_holds_until_the_next_change_and_no_longer((calendar, at) in moment(), share in 0.0..1.0) {
        let phase = calendar.phase(at);
        let Some(change) = calendar.next_change(at) else {
            prop_assert_eq!(calendar.market(), Market::CRYPTO);
            return Ok(());
        };
        prop_assert!(change > at);
        prop_assert_ne!(calendar.phase(change), phase);
        let part = SignedDuration::from_secs_f64(change.duration_since(at).as_secs_f64() * share);
        let between = (at + part).min(change - 1.microsecond());
        prop_assert_eq!(calendar.phase(between), phase, "{:?} {:?}", at, between);
        prop_assert_eq!(calendar.next_change(between), Some(change));
        // An open and a close are changes, unless trading goes on across them.
        if let Some(open) = calendar.next_open(at) {
            prop_assert!(change <= open || calendar.is_open(at));
        }
    }

    #[test]
    fn no_moment_is_too_far(micros in Timestamp::MIN.as_microsecond()..=Timestamp::MAX.as_microsecond()) {
        for calendar in Calendars::builtin().iter() {
            let at = Timestamp::from_microsecond(micros).unwrap();
            let _ = (calendar.phase(at), calendar.next_change(at), calendar.next_open(at), calendar.session(at));
        }
    }
}

#[test]
fn sessions_follow_each_other_from_1990_to_2040() {
    for calendar in Calendars::builtin().iter() {
        let sessions: Vec<Session> = calendar.sessions(date(1990, 1, 1), date(2040, 12, 31)).collect();
        assert!(sessions.len() > 51 * 235, "{calendar:?}");
        for session in &sessions {
            assert!(session.open < session.close, "{calendar:?} {session:?}");
            assert!(
                session
                    .lunch
                    .is_none_or(|(from, to)| { session.open < from && from < to && to < session.close })
            );
        }
        for pair in sessions.windows(2) {
            assert!(pair[0].date < pair[1].date && pair[0].close <= pair[1].open, "{calendar:?} {pair:?}");
        }
    }
}

#[test]
fn a_day_in_new_york_has_its_phases() {
    use Phase::{Closed, Holiday, Open, Post, Pre, Weekend};
    let calendars = Calendars::builtin();
    let calendar = calendars.of(Market::XNYS).unwrap();
    // From the Wednesday before Thanksgiving to the Monday after: 5 hours behind UTC.
    let mut now = at("2026-11-25T05:00:00Z");
    for (until, phase) in [
        ("2026-11-25T09:00:00Z", Closed),
        ("2026-11-25T14:30:00Z", Pre),
        ("2026-11-25T21:00:00Z", Open),
        ("2026-11-26T01:00:00Z", Post),
        ("2026-11-26T05:00:00Z", Closed),
        ("2026-11-27T05:00:00Z", Holiday),
        ("2026-11-27T09:00:00Z", Closed),
        ("2026-11-27T14:30:00Z", Pre),
        ("2026-11-27T18:00:00Z", Open),
        ("2026-11-27T22:00:00Z", Post),
        ("2026-11-28T05:00:00Z", Closed),
        ("2026-11-30T05:00:00Z", Weekend),
        ("2026-11-30T09:00:00Z", Closed),
        ("2026-11-30T14:30:00Z", Pre),
    ] {
        assert_eq!((calendar.phase(now), calendar.next_change(now)), (phase, Some(at(until))), "{until}");
        now = at(until);
    }
}

#[test]
fn the_year_turns_by_utc_in_the_middle_of_a_session_or_of_extended_hours() {
    let calendars = Calendars::builtin();
    let phase = |market, text: &str| calendars.of(market).unwrap().phase(at(text));
    assert_eq!(phase(Market::XNYS, "2025-12-31T23:59:59Z"), Phase::Post);
    assert_eq!(phase(Market::XNYS, "2026-01-01T00:00:00Z"), Phase::Post);
    assert_eq!(phase(Market::XNYS, "2026-01-01T01:00:00Z"), Phase::Closed);
    assert_eq!(phase(Market::XNYS, "2026-01-01T05:00:00Z"), Phase::Holiday);
    // The session of 1 January opens on 31 December.
    assert_eq!(phase(Market::FX, "2025-12-31T23:59:59Z"), Phase::Open);
    assert_eq!(phase(Market::FX, "2026-01-01T00:00:00Z"), Phase::Open);
}

#[test]
fn summer_time_moves_the_open_by_utc_and_not_on_the_wall() {
    let calendars = Calendars::builtin();
    for (market, before, after) in [
        (Market::XNYS, "2026-03-06T14:30:00Z", "2026-03-09T13:30:00Z"),
        (Market::XNYS, "2026-10-30T13:30:00Z", "2026-11-02T14:30:00Z"),
        // Three weeks later in Europe, and one earlier; the other way round in the south.
        (Market::XLON, "2026-03-27T08:00:00Z", "2026-03-30T07:00:00Z"),
        (Market::XLON, "2026-10-23T07:00:00Z", "2026-10-26T08:00:00Z"),
        (Market::XASX, "2026-04-01T23:00:00Z", "2026-04-07T00:00:00Z"),
        // The clocks are turned while nobody trades, so a week of foreign exchange opens an hour earlier.
        (Market::FX, "2026-03-05T22:00:00Z", "2026-03-08T21:00:00Z"),
    ] {
        let calendar = calendars.of(market).unwrap();
        let just_before = at(before) - 1.microsecond();
        assert_eq!(calendar.next_open(just_before), Some(at(before)), "{market}");
        assert_eq!(calendar.next_open(at(before)), Some(at(after)), "{market}");
    }
}

#[test]
fn what_never_closes_is_open_across_days_and_years() {
    let calendars = Calendars::builtin();
    let coins = calendars.of(Market::CRYPTO).unwrap();
    let new_year = at("2027-01-01T00:00:00Z");
    assert_eq!((coins.phase(new_year), coins.next_change(new_year)), (Phase::Open, None));
    assert_eq!(coins.next_close(new_year), Some(at("2027-01-02T00:00:00Z")));
    // Foreign exchange changes its day at 17:00 in New York, and trades on.
    let fx = calendars.of(Market::FX).unwrap();
    let tuesday = at("2026-11-24T12:00:00Z");
    assert_eq!(fx.next_close(tuesday), Some(at("2026-11-24T22:00:00Z")));
    assert_eq!(fx.next_change(tuesday), Some(at("2026-11-27T22:00:00Z")));
}
