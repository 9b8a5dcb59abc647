//! An event as nodes keep it and tell each other of it.

use cache_core::Timestamp;
use serde::{Deserialize, Serialize};

use super::{EventId, EventKind, MarketEvent};
use market_data::Asset;

/// An announced event, and what became of it. Of two records of one event the greater says what holds, on every
/// node and in whatever order they come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EventRecord {
    pub(super) asset: Asset,
    pub(super) event: EventKind,
    /// The moment from which on it holds, in microseconds: its own, or that of its announcement if it was over.
    pub(super) at: i64,
    /// The moment by which it was announced, if that is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) announced_at: Option<i64>,
    /// When it was announced or withdrawn.
    pub(super) changed: i64,
    #[serde(default)]
    pub(super) withdrawn: bool,
    /// Whether a node has carried it out.
    #[serde(default)]
    pub(super) done: bool,
    /// Whether this node has.
    #[serde(skip)]
    pub(super) carried_out: bool,
}

impl EventRecord {
    /// Returns the record of an event that holds from `at` on.
    pub(super) fn new(event: &MarketEvent, at: Timestamp, changed: Timestamp) -> Self {
        let at = at.as_micros();
        Self {
            asset: event.asset.clone(),
            event: event.event,
            at,
            announced_at: event.at.map(Timestamp::as_micros).filter(|announced| *announced != at),
            changed: changed.as_micros(),
            withdrawn: false,
            done: false,
            carried_out: false,
        }
    }

    pub(super) fn at(&self) -> Timestamp {
        Timestamp::from_micros(self.at)
    }

    pub(super) fn id(&self) -> EventId {
        let event = MarketEvent::announced(self.asset.clone(), self.event);
        EventId::of(&event, Timestamp::from_micros(self.announced_at.unwrap_or(self.at)))
    }

    pub(super) fn event(&self) -> MarketEvent {
        MarketEvent::announced(self.asset.clone(), self.event).at(self.at())
    }

    /// Returns whether it lies ahead.
    pub(super) fn is_ahead(&self, now: Timestamp) -> bool {
        !self.withdrawn && !self.done && self.at() > now
    }

    /// Returns the moment at which it ends what was born at `born`; `None` if it ends nothing.
    pub(super) fn ends(&self, born: Timestamp, now: Timestamp) -> Option<Timestamp> {
        // What another node has carried out has happened, even if this node's clock is behind.
        let holds = if self.done { self.at().min(now.max(born)) } else { self.at() };
        (!self.withdrawn && self.at() > born).then_some(holds)
    }

    /// Returns when it was withdrawn, if it lay ahead of what was born at `born` and was known by then.
    pub(super) fn called_off(&self, born: Timestamp) -> Option<Timestamp> {
        let changed = Timestamp::from_micros(self.changed);
        (self.withdrawn && self.at() > born && changed > born).then_some(changed)
    }

    /// Returns whether this node has yet to carry it out.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        !self.withdrawn && !self.carried_out && (self.done || self.at() <= now)
    }

    /// Takes over what another record of the same event says. Returns whether that was news.
    pub(super) fn merge(&mut self, other: &Self) -> bool {
        let news = other.rank() > self.rank();
        if news {
            let carried_out = self.carried_out && other.done && !other.withdrawn;
            *self = Self { carried_out, ..other.clone() };
        }
        news
    }

    /// The later change holds; of two at the same moment the withdrawal; done is done.
    pub(super) fn rank(&self) -> (i64, bool, bool) {
        (self.changed, self.withdrawn, self.done)
    }

    /// Changes it at `now`, later than it was changed before, by whatever clock.
    pub(super) fn change(&mut self, now: Timestamp, withdrawn: bool) {
        self.changed = now.as_micros().max(self.changed.saturating_add(1));
        (self.withdrawn, self.done, self.carried_out) = (withdrawn, false, false);
    }
}
