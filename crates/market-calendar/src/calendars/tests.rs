//! What a user may add, what is refused, and what is built in.

use jiff::civil::date;

use super::*;
use crate::SessionKind;

fn extended(text: &str) -> Result<Calendars> {
    Calendars::builtin().extended(text, "days.txt")
}

/// Returns the session of a day in New York, by its clock there.
fn new_york(calendars: &Calendars, date: Date) -> Option<(String, SessionKind)> {
    let calendar = calendars.of(Market::XNYS).unwrap();
    let session = calendar.session_on(date)?;
    let clock = |at| calendar.zone().to_datetime(at).strftime("%H:%M").to_string();
    let lunch = session.lunch.map(|(from, to)| format!("{},{}-", clock(from), clock(to))).unwrap_or_default();
    Some((format!("{}-{lunch}{}", clock(session.open), clock(session.close)), session.kind))
}

#[test]
fn every_market_we_name_has_a_calendar_whose_zone_and_table_are_sound() {
    let known: Vec<Market> = Calendars::builtin().iter().map(Calendar::market).collect();
    assert_eq!(known.len(), exchanges::ALL.len());
    for market in [Market::US, Market::FX, Market::CRYPTO, Market::XNAS, Market::CMES] {
        assert!(Calendars::builtin().of(market).is_some(), "{market}");
    }
    assert!(Calendars::builtin().of("XOSL".parse().unwrap()).is_none());
}

#[test]
fn a_line_has_the_last_word_on_its_day() {
    let (regular, early, late) = (SessionKind::Regular, SessionKind::EarlyClose, SessionKind::LateOpen);
    for (line, day, session) in [
        ("2026-11-23 closed", date(2026, 11, 23), None),
        ("2026-11-23 closes 12:30", date(2026, 11, 23), Some(("09:30-12:30", early))),
        ("2026-11-23 opens 10:45 # snow", date(2026, 11, 23), Some(("10:45-16:00", late))),
        (
            "2026-11-23 opens 10:00\nxnys 2026-11-23 closes 12:00",
            date(2026, 11, 23),
            Some(("10:00-12:00", early)),
        ),
        // What a rule says of the close stays if a line speaks of the open only.
        ("2026-11-27 opens 10:00", date(2026, 11, 27), Some(("10:00-13:00", early))),
        ("2026-11-27 closes 16:00", date(2026, 11, 27), Some(("09:30-16:00", regular))),
        // On a holiday, on a Saturday, and where our own table says otherwise.
        ("2026-11-26 session 09:30-16:00", date(2026, 11, 26), Some(("09:30-16:00", regular))),
        (
            "2026-11-28 session 08:00-11:00,12:00-18:00",
            date(2026, 11, 28),
            Some(("08:00-11:00,12:00-18:00", regular)),
        ),
        ("2018-12-05 session 09:30-14:00", date(2018, 12, 5), Some(("09:30-14:00", early))),
    ] {
        let calendars = extended(&format!("XNYS {line}")).unwrap();
        let session = session.map(|(clock, kind)| (clock.to_owned(), kind));
        assert_eq!(new_york(&calendars, day), session, "{line}");
    }
}

#[test]
fn a_later_text_has_the_last_word_and_other_markets_keep_theirs() {
    let day = date(2026, 11, 23);
    let closed = extended("\u{feff}# ours\r\n\r\nUS 2026-11-23 closed\r\n").unwrap();
    assert!(closed.of(Market::XNYS).unwrap().session_on(day).is_none());
    assert!(closed.of(Market::XNAS).unwrap().session_on(day).is_some());
    let reopened = closed.extended("XNYS 2026-11-23 session 09:30-16:00", "later.txt").unwrap();
    assert!(reopened.of(Market::XNYS).unwrap().session_on(day).is_some());
    assert!(closed.of(Market::XNYS).unwrap().session_on(day).is_none());
}

#[test]
fn a_bad_line_is_refused_with_its_place_and_what_is_wanted() {
    for (text, line, why) in [
        ("XNYS 2026-11-23 shut", 1, "`closed`, `closes HH:MM`"),
        ("\n\nXNYS 2026-11-23", 3, "`closed`"),
        ("XNYS", 1, "write it as 2018-12-05"),
        ("XNYS 2026-11-31 closed", 1, "write it as 2018-12-05"),
        ("XNYS 2026-11-23T00:00 closed", 1, "write it as 2018-12-05"),
        ("XOSL 2026-11-23 closed", 1, "XLON"),
        ("2026-11-23 closed", 1, "there is no calendar of \"2026-11-23\""),
        ("XNYS 2026-11-23 closed\nXNYS 2026-11-23 closes 12:00", 2, "line 1 already says"),
        ("XNYS 2026-11-23 opens 16:00", 1, "no session"),
        ("# Thanksgiving\nXNYS 2026-11-26 closes 12:00", 2, "write `session HH:MM-HH:MM`"),
        ("XNYS 2026-11-28 opens 10:00", 1, "no session"),
        ("XNYS 2199-11-28 session 10:00-11:00", 1, "from 1970 to 2100"),
        ("CMES 2026-11-24 session 08:00-24:00", 1, "runs into that of 2026-11-25"),
    ] {
        let error = extended(text).unwrap_err();
        let message = error.to_string();
        assert_eq!((error.kind(), error.line()), (ErrorKind::InvalidDay, Some(line)));
        assert!(message.contains(&format!("days.txt:{line}: ")) && message.contains(why), "{message}");
    }
    let long = extended(&"é".repeat(5000)).unwrap_err().to_string();
    assert!(long.len() < 600, "{}", long.len());
}

#[test]
fn a_session_may_begin_when_another_ends_and_extended_hours_give_way() {
    assert!(extended("24/7 2026-11-24 session 00:00-24:00\nFX 2026-11-24 opens 00:00").is_ok());
    // The night of 8 March 2026 is an hour short: what is after one session runs into what is before the next.
    let text = "XNYS 2026-03-07 session 09:30-24:00\nXNYS 2026-03-08 session 09:30-16:00";
    let calendars = extended(text).unwrap();
    let calendar = calendars.of(Market::XNYS).unwrap();
    let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
    assert_eq!(calendar.phase(at("2026-03-08T08:30:00Z")), crate::Phase::Post);
    assert_eq!(calendar.next_change(at("2026-03-08T08:30:00Z")), Some(at("2026-03-08T09:00:00Z")));
    assert_eq!(calendar.phase(at("2026-03-08T09:00:00Z")), crate::Phase::Pre);
}

proptest::proptest! {
    #[test]
    fn no_text_is_too_strange_to_be_refused(text in "((XNYS|FX|24-5|[A-Z]{1,9}) ?[0-9:, -]{0,24}(closed|session|opens)?.{0,12}\n?){0,4}") {
        let _ = extended(&text);
    }
}
