//! Lives at the edges of market time, and against an oracle at any moment.

mod boundaries;
mod markets;
mod properties;
mod reports;
mod rules;
mod swings;

use std::time::Duration;

use cache_core::{Key, Timestamp};

use super::MarketTime;
use crate::StandardKey;
use market_data::DataType;

/// Returns the moment of an RFC 3339 text.
fn at(text: &str) -> Timestamp {
    let moment: jiff::Timestamp = text.parse().unwrap();
    Timestamp::from_micros(moment.as_microsecond())
}

fn key(text: &str) -> Key {
    text.parse::<StandardKey>().unwrap().key().unwrap()
}

/// Returns the life of the value of a key, loaded at `now`.
fn life(time: &MarketTime, text: &str, now: Timestamp) -> Duration {
    let data = text.parse::<StandardKey>().unwrap().data();
    time.ttl(data).of(&key(text), false, now).life
}

fn prices() -> (MarketTime, DataType) {
    (MarketTime::default(), DataType::Price)
}
