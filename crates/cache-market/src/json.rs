//! Any JSON API.
mod config;
mod pointer;
mod template;
pub use config::{JsonConfig, JsonDocuments, JsonQuotes, JsonSeries};
