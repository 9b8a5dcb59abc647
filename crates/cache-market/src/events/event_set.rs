//! The announced events that a node knows, within bounds.

use std::collections::BTreeMap;

use cache_core::{Error, ErrorKind, Result, Timestamp};

use super::{
    EventId, EventKind, EventRules, MarketEvent,
    event_bucket::{BUCKETS, EventBucket, StoredEvents, bucket_of},
    event_record::EventRecord,
    retention::{Excess, Forgettable, MAX_EVENTS, MAX_RECORDS, forgettable, of_assets, overall},
};
use market_data::{Asset, DataType};

/// The events that this node knows: those ahead, and for a while those that are over or were withdrawn.
#[derive(Debug)]
pub(crate) struct EventSet {
    buckets: Vec<EventBucket>,
    /// How many events lie ahead at most: exact when last counted, and one more with each that came since.
    most_ahead: usize,
    /// The latest time at which events were looked for that are due.
    looked_at: Timestamp,
}

impl Default for EventSet {
    fn default() -> Self {
        Self { buckets: vec![EventBucket::default(); BUCKETS], most_ahead: 0, looked_at: Timestamp::MIN }
    }
}

impl EventSet {
    /// Adds an event that lies ahead, unless it is there. Returns its id, and the events that gave way to it.
    ///
    /// # Errors
    ///
    /// `Limit` if there are too many, and the event is the one to give way.
    pub(crate) fn announce(
        &mut self,
        event: &MarketEvent,
        at: Timestamp,
        now: Timestamp,
    ) -> Result<(EventId, Vec<MarketEvent>)> {
        let mut record = EventRecord::new(event, at, now);
        let (id, number) = (record.id(), bucket_of(&event.asset));
        let before = self.buckets[number].get_mut(&event.asset, id).cloned();
        if let Some(known) = &before {
            if !known.withdrawn {
                return Ok((id, Vec::new()));
            }
            record = known.clone();
            record.change(now, false);
        }
        self.buckets[number].insert(record);
        self.most_ahead = self.most_ahead.saturating_add(1);
        let excess = self.excess(Some(&event.asset), now);
        if let Some(refused) = excess.iter().find(|excess| excess.id == id) {
            match before {
                Some(before) => self.buckets[number].insert(before),
                None => drop(self.buckets[number].remove(&event.asset, id)),
            }
            return Err(Error::new(ErrorKind::Limit, "announce", refused.message(event, at)));
        }
        let displaced: Vec<MarketEvent> = self.remove(&excess);
        Ok((id, displaced))
    }

    /// Adds an event that is over, and that this node carries out now, at the moment `at`. Returns its id;
    /// `None` if it is known already.
    pub(crate) fn announce_past(&mut self, event: &MarketEvent, at: Timestamp) -> Option<EventId> {
        let record = EventRecord { done: true, carried_out: true, ..EventRecord::new(event, at, at) };
        let (id, bucket) = (record.id(), &mut self.buckets[bucket_of(&event.asset)]);
        if bucket.get_mut(&event.asset, id).is_some_and(|known| !known.withdrawn) {
            return None;
        }
        bucket.insert(record);
        self.prune_if_full(at);
        Some(id)
    }

    /// Withdraws an event that lies ahead. Returns it, if there was one.
    pub(crate) fn withdraw(&mut self, id: EventId, now: Timestamp) -> Option<MarketEvent> {
        let asset = self.get(id, now)?.asset;
        let record = self.buckets[bucket_of(&asset)].get_mut(&asset, id)?;
        record.change(now, true);
        let event = record.event();
        self.prune_if_full(now);
        Some(event)
    }

    /// Returns an event that lies ahead.
    pub(crate) fn get(&self, id: EventId, now: Timestamp) -> Option<MarketEvent> {
        let found = |bucket: &EventBucket| {
            let record = bucket.by_id(id)?;
            record.is_ahead(now).then(|| record.event())
        };
        self.buckets.iter().find_map(found)
    }

    /// Returns the events that lie ahead, the next one first.
    pub(crate) fn ahead(&self, now: Timestamp) -> Vec<(EventId, MarketEvent)> {
        let ahead = self.records().filter(|record| record.is_ahead(now));
        let mut ahead: Vec<_> = ahead.map(|record| (record.id(), record.event())).collect();
        ahead.sort_by_key(|(id, event)| (event.at, *id));
        ahead
    }

    /// Returns the first moment after `born` at which an event ends such data about the asset.
    pub(crate) fn end(
        &self,
        asset: &Asset,
        data: DataType,
        rules: &EventRules,
        born: Timestamp,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let bucket = &self.buckets[bucket_of(asset)];
        let touching = bucket.of(asset).filter(|record| rules.touches(record.event, data));
        let forgotten = Some(bucket.forgotten()).filter(|at| *at > born);
        touching.filter_map(|record| record.ends(born, now)).chain(forgotten).min()
    }

    /// Returns the moment of the asset's next event of a kind.
    pub(crate) fn next_of(&self, asset: &Asset, kind: EventKind, now: Timestamp) -> Option<Timestamp> {
        let ahead = self.buckets[bucket_of(asset)].of(asset).filter(|record| record.is_ahead(now));
        ahead.filter(|record| record.event == kind).map(EventRecord::at).min()
    }

    /// Returns when an event of a kind was withdrawn that lay ahead of what was born at `born`: whatever was
    /// to last until then is to be looked at again. `None` if no such event was withdrawn since.
    pub(super) fn called_off(&self, asset: &Asset, kind: EventKind, born: Timestamp) -> Option<Timestamp> {
        let of_kind = self.buckets[bucket_of(asset)].of(asset).filter(|record| record.event == kind);
        of_kind.filter_map(|record| record.called_off(born)).min()
    }

    /// Marks the events that are due by `now` as carried out, and returns them in their order, each with whether
    /// this node is the first to do so.
    pub(crate) fn due(&mut self, now: Timestamp) -> Vec<(MarketEvent, bool)> {
        if now < self.looked_at {
            self.set_back(now);
        }
        self.looked_at = now;
        let mut due = Vec::new();
        for record in self.records_mut().filter(|record| record.is_due(now)) {
            due.push((record.event(), !record.done));
            (record.done, record.carried_out) = (true, true);
        }
        due.sort_by_key(|(event, _)| event.at);
        due
    }

    /// Returns the moment of the next event that is to be carried out.
    pub(crate) fn first(&self) -> Option<Timestamp> {
        let open = self.records().filter(|record| !record.withdrawn && !record.carried_out);
        open.map(EventRecord::at).min()
    }

    /// Takes over what the copy of a bucket says. Calls `news` with each event of which that was news.
    pub(super) fn merge(&mut self, number: usize, copy: StoredEvents, news: impl FnMut(Asset, EventId)) {
        let before = self.buckets[number].len();
        self.buckets[number].merge(copy, news);
        let added = self.buckets[number].len().saturating_sub(before);
        self.most_ahead = self.most_ahead.saturating_add(added);
    }

    /// Considers as carried out here what other nodes have carried out: this node holds nothing yet.
    pub(crate) fn begin(&mut self) {
        self.records_mut().for_each(|record| record.carried_out = record.done);
    }

    /// Forgets what is over since long, and what is too much. Returns the events that were ahead.
    pub(crate) fn prune(&mut self, now: Timestamp) -> Vec<MarketEvent> {
        for Forgettable { asset, id, leaves_gap } in forgettable(&self.buckets, now) {
            let bucket = &mut self.buckets[bucket_of(&asset)];
            if let Some(record) = bucket.remove(&asset, id)
                && leaves_gap
            {
                bucket.note_forgotten(record.at);
            }
        }
        let excess = self.excess(None, now);
        self.remove(&excess)
    }

    fn prune_if_full(&mut self, now: Timestamp) {
        if self.buckets.iter().map(EventBucket::len).sum::<usize>() > MAX_RECORDS {
            self.prune(now);
        }
    }

    /// Returns whether an event is known, over or not.
    pub(crate) fn contains(&self, asset: &Asset, id: EventId) -> bool {
        self.buckets[bucket_of(asset)].assets.get(asset).is_some_and(|events| events.contains_key(&id))
    }

    pub(super) fn bucket(&self, number: usize) -> &EventBucket {
        &self.buckets[number]
    }

    /// What was carried out after the time to which the clock was set back lies ahead once more.
    fn set_back(&mut self, now: Timestamp) {
        for record in self.records_mut().filter(|record| record.carried_out && record.at() > now) {
            record.change(Timestamp::MIN, false);
        }
        self.most_ahead = usize::MAX;
    }

    /// Returns the events ahead for which there is no room, of `changed` alone or of all assets.
    fn excess(&mut self, changed: Option<&Asset>, now: Timestamp) -> Vec<Excess> {
        let mut excess = of_assets(&self.buckets, changed, now);
        if self.most_ahead > MAX_EVENTS {
            let (ahead, overall) = overall(&self.buckets, now);
            self.most_ahead = ahead;
            excess.extend(overall);
        }
        excess
    }

    fn remove(&mut self, excess: &[Excess]) -> Vec<MarketEvent> {
        let remove =
            |excess: &Excess| self.buckets[bucket_of(&excess.asset)].remove(&excess.asset, excess.id);
        excess.iter().filter_map(remove).map(|record| record.event()).collect()
    }

    fn records(&self) -> impl Iterator<Item = &EventRecord> {
        self.buckets.iter().flat_map(EventBucket::records)
    }

    fn records_mut(&mut self) -> impl Iterator<Item = &mut EventRecord> {
        let assets = self.buckets.iter_mut().flat_map(|bucket| bucket.assets.values_mut());
        assets.flat_map(BTreeMap::values_mut)
    }
}
