//! Calendars against an oracle: every session from 2015 to 2026, to the minute.

use std::{collections::BTreeMap, io::Read, path::PathBuf};

use flate2::read::GzDecoder;
use market_calendar::{Calendar, Calendars, Date, Market, Timestamp};

/// Where two sources disagree, nothing is asserted.
const DISPUTED: [(&str, &str); 6] = [
    ("XHKG", "2020-10-13"),
    ("XHKG", "2021-04-06"),
    ("XHKG", "2021-10-13"),
    ("XHKG", "2023-09-01"),
    ("XHKG", "2023-09-08"),
    ("XHKG", "2024-09-06"),
];

/// Where a calendar departs from the oracle, or has what the oracle hasn't: muhurat hours and weekend sessions of
/// Mumbai, and days on which some of what CME Globex trades does so longer than equities; each as it is here, by
/// the exchange's clock.
const BEYOND: &[(&str, &str, &str)] = &[
    // Good Fridays with jobs data of the United States
    ("CMES", "2015-04-03", "17:00-10:15"),
    ("CMES", "2021-04-02", "17:00-10:15"),
    ("CMES", "2023-04-07", "17:00-10:15"),
    ("CMES", "2026-04-03", "17:00-10:15"),
    // Days of mourning
    ("CMES", "2018-12-05", "17:00-17:00"),
    ("CMES", "2025-01-09", "17:00-17:00"),
    // Holidays since 2022, by one example each
    ("CMES", "2022-06-20", "17:00-17:00"),
    ("CMES", "2023-06-19", "17:00-17:00"),
    ("CMES", "2024-01-15", "17:00-17:00"),
    ("CMES", "2024-07-04", "17:00-17:00"),
    ("CMES", "2024-11-28", "17:00-17:00"),
    // Ends with metals and energy
    ("CMES", "2024-11-29", "17:00-12:45"),
    ("CMES", "2024-12-24", "17:00-12:45"),
    ("XBOM", "2015-02-28", "09:15-15:30"),
    ("XBOM", "2015-11-11", "17:45-18:45"),
    ("XBOM", "2016-10-30", "18:30-19:30"),
    ("XBOM", "2017-10-19", "18:30-19:30"),
    ("XBOM", "2018-11-07", "17:30-18:30"),
    ("XBOM", "2019-10-27", "18:15-19:15"),
    ("XBOM", "2020-02-01", "09:15-15:30"),
    ("XBOM", "2020-11-14", "18:15-19:15"),
    ("XBOM", "2021-11-04", "18:15-19:15"),
    ("XBOM", "2022-10-24", "18:15-19:15"),
    ("XBOM", "2023-11-12", "18:15-19:15"),
    ("XBOM", "2024-01-20", "09:15-15:30"),
    ("XBOM", "2024-03-02", "09:15-12:30"),
    ("XBOM", "2024-05-18", "09:15-12:40"),
    ("XBOM", "2024-11-01", "18:00-19:00"),
    ("XBOM", "2025-02-01", "09:15-15:30"),
    ("XBOM", "2025-10-21", "13:45-14:45"),
    ("XBOM", "2026-02-01", "09:15-15:30"),
    ("XNSE", "2026-02-01", "09:15-15:30"),
];

#[test]
fn the_sessions_that_the_oracle_lacks_have_their_hours() {
    let calendars = Calendars::builtin();
    for &(name, day, hours) in BEYOND {
        let names = if name == "XBOM" { vec!["XBOM", "XNSE"] } else { vec![name] };
        for name in names {
            let calendar = calendars.named(name).unwrap();
            let session = calendar.session_on(day.parse().unwrap()).unwrap_or_else(|| panic!("{name} {day}"));
            let local = |at| calendar.zone().to_datetime(at).strftime("%H:%M").to_string();
            assert_eq!(format!("{}-{}", local(session.open), local(session.close)), hours, "{name} {day}");
            let goes_on = hours.ends_with("17:00");
            assert!(calendar.is_open(session.open), "{name} {day}");
            assert_eq!(calendar.is_open(session.close), goes_on, "{name} {day}");
        }
    }
    let closed = |day: &str| calendars.of(Market::CMES).unwrap().session_on(day.parse().unwrap()).is_none();
    assert!(closed("2024-03-29") && closed("2025-04-18") && closed("2022-04-15"), "no jobs data on these");
}

#[test]
fn xetra_and_the_floor_of_frankfurt_have_hours_of_their_own() {
    let hours = |market: Market, day: &str| {
        let calendars = Calendars::builtin();
        let calendar = calendars.of(market).unwrap();
        let session = calendar.session_on(day.parse().unwrap())?;
        let local = |at| calendar.zone().to_datetime(at).strftime("%H:%M").to_string();
        Some(format!("{}-{}", local(session.open), local(session.close)))
    };
    for (day, xetra, floor) in [
        ("2026-03-02", Some("09:00-17:30"), Some("08:00-22:00")),
        ("2025-12-30", Some("09:00-14:00"), Some("08:00-22:00")),
        ("2025-12-24", None, None),
        ("2017-10-31", None, None),
    ] {
        assert_eq!(hours(Market::XETR, day).as_deref(), xetra, "{day}");
        assert_eq!(hours(Market::XFRA, day).as_deref(), floor, "{day}");
    }
}

#[test]
fn every_session_is_the_oracles() {
    let mut compared = 0;
    let names = [
        "XNYS", "XTSE", "CMES", "XLON", "XFRA", "XPAR", "XTKS", "XHKG", "XSHG", "XBOM", "XASX", "24-5",
        "24-7",
    ];
    for name in names {
        // The oracle's Frankfurt has the hours of Xetra.
        let ours = if name == "XFRA" { "XETR" } else { name };
        let mut expected = by_day(name, oracle(name));
        let mut answered = by_day(name, sessions(Calendars::builtin().named(ours).unwrap()));
        if name == "CMES" {
            let both = |day: &String| expected.get(day).zip(answered.get(day));
            let later: Vec<String> = expected
                .keys()
                .filter(|day| both(day).is_some_and(|(oracle, ours)| ends_later(oracle, ours)))
                .cloned()
                .collect();
            later.iter().for_each(|day| drop((expected.remove(day), answered.remove(day))));
        }
        let differ = differences(&expected, &answered);
        assert!(differ.is_empty(), "{name} differs in {}:\n{}", differ.len(), differ.join("\n"));
        compared += expected.len();
    }
    println!("{compared} sessions compared");
}

#[test]
fn foreign_exchange_has_the_weeks_of_the_rule() {
    let weeks = weeks(Calendars::builtin().of(Market::FX).unwrap());
    assert_eq!(weeks, oracle("FX-24x5-rule"));
    println!("{} weeks of foreign exchange compared", weeks.len());
}

/// The unbroken stretches of trading that open in 2015 to 2026.
fn weeks(calendar: &Calendar) -> Vec<String> {
    let mut weeks: Vec<(Timestamp, Timestamp)> = Vec::new();
    for session in calendar.sessions(Date::constant(2015, 1, 5), Date::constant(2027, 1, 1)) {
        match weeks.last_mut() {
            Some((_, close)) if *close == session.open => *close = session.close,
            _ => weeks.push((session.open, session.close)),
        }
    }
    weeks.into_iter().map(|(open, close)| format!("{},{}", minute(open), minute(close))).collect()
}

/// The lines of the oracle, without its heading.
fn oracle(name: &str) -> Vec<String> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/calendars/{name}.csv.gz"));
    let mut text = String::new();
    GzDecoder::new(std::fs::File::open(file).unwrap()).read_to_string(&mut text).unwrap();
    text.lines().skip(1).map(str::to_owned).collect()
}

/// The sessions of a calendar, in the oracle's columns.
fn sessions(calendar: &Calendar) -> Vec<String> {
    let years = (Date::constant(2015, 1, 1), Date::constant(2026, 12, 31));
    let line = |session: market_calendar::Session| {
        let (from, to) = session.lunch.map_or_else(Default::default, |(from, to)| (minute(from), minute(to)));
        let (open, close) = (minute(session.open), minute(session.close));
        format!("{},{open},{close},{from},{to},{}", session.date, session.kind.as_str())
    };
    calendar.sessions(years.0, years.1).map(line).collect()
}

fn by_day(name: &str, lines: Vec<String>) -> BTreeMap<String, String> {
    let day = |line: &str| line.split(',').next().unwrap().to_owned();
    let days = lines.into_iter().map(|line| (day(&line), line));
    let beyond = |day: &str| BEYOND.iter().any(|(of, on, _)| (*of, *on) == (name, day));
    days.filter(|(day, _)| !DISPUTED.contains(&(name, day)) && !beyond(day)).collect()
}

/// Returns whether two lines of CME Globex are of one session that ends later here than futures on equities do.
fn ends_later(one: &str, other: &str) -> bool {
    let fields = |line: &str| line.split(',').map(str::to_owned).collect::<Vec<_>>();
    let (oracle, ours) = (fields(one), fields(other));
    oracle[..2] == ours[..2] && oracle[5] == "early_close" && oracle[2] < ours[2]
}

fn differences(expected: &BTreeMap<String, String>, answered: &BTreeMap<String, String>) -> Vec<String> {
    let missing = expected.iter().filter(|(day, line)| answered.get(*day) != Some(line));
    let extra = answered.iter().filter(|(day, line)| expected.get(*day) != Some(line));
    missing.map(|(_, line)| format!("- {line}")).chain(extra.map(|(_, line)| format!("+ {line}"))).collect()
}

fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%MZ").to_string()
}
