//! OANDA v20.
mod candles;
mod instrument;
mod pricing;
