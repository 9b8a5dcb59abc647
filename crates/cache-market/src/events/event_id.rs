//! Ids of events: the same event has the same id on every node, however often it is announced.

use std::{fmt, str::FromStr};

use cache_core::Timestamp;

use super::MarketEvent;
use crate::Digest;
use market_data::Invalid;

/// The id of an announced event, made of its asset, kind and moment: 32 hexadecimal digits.
///
/// ```
/// use cache_core::Timestamp;
/// use cache_market::{EventId, EventKind, MarketEvent};
///
/// let event = MarketEvent::announced("AAPL".parse()?, EventKind::Earnings);
/// let at = |micros| EventId::of(&event, Timestamp::from_micros(micros));
/// assert_eq!(at(1), at(1));
/// assert_ne!(at(1), at(2));
/// assert_eq!(at(1).to_string().parse(), Ok(at(1)));
/// # Ok::<(), market_data::Invalid>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(Digest);

impl EventId {
    /// Returns the id of an event at this moment.
    #[must_use]
    pub fn of(event: &MarketEvent, at: Timestamp) -> Self {
        let (asset, at) = (event.asset.to_string(), at.as_micros().to_string());
        let seen_in = event.seen_in.map_or("", |data| data.as_str());
        Self(Digest::of([
            ("asset", asset.as_str()),
            ("event", event.event.as_str()),
            ("at", at.as_str()),
            ("seen_in", seen_in),
        ]))
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for EventId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let no_id = |_| {
            let start: String = text.chars().take(40).collect();
            Invalid::new(format!("{start:?} is no id of an event: it has 32 digits of 0-9 and a-f"))
        };
        text.parse().map(Self).map_err(no_id)
    }
}
