//! All calendars by market, and days that a user adds to them.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use jiff::{
    civil::Date,
    tz::{TimeZone, TimeZoneDatabase},
};

use crate::{
    Calendar, Error, ErrorKind, Market, Result,
    calendar::{FIRST_YEAR, LAST_YEAR},
    exchanges,
    rules::{
        DayOverride, Exchange,
        table::{self, Table},
    },
    schedule::Schedule,
};

/// The calendars of all markets that have one; cheap to clone.
///
/// ```
/// use market_calendar::{Calendars, Date, Market};
///
/// let day = Date::constant(2027, 1, 8);
/// let builtin = Calendars::builtin();
/// assert!(builtin.of(Market::XNYS).unwrap().session_on(day).is_some());
///
/// let extended = builtin.extended("XNYS 2027-01-08 closed  # day of mourning", "calendar.txt")?;
/// assert!(extended.of(Market::XNYS).unwrap().session_on(day).is_none());
///
/// let error = builtin.extended("XNYS 2027-01-08 shut", "calendar.txt").unwrap_err();
/// assert!(error.to_string().contains("calendar.txt:1"));
/// # Ok::<(), market_calendar::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Calendars(Arc<BTreeMap<Market, Calendar>>);

static BUILTIN: LazyLock<Calendars> = LazyLock::new(|| {
    let zones = TimeZoneDatabase::bundled();
    let calendars = exchanges::ALL.iter().map(|exchange| (exchange.market, builtin(exchange, &zones)));
    Calendars(Arc::new(calendars.collect()))
});

/// Other names of markets, as data files and people have them.
const OTHER_NAMES: [(&str, Market); 4] = [
    ("24-7", Market::CRYPTO),
    ("24/7", Market::CRYPTO),
    ("24-5", exchanges::WEEKDAYS_UTC),
    ("24/5", exchanges::WEEKDAYS_UTC),
];

impl Calendars {
    /// Returns the calendars that are built in: one for each market that [`Market`] names.
    #[must_use]
    pub fn builtin() -> Self {
        BUILTIN.clone()
    }

    /// Returns the calendar of a market, or `None` where none is known. [`Market::US`] is open when
    /// [`Market::XNYS`] is.
    #[must_use]
    pub fn of(&self, market: Market) -> Option<&Calendar> {
        let market = if market == Market::US { Market::XNYS } else { market };
        self.0.get(&market)
    }

    /// Returns the calendar by the code of its market, in capitals or not, or by `24/7` (always open) and `24/5`
    /// (open from Monday to Friday, by UTC), also written `24-7` and `24-5`.
    ///
    /// # Errors
    ///
    /// If there is none; the message names those there are.
    pub fn named(&self, name: &str) -> Result<&Calendar> {
        let other = OTHER_NAMES.iter().find(|(other, _)| *other == name).map(|(_, market)| *market);
        let market = other.or_else(|| name.parse().ok());
        market.and_then(|market| self.of(market)).ok_or_else(|| {
            let start: String = name.chars().take(2 * Market::MAX_LEN).collect();
            let known: Vec<&str> = self.0.keys().map(Market::as_str).collect();
            Error::new(
                ErrorKind::UnknownMarket,
                format!("there is no calendar of {start:?}: there are {}", known.join(", ")),
            )
        })
    }

    /// Returns all calendars, by the code of their market.
    pub fn iter(&self) -> impl Iterator<Item = &Calendar> {
        self.0.values()
    }

    /// Returns these calendars with the days in `text`, one a line, in the exchange's local time:
    ///
    /// ```text
    /// XNYS 2027-01-08 closed                            # a full closure; after a # stands why
    /// XNYS 2027-07-02 closes 13:00                      # the usual session, but for its close
    /// XHKG 2027-03-01 opens 10:30                       # ... or its open
    /// XHKG 2027-03-06 session 09:30-12:00,13:00-16:00   # a session on whatever day, here with a break
    /// ```
    ///
    /// A line overrides rules and tables on its day, and a later text overrides an earlier one. Nasdaq has a
    /// calendar of its own: a line about XNYS does not change XNAS. Errors call the text `file`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidDay`], with file, line and text, for a line of another form, a market without a
    /// calendar, a day named twice, hours for a day without a session, or a session that overlaps another one.
    /// These calendars stay as they are.
    pub fn extended(&self, text: &str, file: &str) -> Result<Self> {
        let tables = table::read_many(text, file, |name| self.named(name).map(Calendar::market))?;
        let mut calendars = BTreeMap::clone(&self.0);
        for (market, added) in tables {
            let Some(calendar) = calendars.get_mut(&market) else { continue };
            *calendar = extend(calendar, &added).map_err(|(line, why)| {
                let content =
                    table::lines(text).find(|(at, _)| *at == line).map_or("", |(_, content)| content);
                table::line_error(file, line, content, &why)
            })?;
        }
        Ok(Self(Arc::new(calendars)))
    }
}

fn builtin(exchange: &'static Exchange, zones: &TimeZoneDatabase) -> Calendar {
    let file = exchange.market.as_str();
    let table = table::read(exchange.table, file).expect("a table of ours is read in a test");
    let zone = zones.get(exchange.zone).expect("a zone of ours is looked up in a test");
    Calendar::new(Schedule { exchange, zone, table })
}

/// Returns the calendar with the added days; or the line that doesn't fit it, and why.
fn extend(calendar: &Calendar, added: &Table) -> Result<Calendar, (usize, String)> {
    let Schedule { exchange, zone, table } = &calendar.0.schedule;
    let mut table = table.clone();
    table.extend(added.clone());
    let extended = Calendar::new(Schedule { exchange, zone: TimeZone::clone(zone), table });
    match added
        .iter()
        .find_map(|(date, entry)| Some((entry.line, fault(&extended, *date, entry.day_override)?)))
    {
        Some(fault) => Err(fault),
        None => Ok(extended),
    }
}

/// Returns why an override of a day doesn't fit the calendar; `None` if it does.
fn fault(calendar: &Calendar, date: Date, day_override: DayOverride) -> Option<String> {
    if !(FIRST_YEAR..=LAST_YEAR).contains(&date.year()) {
        return Some(format!("calendars reach from {FIRST_YEAR} to {LAST_YEAR}: leave the line out"));
    }
    let Some(session) = calendar.session_on(date) else {
        let hours = matches!(day_override, DayOverride::Hours { .. });
        let why = "there is no session on that day that could have such hours: write `session HH:MM-HH:MM`";
        return hours.then(|| why.to_owned());
    };
    let week = jiff::Span::new().weeks(1);
    let mut around = calendar.sessions(date.saturating_sub(week), date.saturating_add(week));
    let other = around.find(|other| {
        let (first, then) = if other.date < date { (other, &session) } else { (&session, other) };
        other.date != date && first.close > then.open
    })?;
    Some(format!("this session runs into that of {}: shorten one of them", other.date))
}

#[cfg(test)]
mod tests;
