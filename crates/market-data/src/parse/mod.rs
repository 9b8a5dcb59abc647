//! Parsing that adapters share: numbers, prices, bars, and what is wrong with them.

#[cfg(test)]
pub(crate) mod damaged;
mod lenient_number;
mod parse_error;
mod raw_bar;
mod raw_quote;

pub(crate) use self::{
    lenient_number::{LenientCount, LenientNumber, start_of},
    parse_error::ParseError,
    raw_bar::{RawBar, moment, now, series},
    raw_quote::{RawQuote, check},
};
