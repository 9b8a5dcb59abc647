//! Any JSON API.
mod config;
mod pointer;
mod reading;
mod template;
pub use config::{JsonConfig, JsonDocuments, JsonQuotes, JsonSeries};
