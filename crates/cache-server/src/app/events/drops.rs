//! When the next announced event invalidates what is cached about an asset: no answer may be served past it, not
//! even by a client whose requests fail.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use cache_core::{Clock, Timestamp, sync::RwLock};
use cache_market::{AnnouncedEvents, EventKind, Touch};
use market_data::{Asset, DataType};

/// How long the events that other nodes announce may be unknown here.
const MAX_SNAPSHOT_AGE: Duration = Duration::from_millis(200);

/// The events ahead, by asset. They are copied now and then, as a request can't look through all of them.
#[derive(Debug, Default)]
pub(super) struct Drops(RwLock<Option<Snapshot>>);

#[derive(Debug)]
struct Snapshot {
    taken: Timestamp,
    events: HashMap<Asset, Vec<(Timestamp, EventKind)>>,
}

impl Drops {
    /// Returns how long it is until an event ahead drops such data about the asset.
    pub(super) fn next(
        &self,
        asset: &Asset,
        data: DataType,
        touches: &BTreeMap<EventKind, Touch>,
        announced: &AnnouncedEvents,
        clock: &Clock,
    ) -> Option<Duration> {
        let now = clock.now();
        let is_new =
            |snapshot: &Snapshot| snapshot.taken <= now && now.since(snapshot.taken) <= MAX_SNAPSHOT_AGE;
        if !self.0.read().as_ref().is_some_and(is_new) {
            let snapshot = Snapshot::of(announced, now);
            *self.0.write() = Some(snapshot);
        }
        let drops = |event: &EventKind| touches.get(event).is_some_and(|touch| touch.drop.contains(&data));
        let snapshot = self.0.read();
        let events = snapshot.as_ref()?.events.get(asset)?;
        let ahead = events.iter().filter(|(at, event)| *at > now && drops(event));
        ahead.map(|(at, _)| at.since(now)).min()
    }

    /// Forgets the copy, because this node announced or withdrew an event.
    pub(super) fn forget(&self) {
        *self.0.write() = None;
    }
}

impl Snapshot {
    fn of(announced: &AnnouncedEvents, taken: Timestamp) -> Self {
        let mut events: HashMap<Asset, Vec<(Timestamp, EventKind)>> = HashMap::new();
        for (_, event) in announced.ahead() {
            if let Some(at) = event.at {
                events.entry(event.asset).or_default().push((at, event.event));
            }
        }
        Self { taken, events }
    }
}
