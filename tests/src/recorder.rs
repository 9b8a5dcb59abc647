//! An observer that records every event.

use std::{sync::Arc, time::Duration};

use cache_core::{
    ErrorKind, Event, EvictionCause, Key, Marked, MissReason, Observer, Operation, Outcome, Removal,
    sync::Mutex,
};

/// An [`Event`] that owns its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the event of the same name")]
pub enum RecordedEvent {
    /// [`Event::Hit`].
    Hit { key: Key, source: &'static str, stale: bool },
    /// [`Event::Miss`].
    Miss { key: Key, source: &'static str, reason: MissReason },
    /// [`Event::Answered`].
    Answered { key: Key, outcome: Outcome, waited: Duration, joined: bool },
    /// [`Event::Load`].
    Load { kind: String, keys: usize, failed: usize, error: Option<ErrorKind> },
    /// [`Event::TierFailed`].
    TierFailed { tier: &'static str, operation: Operation, error: ErrorKind },
    /// [`Event::TierRecovered`].
    TierRecovered { tier: &'static str },
    /// [`Event::Corrupt`].
    Corrupt { tier: &'static str, key: Key },
    /// [`Event::Normalised`].
    Normalised { kind: String, change: String },
    /// [`Event::Evicted`].
    Evicted { key: Key, cause: EvictionCause },
    /// [`Event::ProtectionRefused`].
    ProtectionRefused { key: Key },
    /// [`Event::Lost`].
    Lost { tier: &'static str, key: Key },
    /// [`Event::Refused`].
    Refused { tier: &'static str, key: Key, error: ErrorKind },
    /// [`Event::CodecFailed`].
    CodecFailed { key: Key, error: ErrorKind },
    /// [`Event::BusFailed`].
    BusFailed { bus: &'static str, error: ErrorKind },
    /// [`Event::Unproven`].
    Unproven { bus: &'static str },
    /// [`Event::LeaseFailed`].
    LeaseFailed { lease: &'static str, error: ErrorKind },
    /// [`Event::LeaseRecovered`].
    LeaseRecovered { lease: &'static str },
    /// [`Event::Joined`].
    Joined { key: Key },
    /// [`Event::Put`].
    Put { key: Key },
    /// [`Event::MarkedStale`], with what was marked as text.
    MarkedStale { what: String },
    /// [`Event::Removed`], with what was removed as text.
    Removed { what: String },
    /// One that this record doesn't know.
    Other,
}

/// Records every event, in order. Clones share the record.
#[derive(Clone, Debug, Default)]
pub struct Recorder(Arc<Mutex<Vec<RecordedEvent>>>);

impl Recorder {
    /// Every event so far.
    #[must_use]
    pub fn recorded(&self) -> Vec<RecordedEvent> {
        self.0.lock().clone()
    }

    /// How many events so far match.
    pub fn count(&self, such: impl Fn(&RecordedEvent) -> bool) -> usize {
        self.recorded().iter().filter(|seen| such(seen)).count()
    }
}

impl Observer for Recorder {
    fn on(&self, event: &Event<'_>) {
        let seen = match *event {
            Event::Hit { key, source, stale } => RecordedEvent::Hit { key: key.clone(), source, stale },
            Event::Miss { key, source, reason } => RecordedEvent::Miss { key: key.clone(), source, reason },
            Event::Answered { key, outcome, waited, joined } => {
                RecordedEvent::Answered { key: key.clone(), outcome, waited, joined }
            }
            Event::Load { kind, keys, failed, error, took: _ } => {
                let error = error.map(|error| error.kind());
                RecordedEvent::Load { kind: kind.to_owned(), keys, failed, error }
            }
            Event::TierFailed { tier, operation, error } => {
                RecordedEvent::TierFailed { tier, operation, error: error.kind() }
            }
            Event::TierRecovered { tier } => RecordedEvent::TierRecovered { tier },
            Event::Corrupt { tier, key, error: _ } => RecordedEvent::Corrupt { tier, key: key.clone() },
            Event::Normalised { kind, change } => {
                RecordedEvent::Normalised { kind: kind.to_owned(), change: change.to_owned() }
            }
            Event::Evicted { key, cause } => RecordedEvent::Evicted { key: key.clone(), cause },
            Event::ProtectionRefused { key } => RecordedEvent::ProtectionRefused { key: key.clone() },
            Event::Lost { tier, key } => RecordedEvent::Lost { tier, key: key.clone() },
            Event::Refused { tier, key, error } => {
                RecordedEvent::Refused { tier, key: key.clone(), error: error.kind() }
            }
            Event::CodecFailed { key, error } => {
                RecordedEvent::CodecFailed { key: key.clone(), error: error.kind() }
            }
            Event::BusFailed { bus, error } => RecordedEvent::BusFailed { bus, error: error.kind() },
            Event::Unproven { bus } => RecordedEvent::Unproven { bus },
            Event::LeaseFailed { lease, error } => RecordedEvent::LeaseFailed { lease, error: error.kind() },
            Event::LeaseRecovered { lease } => RecordedEvent::LeaseRecovered { lease },
            Event::Joined { key } => RecordedEvent::Joined { key: key.clone() },
            Event::Put { key } => RecordedEvent::Put { key: key.clone() },
            Event::MarkedStale { what } => RecordedEvent::MarkedStale { what: marked(&what) },
            Event::Removed { what } => RecordedEvent::Removed { what: text(&what) },
            // It comes with each load and put.
            Event::Stored { .. } => return,
            _ => RecordedEvent::Other,
        };
        self.0.lock().push(seen);
    }
}

/// Returns what was removed: a word for how, and what.
fn text(what: &Removal<'_>) -> String {
    match what {
        Removal::Key(key) => format!("key {key}"),
        Removal::Matching(pattern) => format!("matching {pattern}"),
        Removal::Tag(tag) => format!("tag {}", tag.as_str()),
        Removal::Kind(kind) => format!("kind {kind}"),
        Removal::All => "all".to_owned(),
        _ => "other".to_owned(),
    }
}

/// The same of what was marked.
fn marked(what: &Marked<'_>) -> String {
    match what {
        Marked::Key(key) => format!("key {key}"),
        Marked::Matching(pattern) => format!("matching {pattern}"),
        Marked::Tag(tag) => format!("tag {}", tag.as_str()),
        Marked::Kind(kind) => format!("kind {kind}"),
        Marked::All => "all".to_owned(),
        _ => "other".to_owned(),
    }
}
