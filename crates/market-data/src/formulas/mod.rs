//! What follows from recorded data: indicators from bars, returns from closes, inflation from consumer prices.
//!
//! All of it is pure: the same inputs give the same result, and nothing is read or kept.

mod averages;
mod canonical;
mod closes;
mod document_days;
mod indicator;
mod indicator_values;
mod inflation;
mod total_return;

pub use self::{
    closes::adjusted_closes,
    document_days::DocumentDays,
    indicator::{Indicator, IndicatorFunction, PriceField},
    indicator_values::{IndicatorFigures, IndicatorValue, IndicatorValues},
    inflation::inflation_rate,
    total_return::{TotalReturn, total_return},
};
