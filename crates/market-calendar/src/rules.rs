//! What an exchange's days follow from: usual hours, what recurs, and tables of what does not.

mod day_override;
mod easter;
mod exchange;
mod local_time;
mod rule;
pub(crate) mod table;

pub(crate) use self::{
    day_override::{DayOverride, Hours},
    exchange::{EVER, Exchange, Extended, WEEKEND},
    local_time::LocalTime,
    rule::{Day, Observance, Rule},
};
