//! Yahoo Finance.
mod chart;
mod fault;
mod history;
mod quote;
mod symbol;
