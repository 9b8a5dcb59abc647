//! What determines an exchange's trading days: usual hours, yearly rules, and tables of single days.

mod day_override;
mod easter;
mod exchange;
mod local_time;
mod rule;
pub(crate) mod table;

pub(crate) use self::{
    day_override::{DayOverride, Hours},
    easter::easter,
    exchange::{EVER, Exchange, Extended, WEEKEND},
    local_time::LocalTime,
    rule::{Day, Observance, Rule},
};
