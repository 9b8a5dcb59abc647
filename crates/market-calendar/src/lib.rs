//! Trading calendars: when a market opens and closes, its holidays and short days, and its phase at any moment.
//!
//! Built in are thirteen exchanges (New York, Nasdaq, London, Tokyo, Hong Kong, Frankfurt, Paris, Toronto, Sydney,
//! both of Mumbai, Shanghai, CME Globex), foreign exchange, coins, and every weekday by UTC, from 1970 to 2100.
//! Recurring holidays follow from rules; announced closures stand in tables, and [`Calendars::extended`] adds days
//! that were announced since. Nothing is downloaded, and no clock is read: each question names its moment.
//!
//! ```
//! use market_calendar::{Calendars, Date, Market, Phase, Timestamp};
//!
//! let calendars = Calendars::builtin();
//! let new_york = calendars.of(Market::XNYS).expect("a calendar that is built in");
//! let now: Timestamp = "2026-11-27T15:00:00Z".parse()?;
//!
//! // Is it open now? It is, at 10:00 on the short day after Thanksgiving.
//! assert!(new_york.is_open(now));
//! assert_eq!(new_york.phase(now), Phase::Open);
//!
//! // When does it close, and when does it open again?
//! assert_eq!(new_york.next_close(now), Some("2026-11-27T18:00:00Z".parse()?));
//! assert_eq!(new_york.next_open(now), Some("2026-11-30T14:30:00Z".parse()?));
//!
//! // Which sessions has Thanksgiving week?
//! let week = new_york.sessions(Date::constant(2026, 11, 23), Date::constant(2026, 11, 29));
//! assert_eq!(week.map(|session| session.date.day()).collect::<Vec<_>>(), [23, 24, 25, 27]);
//! # Ok::<(), jiff::Error>(())
//! ```
//!
//! A market is named by its ISO 10383 code (MIC), such as `XNYS`; see [`Market`]. Where a calendar holds for
//! nothing (a market that has none, a year out of its range), a question is answered by `None` or
//! [`Phase::Closed`], never by a guess.

mod calendar;
mod calendars;
mod error;
mod exchanges;
mod market;
mod rules;
mod schedule;
mod session;
mod timeline;

pub use calendar::Calendar;
pub use calendars::Calendars;
pub use error::{Error, ErrorKind, Result};
pub use jiff::{Timestamp, civil::Date};
pub use market::Market;
pub use session::{Phase, Session, SessionKind};
