//! The command line: what it parses, and what it prints beside serving.

mod banner;
mod calendar;
mod command_line;
mod shell;

pub use banner::banner;
pub(crate) use banner::reachable;
pub use calendar::{CalendarArgs, calendar};
pub(crate) use calendar::{ReadCalendars, read_calendars};
pub use command_line::{Action, parse_command_line};
pub use shell::{ManArgs, completions, man};
