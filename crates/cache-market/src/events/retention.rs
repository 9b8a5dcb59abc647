//! Which events are kept: bounds per asset and overall, and when one that is over is forgotten.

use std::{cmp::Reverse, collections::BTreeMap, time::Duration};

use cache_core::Timestamp;

use super::{
    EventId, EventKind, MarketEvent,
    event_bucket::{EventBucket, bucket_of},
    event_record::EventRecord,
};
use market_data::{Asset, moment::to_jiff};

/// The most events that may lie ahead.
pub(super) const MAX_EVENTS: usize = 10_000;
/// The most events of one asset that may lie ahead.
pub(super) const MAX_EVENTS_OF_ASSET: usize = 64;
/// How many events of an asset have room before any that are beyond this number of others.
const FAIR_SHARE: usize = 16;
/// The most events that are remembered after they were carried out, and the most that were withdrawn.
const MAX_PAST_EVENTS: usize = 10_000;
/// From how many on that are known, ahead or not, those that are too many are looked for at once.
pub(super) const MAX_RECORDS: usize = MAX_EVENTS + 2 * MAX_PAST_EVENTS + MAX_SUPERSEDED + 1_000;
/// How many events of an asset are remembered after which the same has happened to it again, so that they are
/// known if they are announced once more.
const MAX_SUPERSEDED_OF_ASSET: usize = 16;
/// How many of them are remembered overall.
const MAX_SUPERSEDED: usize = 1_000;
/// How long an event is remembered after it was carried out.
const PAST_RETENTION: Duration = Duration::from_secs(7 * 86_400);
/// How long it is remembered that an event was withdrawn.
const WITHDRAWN_RETENTION: Duration = Duration::from_secs(30 * 86_400);

/// An event for which there is no room.
#[derive(Debug)]
pub(super) struct Excess {
    pub(super) asset: Asset,
    pub(super) id: EventId,
    of_asset: bool,
}

impl Excess {
    /// Returns what to tell whoever announced the event.
    pub(super) fn message(&self, event: &MarketEvent, at: Timestamp) -> String {
        let (asset, kind, at) = (&event.asset, event.event, to_jiff(at));
        if self.of_asset {
            format!(
                "{asset} has {MAX_EVENTS_OF_ASSET} events ahead already, all before {kind} at {at}: withdraw one of \
                 them, or announce this one when one is over"
            )
        } else {
            format!(
                "{MAX_EVENTS} events lie ahead already, all of them before {kind} of {asset} at {at} or of assets \
                 with fewer events: withdraw some, or announce this one when it is nearer"
            )
        }
    }
}

/// Returns the events ahead that are too many of their asset: the farthest. Only `changed` is looked at, if that
/// is an asset.
pub(super) fn of_assets(buckets: &[EventBucket], changed: Option<&Asset>, now: Timestamp) -> Vec<Excess> {
    let assets: Vec<_> = match changed {
        Some(asset) => buckets[bucket_of(asset)].assets.get_key_value(asset).into_iter().collect(),
        None => buckets.iter().flat_map(|bucket| &bucket.assets).collect(),
    };
    let mut excess = Vec::new();
    for (asset, events) in assets.into_iter().filter(|(_, events)| events.len() > MAX_EVENTS_OF_ASSET) {
        let over = ranked(events, now).into_iter().skip(MAX_EVENTS_OF_ASSET);
        excess.extend(over.map(|(_, id)| Excess { asset: asset.clone(), id, of_asset: true }));
    }
    excess
}

/// Returns how many events lie ahead, and those that are too many overall: first of assets that have more than
/// their fair share, then others, of either the farthest. All nodes that know the same events give up the same.
pub(super) fn overall(buckets: &[EventBucket], now: Timestamp) -> (usize, Vec<Excess>) {
    let mut all = Vec::new();
    for (asset, events) in buckets.iter().flat_map(|bucket| &bucket.assets) {
        let ranked = ranked(events, now).into_iter().take(MAX_EVENTS_OF_ASSET).enumerate();
        all.extend(ranked.map(|(rank, (at, id))| (rank >= FAIR_SHARE, at, id, asset)));
    }
    if all.len() <= MAX_EVENTS {
        return (all.len(), Vec::new());
    }
    let (_, _, over) = all.select_nth_unstable(MAX_EVENTS - 1);
    let excess = |(_, _, id, asset): &(bool, i64, EventId, &Asset)| Excess {
        asset: (*asset).clone(),
        id: *id,
        of_asset: false,
    };
    (MAX_EVENTS, over.iter().map(excess).collect())
}

/// Returns the events of an asset that lie ahead, the next one first.
fn ranked(events: &BTreeMap<EventId, EventRecord>, now: Timestamp) -> Vec<(i64, EventId)> {
    let ahead = events.iter().filter(|(_, record)| record.is_ahead(now));
    let mut ranked: Vec<_> = ahead.map(|(id, record)| (record.at, *id)).collect();
    ranked.sort_unstable();
    ranked
}

/// An event to forget.
#[derive(Debug)]
pub(super) struct Forgettable {
    pub(super) asset: Asset,
    pub(super) id: EventId,
    /// Whether nothing else that is remembered ends what it ended.
    pub(super) leaves_gap: bool,
}

/// Returns the events to forget: those that were carried out or withdrawn long ago, all but some of those after
/// which the same has happened to their asset again, and the oldest of those that are too many.
pub(super) fn forgettable(buckets: &[EventBucket], now: Timestamp) -> Vec<Forgettable> {
    let mut forgettable = Vec::new();
    let mut forget = |asset: &Asset, id, leaves_gap| {
        forgettable.push(Forgettable { asset: asset.clone(), id, leaves_gap });
    };
    let (mut past, mut withdrawn, mut all_superseded) = (Vec::new(), Vec::new(), Vec::new());
    let (past_since, withdrawn_since) = (now.before(PAST_RETENTION), now.before(WITHDRAWN_RETENTION));
    for (asset, events) in buckets.iter().flat_map(|bucket| &bucket.assets) {
        let mut latest: BTreeMap<EventKind, (i64, EventId)> = BTreeMap::new();
        let mut superseded = Vec::new();
        for (id, record) in events {
            let changed = Timestamp::from_micros(record.changed);
            if record.withdrawn {
                if changed < withdrawn_since || record.at() < past_since {
                    forget(asset, *id, false);
                } else {
                    withdrawn.push((Reverse(record.changed), *id, asset));
                }
            } else if record.done && record.at() < past_since {
                forget(asset, *id, true);
            } else if record.done {
                let known = latest.entry(record.event).or_insert((record.at, *id));
                if *known != (record.at, *id) {
                    let earlier = (*known).min((record.at, *id));
                    *known = (*known).max((record.at, *id));
                    superseded.push(earlier);
                }
            }
        }
        superseded.sort_unstable_by_key(|earlier| Reverse(*earlier));
        for (rank, (at, id)) in superseded.into_iter().enumerate() {
            if rank < MAX_SUPERSEDED_OF_ASSET {
                all_superseded.push((Reverse(at), id, asset));
            } else {
                forget(asset, id, false);
            }
        }
        past.extend(latest.into_values().map(|(at, id)| (Reverse(at), id, asset)));
    }
    let all = [
        (past, MAX_PAST_EVENTS, true),
        (withdrawn, MAX_PAST_EVENTS, false),
        (all_superseded, MAX_SUPERSEDED, false),
    ];
    for (mut kept, most, leaves_gap) in all {
        if kept.len() > most {
            kept.sort_unstable();
            kept.drain(most..).for_each(|(_, id, asset)| forget(asset, id, leaves_gap));
        }
    }
    forgettable
}
