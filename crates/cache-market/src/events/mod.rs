//! Events of assets, and their effects on cached entries.

mod announced_events;
mod concerned;
mod event_bucket;
mod event_id;
mod event_record;
mod event_set;
mod retention;
mod rules;
mod run_to_end;
#[cfg(test)]
mod tests;
mod watched_loader;

use std::{fmt, str::FromStr};

use cache_core::{Tag, Timestamp};
use serde::{Deserialize, Serialize};

pub(crate) use self::event_set::EventSet;
pub use self::{
    announced_events::{AnnouncedEvents, Announcement, Withdrawal},
    event_id::EventId,
    rules::{EventRules, Touch},
    watched_loader::{Priced, WatchedLoader},
};
use crate::StandardKey;
use market_data::{Asset, DataType, Invalid, moment};

/// An event of an asset: announced, or detected in the data.
///
/// In JSON: `{"asset": "AAPL", "event": "earnings", "at": "2020-01-28T21:30:00Z"}`; without `at` it is now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarketEvent {
    /// The asset.
    pub asset: Asset,
    /// The kind of event.
    pub event: EventKind,
    /// The moment; `None` is now.
    #[serde(default, with = "moment::option", skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// The data in which it was detected: these are up to date, and not affected. `None` if it was announced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_in: Option<DataType>,
}

impl MarketEvent {
    /// An announced event that happens now.
    #[must_use]
    pub fn announced(asset: Asset, event: EventKind) -> Self {
        Self { asset, event, at: None, seen_in: None }
    }

    /// Sets the moment, which may lie in the future.
    #[must_use]
    pub fn at(self, at: Timestamp) -> Self {
        Self { at: Some(at), ..self }
    }
}

macro_rules! event_kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal),+ $(,)?) => {
        /// A kind of event.
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
    /// Its trading resumes.
    Resume = "resume",
    /// There is important news about it.
    News = "news",
    /// It pays a dividend, is split, or changes otherwise: figures computed from older prices are wrong.
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

/// What an event does to a cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Invalidate everything with this tag, as by `Cache::invalidate`.
    Invalidate(Tag),
    /// Mark everything with this tag stale, as by `Cache::mark_stale`.
    MarkStale(Tag),
    /// Load this entry anew, as by `Region::refresh` with its id.
    Refresh(StandardKey),
}
