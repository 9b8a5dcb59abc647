//! Markets without an exchange, which hardly ever close: foreign exchange, coins, weekdays by UTC.

use crate::{
    Market,
    rules::{EVER, Exchange, Hours, LocalTime, WEEKEND},
};

/// Foreign exchange: from Sunday to Friday, 17:00 in New York. By the market's custom a day begins at 17:00, when
/// the one before ends; no holiday closes it everywhere.
pub(crate) const FX: Exchange = Exchange {
    market: Market::FX,
    zone: "America/New_York",
    weekend: WEEKEND,
    hours: &[(EVER, Hours::new(LocalTime::day_before(17, 0), LocalTime::at(17, 0)))],
    extended: None,
    rules: &[],
    table: "",
};

/// Coins: open at all times. Days are those of UTC.
pub(crate) const CRYPTO: Exchange = Exchange {
    market: Market::CRYPTO,
    zone: "UTC",
    weekend: &[],
    hours: &[(EVER, Hours::new(LocalTime::MIDNIGHT, LocalTime::DAYS_END))],
    extended: None,
    rules: &[],
    table: "",
};

/// Open from Monday to Friday, by UTC: for assets that are quoted on weekdays and have no exchange.
pub(crate) const UTC_WEEK: Exchange = Exchange { market: WEEKDAYS_UTC, weekend: WEEKEND, ..CRYPTO };

/// The code of the market of [`UTC_WEEK`].
pub(crate) const WEEKDAYS_UTC: Market = Market::named("24X5");
