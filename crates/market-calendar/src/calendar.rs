//! One market's calendar: its sessions, and its phase at any moment.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    tz::{Offset, TimeZone},
};

use crate::{
    Market, Phase, Session,
    schedule::Schedule,
    timeline::{self, PhaseChanges},
};

/// The trading hours of a market, from 1970 to 2100. Cheap to clone.
///
/// Each year is computed when it is first asked about, in half a millisecond, and kept; from then on a question
/// is a binary search of 40 to 80 ns. Outside of those years there are no sessions, and the market is closed.
///
/// ```
/// use market_calendar::{Calendars, Market, Phase, Timestamp};
/// let at = |text: &str| text.parse::<Timestamp>().unwrap();
///
/// let calendars = Calendars::builtin();
/// let new_york = calendars.of(Market::US).unwrap();
/// let before_thanksgiving = at("2026-11-25T20:59:59Z");
/// assert!(new_york.is_open(before_thanksgiving));
/// assert_eq!(new_york.next_close(before_thanksgiving), Some(at("2026-11-25T21:00:00Z")));
/// assert_eq!(new_york.next_open(before_thanksgiving), Some(at("2026-11-27T14:30:00Z")));
/// assert_eq!(new_york.phase(at("2026-11-26T15:00:00Z")), Phase::Holiday);
/// ```
#[derive(Clone)]
pub struct Calendar(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) schedule: Schedule,
    years: Box<[CachedYear]>,
}

/// The sessions and phases of a year, computed when first asked about.
#[derive(Default)]
struct CachedYear {
    /// The sessions whose day lies in the year.
    sessions: OnceLock<Box<[Session]>>,
    /// The phase changes from the year's first moment to its last, in UTC.
    changes: OnceLock<PhaseChanges>,
}

pub(crate) const FIRST_YEAR: i16 = 1970;
pub(crate) const LAST_YEAR: i16 = 2100;

impl Calendar {
    pub(crate) fn new(schedule: Schedule) -> Self {
        let years = (FIRST_YEAR..=LAST_YEAR).map(|_| CachedYear::default()).collect();
        Self(Arc::new(Inner { schedule, years }))
    }

    /// Returns the market whose calendar this is.
    #[must_use]
    pub fn market(&self) -> Market {
        self.0.schedule.exchange.market
    }

    /// Returns the time zone of the exchange.
    #[must_use]
    pub fn zone(&self) -> &TimeZone {
        &self.0.schedule.zone
    }

    /// Returns whether the market trades at `at`: within a session, and not in its lunch break. A session includes
    /// its open and excludes its close.
    #[must_use]
    pub fn is_open(&self, at: Timestamp) -> bool {
        self.phase(at) == Phase::Open
    }

    /// Returns the session under way at `at`, its lunch break included. A session includes its open and excludes
    /// its close.
    #[must_use]
    pub fn session(&self, at: Timestamp) -> Option<Session> {
        self.near(at)?.find_map(|year| {
            let sessions = self.sessions_in(year);
            let next = sessions.partition_point(|session| session.close <= at);
            sessions.get(next).filter(|session| session.contains(at)).copied()
        })
    }

    /// Returns the session of a trading day; `None` for a day without one.
    #[must_use]
    pub fn session_on(&self, date: Date) -> Option<Session> {
        let sessions = self.sessions_in(date.year());
        let at = sessions.binary_search_by_key(&date, |session| session.date).ok()?;
        sessions.get(at).copied()
    }

    /// Returns the open of the first session that opens after `at`, and not at it. A lunch break ends without
    /// an open. `None` if there is none in this year or the next.
    #[must_use]
    pub fn next_open(&self, at: Timestamp) -> Option<Timestamp> {
        self.first_after(at, |session| session.open)
    }

    /// Returns the close of the first session that closes after `at`, and not at it. A lunch break begins
    /// without a close. `None` if there is none in this year or the next.
    ///
    /// Where a session closes and the next one opens at the same moment, as in foreign exchange, that
    /// is a close, though trading goes on.
    #[must_use]
    pub fn next_close(&self, at: Timestamp) -> Option<Timestamp> {
        self.first_after(at, |session| session.close)
    }

    /// Returns the sessions of the days from `from` to `to`, both included, by day.
    ///
    /// ```
    /// use market_calendar::{Calendars, Date, Market};
    ///
    /// let calendars = Calendars::builtin();
    /// let year = |year| (Date::constant(year, 1, 1), Date::constant(year, 12, 31));
    /// let (from, to) = year(2025);
    /// assert_eq!(calendars.of(Market::XNYS).unwrap().sessions(from, to).count(), 250);
    /// ```
    pub fn sessions(&self, from: Date, to: Date) -> impl Iterator<Item = Session> + '_ {
        let years = from.year().max(FIRST_YEAR)..=to.year().min(LAST_YEAR);
        years
            .flat_map(|year| self.sessions_in(year).iter().copied())
            .skip_while(move |session| session.date < from)
            .take_while(move |session| session.date <= to)
    }

    /// Returns what the market is doing at `at`. Each phase holds from its first moment up to, and without, the
    /// next one's.
    #[must_use]
    pub fn phase(&self, at: Timestamp) -> Phase {
        let changes = year_of(at).map_or(&[][..], |year| self.changes_in(year));
        let next = changes.partition_point(|(since, _)| *since <= at);
        next.checked_sub(1).and_then(|last| changes.get(last)).map_or(Phase::Closed, |(_, phase)| *phase)
    }

    /// Returns the first moment after `at` at which the phase is another; `None` if that is not in this year or
    /// the next, as in a market that never closes.
    #[must_use]
    pub fn next_change(&self, at: Timestamp) -> Option<Timestamp> {
        let phase = self.phase(at);
        let year = year_of(at)?;
        [year, year + 1].into_iter().find_map(|year| {
            let changes = self.changes_in(year);
            let next = changes.partition_point(|(since, _)| *since <= at);
            // A year begins with the phase in which the last one ended.
            let change = changes.get(next..)?.iter().find(|(_, then)| *then != phase)?;
            Some(change.0)
        })
    }

    fn first_after(&self, at: Timestamp, moment: impl Fn(&Session) -> Timestamp) -> Option<Timestamp> {
        self.near(at)?.find_map(|year| {
            let sessions = self.sessions_in(year);
            let next = sessions.partition_point(|session| moment(session) <= at);
            sessions.get(next).map(&moment)
        })
    }

    /// Returns the years whose sessions may be on at `at`, or next: a day is not everywhere in the same year.
    fn near(&self, at: Timestamp) -> Option<impl Iterator<Item = i16> + use<>> {
        year_of(at).map(|year| year - 1..=year + 1)
    }

    fn sessions_in(&self, year: i16) -> &[Session] {
        let Some(known) = self.year(year) else { return &[] };
        known.sessions.get_or_init(|| self.0.schedule.sessions(year).into())
    }

    fn changes_in(&self, year: i16) -> &[(Timestamp, Phase)] {
        let Some(known) = self.year(year) else { return &[] };
        known.changes.get_or_init(|| {
            let Some((start, end)) = start_of(year).zip(start_of(year + 1)) else {
                return PhaseChanges::new();
            };
            let around: Vec<Session> = [
                self.sessions_in(year - 1).iter().rev().take(3).rev().copied().collect(),
                self.sessions_in(year).to_vec(),
                self.sessions_in(year + 1).iter().take(3).copied().collect(),
            ]
            .concat();
            timeline::changes(&self.0.schedule, &around, start, end)
        })
    }

    fn year(&self, year: i16) -> Option<&CachedYear> {
        self.0.years.get(usize::try_from(year.checked_sub(FIRST_YEAR)?).ok()?)
    }
}

impl fmt::Debug for Calendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Calendar({})", self.market())
    }
}

/// Returns the year in UTC.
fn year_of(at: Timestamp) -> Option<i16> {
    let year = Offset::UTC.to_datetime(at).year();
    (FIRST_YEAR..=LAST_YEAR).contains(&year).then_some(year)
}

/// Returns the first moment of a year in UTC.
fn start_of(year: i16) -> Option<Timestamp> {
    let start = DateTime::new(year, 1, 1, 0, 0, 0, 0).ok()?;
    Offset::UTC.to_timestamp(start).ok()
}
