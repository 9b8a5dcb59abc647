//! OANDA v20.
mod candles;
mod history;
mod instrument;
mod pricing;
