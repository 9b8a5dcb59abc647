//! How long market data live: by rules, calendars, volatility and upcoming events.

mod change;
mod defaults;
mod frequency;
pub(crate) mod human_duration;
mod life;
mod market_time;
mod market_ttl;
mod row;
mod rules;

pub use self::{
    frequency::Frequency,
    life::{Life, LifeClasses},
    market_time::MarketTime,
    market_ttl::MarketTtl,
    row::{Changes, Row, Scope},
    rules::TtlRules,
};

#[cfg(test)]
mod tests;
