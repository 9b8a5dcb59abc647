//! Upcoming events.

use std::collections::BTreeMap;

use cache_core::{Error, ErrorKind, Result, Timestamp, sync::Mutex};

use super::{EventKind, EventRules, MarketEvent};
use market_data::{Asset, DataType};

/// The most events that may be upcoming.
const MAX_EVENTS: usize = 10_000;

/// The upcoming events, by asset.
#[derive(Debug, Default)]
pub(crate) struct UpcomingEvents(Mutex<BTreeMap<Asset, Vec<(Timestamp, EventKind)>>>);

impl UpcomingEvents {
    /// Adds an event, unless it is there already.
    ///
    /// # Errors
    ///
    /// `Limit` if there are 10,000.
    pub(crate) fn note(&self, asset: &Asset, event: EventKind, at: Timestamp) -> Result<()> {
        let mut upcoming = self.0.lock();
        if upcoming.values().map(Vec::len).sum::<usize>() >= MAX_EVENTS {
            let message = format!(
                "{MAX_EVENTS} events are upcoming already: announce {event} of {asset} when one of them is over"
            );
            return Err(Error::new(ErrorKind::Limit, "announce", message));
        }
        let events = upcoming.entry(asset.clone()).or_default();
        if !events.contains(&(at, event)) {
            events.push((at, event));
        }
        Ok(())
    }

    /// Returns the moment of the asset's next event after `now` that affects such data.
    pub(crate) fn next(
        &self,
        asset: &Asset,
        data: DataType,
        rules: &EventRules,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let upcoming = self.0.lock();
        let touching = |(at, event): &&(Timestamp, EventKind)| *at > now && rules.touches(*event, data);
        upcoming.get(asset)?.iter().filter(touching).map(|(at, _)| *at).min()
    }

    /// Removes and returns the events that are due by `now`, in their order.
    pub(crate) fn due(&self, now: Timestamp) -> Vec<MarketEvent> {
        let mut due = Vec::new();
        self.0.lock().retain(|asset, events| {
            let passed = events.extract_if(.., |(at, _)| *at <= now);
            due.extend(passed.map(|(at, event)| MarketEvent::announced(asset.clone(), event).at(at)));
            !events.is_empty()
        });
        due.sort_by_key(|event| event.at);
        due
    }

    /// Returns the moment of the next event.
    pub(crate) fn first(&self) -> Option<Timestamp> {
        self.0.lock().values().flatten().map(|(at, _)| *at).min()
    }
}
