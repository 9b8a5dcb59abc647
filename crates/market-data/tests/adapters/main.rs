//! What each adapter promises, shown with recorded exchanges and hostile ones over real HTTP.

mod alpha_vantage;
mod csv;
mod csv_documents;
mod json;
mod json_documents;
mod oanda;
mod yahoo;
mod yahoo_bad_answers;
mod yahoo_session;

#[path = "../upstream/mod.rs"]
mod upstream;
