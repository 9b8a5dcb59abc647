//! When markets trade: sessions, and what a market is doing at any moment.

mod calendar;
mod calendars;
mod exchanges;
mod invalid;
mod market;
mod rules;
mod session;
mod sessions;
mod timeline;

pub use calendar::Calendar;
pub use calendars::Calendars;
pub use invalid::Invalid;
pub use jiff::civil::Date;
pub use market::Market;
pub use session::{Phase, Session, SessionKind};
