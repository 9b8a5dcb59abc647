//! Each command against a real service: for people and as JSON, and with all that may go wrong.

mod changes;
mod check;
mod demo;
mod failures;
mod reads;
mod streams;
mod tls;
