//! What is going to happen, and when.

use std::collections::BTreeMap;

use cache_core::{Error, ErrorKind, Result, Timestamp, sync::Mutex};

use super::{EventKind, EventRules, MarketEvent};
use market_data::{Asset, DataType};

/// How many events may lie ahead.
const CAPACITY: usize = 10_000;

/// The events that lie ahead, by asset.
#[derive(Debug, Default)]
pub(crate) struct UpcomingEvents(Mutex<BTreeMap<Asset, Vec<(Timestamp, EventKind)>>>);

impl UpcomingEvents {
    /// Notes an event that lies ahead; one that is noted already is noted once.
    pub(crate) fn note(&self, asset: &Asset, event: EventKind, at: Timestamp) -> Result<()> {
        let mut upcoming = self.0.lock();
        if upcoming.values().map(Vec::len).sum::<usize>() >= CAPACITY {
            let message = format!(
                "{CAPACITY} events lie ahead already: announce {event} of {asset} when one has passed"
            );
            return Err(Error::new(ErrorKind::Limit, "announce", message));
        }
        let events = upcoming.entry(asset.clone()).or_default();
        if !events.contains(&(at, event)) {
            events.push((at, event));
        }
        Ok(())
    }

    /// Returns when the next event after `now` happens to an asset that touches such data.
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

    /// Takes out what has happened by `now`, in the order in which it happened.
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

    /// Returns when the next of all events happens.
    pub(crate) fn first(&self) -> Option<Timestamp> {
        self.0.lock().values().flatten().map(|(at, _)| *at).min()
    }
}
