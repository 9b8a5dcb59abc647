//! When markets trade: sessions, and what a market is doing at any moment.

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
