//! The exchanges whose calendars are built in.

mod united_states;

use super::exchange::Exchange;
use crate::Market;

/// At all times from Monday to Friday, by UTC: a calendar for what has no exchange.
pub(crate) const WEEKDAYS_UTC: Market = Market::named("24X5");

/// All of them.
pub(crate) static ALL: &[&Exchange] = &[&united_states::XNYS, &united_states::XNAS];
