//! Parsing that adapters share: numbers, prices, bars, and what is wrong with them.

mod by_day;
#[cfg(test)]
pub(crate) mod damaged;
mod grid;
mod lenient_number;
mod parse_error;
mod plausibility;
mod raw_bar;
mod raw_quote;

pub(crate) use self::{
    by_day::{amounts_by_day, one_a_day, sum, values_by_day},
    lenient_number::{LenientCount, LenientNumber, start_of},
    parse_error::ParseError,
    plausibility::{Plausibility, bar_stamp, quote_stamp},
    raw_bar::{RawBar, moment, now},
    raw_quote::RawQuote,
};
