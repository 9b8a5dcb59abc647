//! The values that providers give, how each is named, and the forms in which they are stored.

mod bar;
mod data_type;
mod date;
mod datum;
mod document;
mod interval;
pub mod moment;
mod quote;
mod rounding;
mod series;
mod version;

pub use self::{
    bar::{Bar, BarTime},
    data_type::DataType,
    datum::{Datum, SCHEMA},
    document::{Document, DocumentId},
    interval::Interval,
    quote::Quote,
    series::{DateRange, Series, SeriesId},
};
