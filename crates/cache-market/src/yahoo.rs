//! Yahoo Finance.
mod chart;
mod fault;
mod quote;
mod symbol;
