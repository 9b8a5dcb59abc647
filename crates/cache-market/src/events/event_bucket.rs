//! The unit in which announced events are stored: all events of the assets that share a bucket.

use std::collections::{BTreeMap, HashMap};

use cache_core::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{EventId, event_record::EventRecord};
use market_data::Asset;

/// In how many parts events are stored. An announcement writes one of them.
pub(super) const BUCKETS: usize = 64;
/// How many events too many a stored bucket may have before it is written anew.
const MAX_SURPLUS: usize = 32;

/// The events of the assets of one bucket.
#[derive(Clone, Debug, Default)]
pub(super) struct EventBucket {
    pub(super) assets: BTreeMap<Asset, BTreeMap<EventId, EventRecord>>,
    /// The latest event that was forgotten: what was born before may have been ended by it.
    pub(super) forgotten: Option<i64>,
    ids: HashMap<EventId, Asset>,
}

/// A bucket as tiers store it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StoredEvents {
    events: Vec<EventRecord>,
    forgotten: Option<i64>,
}

/// Returns the number of an asset's bucket, the same in every process and version.
pub(super) fn bucket_of(asset: &Asset) -> usize {
    usize::from(Sha256::digest(asset.to_string())[0]) % BUCKETS
}

impl EventBucket {
    pub(super) fn records(&self) -> impl Iterator<Item = &EventRecord> {
        self.assets.values().flat_map(BTreeMap::values)
    }

    pub(super) fn of(&self, asset: &Asset) -> impl Iterator<Item = &EventRecord> {
        self.assets.get(asset).into_iter().flat_map(BTreeMap::values)
    }

    pub(super) fn get_mut(&mut self, asset: &Asset, id: EventId) -> Option<&mut EventRecord> {
        self.assets.get_mut(asset)?.get_mut(&id)
    }

    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(super) fn by_id(&self, id: EventId) -> Option<&EventRecord> {
        self.assets.get(self.ids.get(&id)?)?.get(&id)
    }

    pub(super) fn insert(&mut self, record: EventRecord) {
        let id = record.id();
        self.ids.insert(id, record.asset.clone());
        self.assets.entry(record.asset.clone()).or_default().insert(id, record);
    }

    /// Removes an event without a trace.
    pub(super) fn remove(&mut self, asset: &Asset, id: EventId) -> Option<EventRecord> {
        let events = self.assets.get_mut(asset)?;
        let removed = events.remove(&id);
        self.ids.remove(&id);
        if events.is_empty() {
            self.assets.remove(asset);
        }
        removed
    }

    /// Remembers that events up to `at` were forgotten.
    pub(super) fn note_forgotten(&mut self, at: i64) {
        self.forgotten = self.forgotten.max(Some(at));
    }

    /// Returns up to when events were forgotten.
    pub(super) fn forgotten(&self) -> Timestamp {
        self.forgotten.map_or(Timestamp::MIN, Timestamp::from_micros)
    }

    /// Takes over what a copy says that this bucket does not know. Calls `news` with each event that is.
    pub(super) fn merge(&mut self, copy: StoredEvents, mut news: impl FnMut(Asset, EventId)) {
        self.forgotten = self.forgotten.max(copy.forgotten);
        for record in copy.events {
            let (asset, id) = (record.asset.clone(), record.id());
            let changed = match self.get_mut(&asset, id) {
                Some(known) => known.merge(&record),
                None => {
                    self.insert(record);
                    true
                }
            };
            if changed {
                news(asset, id);
            }
        }
    }

    pub(super) fn stored(&self) -> StoredEvents {
        StoredEvents { events: self.records().cloned().collect(), forgotten: self.forgotten }
    }

    /// Returns whether a tier's copy has to be written anew. That it has a few events too many is no reason: nodes
    /// whose clocks differ would write in turns.
    pub(super) fn outdates(&self, copy: Option<&StoredEvents>) -> bool {
        let Some(copy) = copy else { return !self.assets.is_empty() || self.forgotten.is_some() };
        let stored: HashMap<EventId, _> =
            copy.events.iter().map(|record| (record.id(), record.rank())).collect();
        let known =
            |record: &EventRecord| stored.get(&record.id()).is_some_and(|rank| *rank >= record.rank());
        copy.forgotten < self.forgotten
            || stored.len() > self.len() + MAX_SURPLUS
            || !self.records().all(known)
    }
}
