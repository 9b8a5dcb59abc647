//! What each adapter promises, shown with recorded exchanges and hostile ones over real HTTP.

mod alpha_vantage;
mod alpha_vantage_documents;
mod csv;
mod csv_documents;
mod json;
mod json_config;
mod json_documents;
mod json_unknown;
mod oanda;
mod oanda_documents;
mod yahoo;
mod yahoo_bad_answers;
mod yahoo_documents;
mod yahoo_session;

#[path = "../upstream/mod.rs"]
mod upstream;
