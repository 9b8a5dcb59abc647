//! The values that providers give: quotes, bars, series, documents; their ids and their stored forms.

pub(crate) mod bar;
mod data_type;
mod date;
mod document;
mod extent;
mod interval;
mod market_record;
pub mod moment;
mod quote;
mod rounding;
mod series;
pub(crate) mod trading_day;
mod version_hasher;

pub use self::{
    bar::{Bar, BarTime},
    data_type::DataType,
    document::{
        AdjustedClose, AdjustedCloses, Dividend, Dividends, Document, DocumentBody, DocumentId, Observation,
        Observations, Split,
    },
    extent::Extent,
    interval::Interval,
    market_record::{MarketRecord, SCHEMA},
    quote::Quote,
    series::{DateRange, Series, SeriesId},
    trading_day::BarDays,
};
