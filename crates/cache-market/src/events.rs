//! What happens to an asset, and what becomes of what is cached about it.

mod rules;
mod upcoming;
mod watched_loader;

use std::{fmt, str::FromStr};

use cache_core::{Tag, Timestamp};
use serde::{Deserialize, Serialize};

pub(crate) use self::upcoming::UpcomingEvents;
pub use self::{
    rules::{EventRules, Touch},
    watched_loader::{Priced, WatchedLoader},
};
use crate::StandardKey;
use market_data::{Asset, DataType, Invalid, moment};

/// Something that happens to an asset: announced by someone, or seen in the data.
///
/// In JSON: `{"asset": "AAPL", "event": "earnings", "at": "2020-01-28T21:30:00Z"}`; without `at` it happens now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarketEvent {
    /// To which asset.
    pub asset: Asset,
    /// What.
    pub event: EventKind,
    /// When; `None` is now.
    #[serde(default, with = "moment::option", skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// In which data it was seen; these are new, and left as they are. `None`: it was announced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_in: Option<DataType>,
}

impl MarketEvent {
    /// Something that is announced, and happens now.
    #[must_use]
    pub fn announced(asset: Asset, event: EventKind) -> Self {
        Self { asset, event, at: None, seen_in: None }
    }

    /// The same, at a moment that may lie ahead.
    #[must_use]
    pub fn at(self, at: Timestamp) -> Self {
        Self { at: Some(at), ..self }
    }
}

macro_rules! event_kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal),+ $(,)?) => {
        /// What can happen to an asset.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum EventKind {
            $($(#[$doc])* #[serde(rename = $text)] $name,)+
        }

        impl EventKind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Returns the name: `"earnings"`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

event_kinds! {
    /// Its price moved by more than a threshold.
    Move = "move",
    /// It reports earnings.
    Earnings = "earnings",
    /// Its trading is halted.
    Halt = "halt",
    /// Its trading goes on.
    Resume = "resume",
    /// There is news of it that matters.
    News = "news",
    /// It pays a dividend, is split, or changes otherwise: what was computed of older prices is no longer so.
    CorporateAction = "corporate_action",
}

impl FromStr for EventKind {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL.iter().copied().find(|one| one.as_str() == text).ok_or_else(|| {
            let start: String = text.chars().take(32).collect();
            let known = Self::ALL.iter().map(|one| one.as_str()).collect::<Vec<_>>().join(", ");
            Invalid::new(format!("{start:?} is no event: there are {known}"))
        })
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is to be done to a cache because of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Everything with this tag is dead: `Cache::invalidate` does it.
    Invalidate(Tag),
    /// This entry is to be loaded anew: `Region::refresh` of its kind does it, with its id.
    Refresh(StandardKey),
}
