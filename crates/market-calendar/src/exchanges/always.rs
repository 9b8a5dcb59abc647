//! Markets without an exchange, which hardly ever close.

use crate::{
    Market,
    rules::{EVER, Exchange, Hours, LocalTime, WEEKEND},
};

/// Foreign exchange: from Sunday to Friday, 17:00 in New York. A day begins when the last one ends, as
/// the market counts them, and no holidays are kept everywhere.
pub(crate) const FX: Exchange = Exchange {
    market: Market::FX,
    zone: "America/New_York",
    weekend: WEEKEND,
    hours: &[(EVER, Hours::new(LocalTime::day_before(17, 0), LocalTime::at(17, 0)))],
    extended: None,
    rules: &[],
    table: "",
};

/// Coins: at all times. Days are UTC's.
pub(crate) const CRYPTO: Exchange = Exchange {
    market: Market::CRYPTO,
    zone: "UTC",
    weekend: &[],
    hours: &[(EVER, Hours::new(LocalTime::MIDNIGHT, LocalTime::DAYS_END))],
    extended: None,
    rules: &[],
    table: "",
};

/// At all times from Monday to Friday, by UTC: for what is quoted on weekdays and has no exchange.
pub(crate) const UTC_WEEK: Exchange = Exchange { market: WEEKDAYS_UTC, weekend: WEEKEND, ..CRYPTO };

/// The code of that market.
pub(crate) const WEEKDAYS_UTC: Market = Market::named("24X5");
