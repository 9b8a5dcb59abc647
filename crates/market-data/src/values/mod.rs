//! The values that providers give: quotes, bars, series, documents; their ids and their stored forms.

mod adjusted_closes;
mod bar;
mod data_type;
mod date;
mod dividends;
mod document;
mod document_body;
mod interval;
mod market_record;
pub mod moment;
mod observations;
mod quote;
mod rounding;
mod series;
pub(crate) mod trading_day;
mod version_hasher;

pub use self::{
    adjusted_closes::{AdjustedClose, AdjustedCloses},
    bar::{Bar, BarTime},
    data_type::DataType,
    dividends::{Dividend, Dividends, Split},
    document::{Document, DocumentId},
    document_body::DocumentBody,
    interval::Interval,
    market_record::{MarketRecord, SCHEMA},
    observations::{Observation, Observations},
    quote::Quote,
    series::{DateRange, Series, SeriesId},
};
