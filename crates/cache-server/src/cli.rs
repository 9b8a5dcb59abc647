//! What the command line does before and beside serving.

mod banner;
mod calendar;
mod command_line;

pub use banner::banner;
pub use calendar::{CalendarArgs, calendar};
pub use command_line::{Task, invocation};
