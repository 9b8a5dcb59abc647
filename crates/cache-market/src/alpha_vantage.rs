//! Alpha Vantage.
mod body;
mod quote;
mod refusal;
mod request;
mod series;
