//! An observer that writes down what it is told.

use std::sync::{Arc, Mutex, PoisonError};

use cache_core::{ErrorKind, Event, Key, Observer, Operation};

/// An [`Event`], kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the event of the same name")]
pub enum Seen {
    /// [`Event::Hit`].
    Hit { key: Key, source: &'static str, stale: bool },
    /// [`Event::Miss`].
    Miss { key: Key },
    /// [`Event::Load`].
    Load { kind: String, keys: usize, error: Option<ErrorKind> },
    /// [`Event::TierFailed`].
    TierFailed { tier: &'static str, operation: Operation, error: ErrorKind },
    /// [`Event::TierRecovered`].
    TierRecovered { tier: &'static str },
    /// [`Event::Corrupt`].
    Corrupt { tier: &'static str, key: Key },
    /// [`Event::Normalised`].
    Normalised { kind: String, change: String },
    /// [`Event::ProtectionRefused`].
    ProtectionRefused { key: Key },
    /// [`Event::Lost`].
    Lost { tier: &'static str, key: Key },
    /// [`Event::BusFailed`].
    BusFailed { bus: &'static str, error: ErrorKind },
    /// [`Event::Unproven`].
    Unproven { bus: &'static str },
    /// [`Event::LeaseFailed`].
    LeaseFailed { lease: &'static str, error: ErrorKind },
}

/// Remembers every event in order. Clones share what they remember.
#[derive(Clone, Debug, Default)]
pub struct Recorder(Arc<Mutex<Vec<Seen>>>);

impl Recorder {
    /// Everything seen so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many of the events seen so far are such.
    pub fn count(&self, such: impl Fn(&Seen) -> bool) -> usize {
        self.seen().iter().filter(|seen| such(seen)).count()
    }
}

impl Observer for Recorder {
    fn on(&self, event: &Event<'_>) {
        let seen = match *event {
            Event::Hit { key, source, stale } => Seen::Hit { key: key.clone(), source, stale },
            Event::Miss { key } => Seen::Miss { key: key.clone() },
            Event::Load { kind, keys, error } => {
                Seen::Load { kind: kind.to_owned(), keys, error: error.map(|error| error.kind()) }
            }
            Event::TierFailed { tier, operation, error } => {
                Seen::TierFailed { tier, operation, error: error.kind() }
            }
            Event::TierRecovered { tier } => Seen::TierRecovered { tier },
            Event::Corrupt { tier, key, error: _ } => Seen::Corrupt { tier, key: key.clone() },
            Event::Normalised { kind, change } => {
                Seen::Normalised { kind: kind.to_owned(), change: change.to_owned() }
            }
            Event::ProtectionRefused { key } => Seen::ProtectionRefused { key: key.clone() },
            Event::Lost { tier, key } => Seen::Lost { tier, key: key.clone() },
            Event::BusFailed { bus, error } => Seen::BusFailed { bus, error: error.kind() },
            Event::Unproven { bus } => Seen::Unproven { bus },
            Event::LeaseFailed { lease, error } => Seen::LeaseFailed { lease, error: error.kind() },
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(seen);
    }
}
