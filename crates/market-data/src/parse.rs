//! What adapters share to take foreign bodies apart.

#[cfg(test)]
pub(crate) mod damaged;
mod lenient_number;
mod parse_error;
mod raw_bar;
mod raw_quote;

pub(crate) use self::{
    lenient_number::{Count, Figure, start_of},
    parse_error::Flaw,
    raw_bar::{Candle, moment, now, series},
    raw_quote::{Quoted, check},
};
