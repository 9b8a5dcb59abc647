//! `cache-server calendar`: when a market trades, for people and as CSV.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use cache_config::read_text_file;
use cache_core::{Error, ErrorKind, Result};
use jiff::{Timestamp, tz::TimeZone};
use market_calendar::{Calendar, Calendars, Date, Market, Session};
use market_data::{Invalid, moment::to_jiff};
use xxhash_rust::xxh3::xxh3_128;

/// The largest calendar file, in bytes.
const MAX_CALENDAR_FILE: u64 = 1 << 20;
/// How many wrong lines of a calendar file are looked for.
const MAX_FAULTS: usize = 20;

/// Prints when a market trades: whether it is open now and when that changes, or its sessions as CSV.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
pub struct CalendarArgs {
    /// The market: a code such as XNYS, US, XLON, FX or CRYPTO, or 24/5 or 24/7.
    pub market: String,

    /// Print the sessions as CSV, in UTC. FX, which trades day and night, has a line a week.
    #[arg(long)]
    pub csv: bool,

    /// The first day to print. Left out: the first of this year.
    #[arg(long, value_name = "DATE", requires = "csv", value_parser = date)]
    pub from: Option<Date>,

    /// The last day to print. Left out: the last of this year.
    #[arg(long, value_name = "DATE", requires = "csv", value_parser = date)]
    pub to: Option<Date>,

    /// A file of days that the built-in calendars lack, with lines such as `XNYS 2027-01-08 closed`.
    #[arg(long, env = "CACHE_CALENDAR_FILE", value_name = "FILE")]
    pub calendar_file: Option<PathBuf>,
}

/// Writes what `args` ask for to `out`, as of `now`.
///
/// # Errors
///
/// `Config` for a market without a calendar, days in the wrong order, or a calendar file that can't be
/// read; `Storage` if `out` can't be written to. A reader that closed the pipe is no error.
///
/// ```
/// use cache_core::Clock;
/// use cache_server::{CalendarArgs, calendar};
///
/// let args = CalendarArgs {
///     market: "XNYS".to_owned(),
///     csv: true,
///     from: Some("2026-11-25".parse()?),
///     to: Some("2026-11-27".parse()?),
///     calendar_file: None,
/// };
/// let mut out = Vec::new();
/// calendar(&args, Clock::manual().now(), &mut out)?;
/// assert_eq!(
///     String::from_utf8(out)?,
///     "session,open_utc,close_utc,break_start_utc,break_end_utc,kind\n\
///      2026-11-25,2026-11-25T14:30Z,2026-11-25T21:00Z,,,\n\
///      2026-11-27,2026-11-27T14:30Z,2026-11-27T18:00Z,,,early_close\n"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn calendar(args: &CalendarArgs, now: cache_core::Timestamp, out: &mut impl Write) -> Result<()> {
    let calendars = read_calendars(args.calendar_file.as_deref())
        .map_err(|faults| Error::new(ErrorKind::Config, "calendar", faults.join("\n")))?
        .calendars;
    let calendar = calendars.named(&args.market).map_err(Invalid::from)?;
    let now = to_jiff(now);
    let written = if args.csv {
        let (from, to) = days(args, calendar, now)?;
        csv(calendar, from, to, out)
    } else {
        out.write_all(for_people(calendar, now).as_bytes())
    };
    match written.and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::caused(ErrorKind::Storage, "calendar", "can't write the calendar", error))
        }
        _ => Ok(()),
    }
}

/// Calendars, and the digest of the file that added to them; 0 without one.
#[derive(Debug)]
pub(crate) struct ReadCalendars {
    pub(crate) calendars: Calendars,
    pub(crate) digest: u128,
}

impl Default for ReadCalendars {
    fn default() -> Self {
        Self { calendars: Calendars::builtin(), digest: 0 }
    }
}

/// The calendars that are built in, and what the file adds to them.
///
/// # Errors
///
/// Why the file can't be read, or all its lines that are wrong, each with its number.
pub(crate) fn read_calendars(file: Option<&Path>) -> std::result::Result<ReadCalendars, Vec<String>> {
    let Some(file) = file else { return Ok(ReadCalendars::default()) };
    let mut text = read_text_file(file, MAX_CALENDAR_FILE)
        .map_err(|why| vec![format!("can't read the calendar file {}: {why}", file.display())])?;
    let mut faults: Vec<(usize, String)> = Vec::new();
    // Reading stops at the first line that is wrong, so each is left out and the rest is read again.
    while faults.len() < MAX_FAULTS {
        let fault = match Calendars::builtin().extended(&text, &file.display().to_string()) {
            Ok(calendars) if faults.is_empty() => {
                return Ok(ReadCalendars { calendars, digest: xxh3_128(text.as_bytes()) });
            }
            Ok(_) => break,
            Err(fault) => fault,
        };
        let Some(line) = fault.line() else { return Err(vec![fault.to_string()]) };
        faults.push((line, fault.to_string()));
        let without = |(at, content)| if at + 1 == line { "" } else { content };
        text = text.lines().enumerate().map(without).collect::<Vec<_>>().join("\n");
    }
    faults.sort_unstable();
    Err(faults.into_iter().map(|(_, fault)| fault).collect())
}

/// Returns the first and the last day to print.
fn days(args: &CalendarArgs, calendar: &Calendar, now: Timestamp) -> Result<(Date, Date)> {
    let year = calendar.zone().to_datetime(now).date();
    let from = args.from.unwrap_or_else(|| year.first_of_year());
    let to = args.to.unwrap_or_else(|| year.last_of_year());
    if from <= to {
        return Ok((from, to));
    }
    let message = format!("--from {from} comes after --to {to}: give the earlier day first");
    Err(Error::new(ErrorKind::Config, "calendar", message))
}

fn csv(calendar: &Calendar, from: Date, to: Date, out: &mut impl Write) -> io::Result<()> {
    if calendar.market() == Market::FX {
        writeln!(out, "week_open_utc,week_close_utc")?;
        return weeks(calendar, from, to)
            .into_iter()
            .try_for_each(|(open, close)| writeln!(out, "{},{}", minute(open), minute(close)));
    }
    writeln!(out, "session,open_utc,close_utc,break_start_utc,break_end_utc,kind")?;
    calendar.sessions(from, to).try_for_each(|session| {
        let Session { date, open, close, lunch, kind } = session;
        let (start, end) = lunch.map(|(start, end)| (minute(start), minute(end))).unwrap_or_default();
        writeln!(out, "{date},{},{},{start},{end},{}", minute(open), minute(close), kind.as_str())
    })
}

/// Returns the trading weeks that open from the day `from` to the day `to`, joined from their sessions.
fn weeks(calendar: &Calendar, from: Date, to: Date) -> Vec<(Timestamp, Timestamp)> {
    let week = jiff::Span::new().weeks(1);
    let mut weeks: Vec<(Timestamp, Timestamp)> = Vec::new();
    for session in calendar.sessions(from.saturating_sub(week), to.saturating_add(week)) {
        match weeks.last_mut() {
            Some((_, close)) if *close == session.open => *close = session.close,
            _ => weeks.push((session.open, session.close)),
        }
    }
    weeks.retain(|(open, _)| (from..=to).contains(&calendar.zone().to_datetime(*open).date()));
    weeks
}

fn for_people(calendar: &Calendar, now: Timestamp) -> String {
    let zone = calendar.zone();
    let name = zone.iana_name().unwrap_or("UTC");
    let line = |what: &str, at: Option<Timestamp>| match at {
        Some(at) => format!("{what:<11} {}\n", both(at, zone)),
        None => format!("{what:<11} not in this year or the next\n"),
    };
    [
        format!("{} in {name}: {}\n", calendar.market(), calendar.phase(now)),
        line("now", Some(now)),
        line("next open", calendar.next_open(now)),
        line("next close", calendar.next_close(now)),
        line("next change", calendar.next_change(now)),
    ]
    .concat()
}

/// A moment in the exchange's time and in UTC.
fn both(at: Timestamp, zone: &TimeZone) -> String {
    let shown = |zone: &TimeZone| at.to_zoned(zone.clone()).strftime("%a %Y-%m-%d %H:%M %Z").to_string();
    format!("{:<26} {}", shown(zone), shown(&TimeZone::UTC))
}

fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%MZ").to_string()
}

fn date(text: &str) -> std::result::Result<Date, String> {
    let sound = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    sound
        .then(|| text.parse().ok())
        .flatten()
        .ok_or_else(|| "give a day as YYYY-MM-DD, such as 2026-12-31".to_owned())
}

#[cfg(test)]
mod tests;
