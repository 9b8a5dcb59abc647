//! Puts values into memory and every tier, the later born winning everywhere.

use std::{slice, sync::Arc};

use cache_core::{
    Blob, Entry, Error, Event, Fetched, Freshness, Key, Meta, PutOutcome, Result, Timestamp, Tombstone,
    message::Change,
};
use futures_util::future::join_all;

use super::{
    encode::Encoded,
    in_progress::{TICK, WritesInProgress},
};
use crate::{
    engine::{Engine, counters::Count},
    region::{Cacheable, Region},
    tier::{
        handle::{REMINDED_FOR, TierHandle},
        put::WhenAway,
    },
};

/// A value that is to be put.
pub(super) struct PutValue<V> {
    pub(super) key: Key,
    pub(super) value: Arc<V>,
    /// What the tiers get. If they get nothing, why the codec can't; `None` if the region is memory's alone.
    blob: Result<Blob, Option<Error>>,
    pub(super) meta: Meta,
}

/// Values that memory has, and the tiers do not have yet.
pub(super) struct Begun<V> {
    entries: Vec<(Key, Entry)>,
    values: Vec<Arc<V>>,
    /// What no tier gets, and why the codec can't carry it; `None` if the region is memory's alone.
    memory_only: Vec<(Key, Meta, Option<Error>)>,
    in_progress: WritesInProgress,
}

/// What is done about an entry that loses in a tier against something born later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnLoss {
    /// It is put again, later born, if the other came before it.
    Outbid,
    /// It is withdrawn from wherever it is.
    Withdraw,
}

/// What became of values that were begun to be put.
#[derive(Debug)]
pub(super) struct Finished {
    /// Whether one of them lost, and was withdrawn.
    pub(super) lost: bool,
    /// Why one of them is kept nowhere.
    pub(super) refusal: Option<Error>,
}

/// What became of an entry that was written to the tiers.
#[derive(Debug)]
pub(crate) struct Written {
    /// Whether every tier has it, or something newer. If not, what came before it may be in one of them.
    pub(crate) everywhere: bool,
    /// Whether some tier has it, or will get it.
    somewhere: bool,
    /// Whether some tier has it already, or something newer.
    stored: bool,
    /// Why a tier refused it.
    refusal: Option<Error>,
    /// The tiers that hold something newer.
    pub(super) outdated_in: Vec<&'static str>,
}

impl Written {
    /// Whether some tier refused it.
    pub(crate) fn is_refused(&self) -> bool {
        self.refusal.is_some()
    }
}

impl<V: Cacheable> Region<V> {
    /// Puts values. All are encoded before any is stored, so that one that is too large leaves nothing behind.
    pub(crate) async fn put_all(&self, values: Vec<(Key, Fetched<V>)>) -> Result<()> {
        self.engine.enter("put")?;
        if self.is_memory_only() && self.policy.skips("memory") {
            return Err(self.memory_only());
        }
        let mut encoded = Vec::with_capacity(values.len());
        for (key, fetched) in values {
            let fetched = fetched.map(Arc::new);
            // Each has a birth of its own: of a key that is given twice the last value wins.
            encoded.push(self.encode_put(key, fetched, || self.engine.clock().tick_put())?);
        }
        self.core.counters.add(Count::Put, encoded.len() as u64);
        let now = self.engine.clock().now();
        let mut begun = Begun::new(&self.engine, encoded.len());
        let memory_alone = self.engine.tiers_for(&self.policy).next().is_none();
        let mut unkept = None;
        let mut removals = Vec::new();
        for put in encoded {
            let PutValue { key, value, meta, .. } = &put;
            if meta.freshness(now) == Freshness::Dead {
                // It is never served, so all that the put does is remove what was there before.
                let tombstone = self.engine.tombstone_born(meta.born);
                removals.push(self.remove_under(slice::from_ref(key), tombstone));
                self.engine.observers().tell(&Event::Put { key });
                continue;
            }
            // Marked before flights are overtaken: a flight that begins in between finds the mark.
            begun.mark(key, meta.born);
            self.engine.local_writes().note(key, meta.born);
            self.core.overtake_key(key);
            self.store_in_memory(key, Some(Arc::clone(value)), meta.clone());
            if memory_alone && self.engine.memory().is_too_heavy(key, meta) {
                unkept.get_or_insert_with(|| self.engine.too_heavy(key, meta.cost));
            }
            self.engine.observers().tell(&Event::Put { key });
            begun.add(self, put);
        }
        if self.engine.is_alone() || begun.is_empty() && removals.is_empty() {
            return unkept.map_or(Ok(()), Err);
        }
        let region = self.clone();
        let write = async move {
            join_all(removals).await;
            begun.finish(&region, OnLoss::Outbid).await.refusal
        };
        let refusal = self.engine.run_to_completion(write).await.flatten();
        refusal.or(unkept).map_or(Ok(()), Err)
    }

    /// Encodes a value that is to be put, and gives it the birth that `born` returns once that is done.
    pub(super) fn encode_put(
        &self,
        key: Key,
        fetched: Fetched<Arc<V>>,
        born: impl FnOnce() -> Timestamp,
    ) -> Result<PutValue<V>> {
        let Fetched { value, ttl, tags, etag, .. } = fetched.checked()?;
        let (blob, weight) = match self.encode(&value)? {
            Encoded::Blob(blob) => (Ok(blob), None),
            Encoded::MemoryOnly { weight, error } => (Err(error), Some(weight)),
        };
        let born = born();
        let meta = self.by_policy(&key, || {
            let life = self.ttl_of(&key, &value, ttl, born);
            let meta = self.meta(born, life).labelled(&tags, etag.as_deref());
            let mut meta = self.engine.bound_life(&key, meta.with_own_life(ttl.is_some()));
            meta.cost = self.cost(&value, blob.as_ref().ok(), weight);
            Ok(meta)
        })?;
        Ok(PutValue { key, value, blob, meta })
    }

    /// Ends what tiers that this handle leaves out hold from before `entries`: others would be served that.
    pub(crate) async fn end_older_where_left_out(&self, entries: &[(Key, Entry)]) {
        let left_out = |tier: &&TierHandle| self.core.is_left_out(tier.name(), &self.policy);
        let life = self.engine.load_limit();
        for tier in self.engine.tiers().iter().filter(left_out) {
            let ended = entries.iter().map(|(key, entry)| tier.end_older(key, entry.meta.born, life));
            join_all(ended).await;
        }
    }

    /// Whether memory holds this very entry.
    fn is_in_memory(&self, key: &Key, meta: &Meta) -> bool {
        self.engine.memory().look(key, |held| held.meta().born >= meta.born).unwrap_or(false)
    }
}

impl<V: Cacheable> Begun<V> {
    pub(super) fn new(engine: &Arc<Engine>, most: usize) -> Self {
        let (entries, values) = (Vec::with_capacity(most), Vec::with_capacity(most));
        Self { entries, values, memory_only: Vec::new(), in_progress: WritesInProgress::new(engine) }
    }

    /// Makes memory refuse what is older than this write, until the tiers were asked.
    pub(super) fn mark(&mut self, key: &Key, born: Timestamp) {
        self.in_progress.begin(key, born);
    }

    /// Adds a value that memory was given.
    pub(super) fn add(&mut self, region: &Region<V>, PutValue { key, value, blob, meta }: PutValue<V>) {
        match blob {
            Ok(blob) => {
                self.entries.push((key, Entry::new(blob, meta)));
                self.values.push(value);
            }
            Err(error) => {
                error.iter().for_each(|error| region.report_codec_failure(&key, error));
                self.memory_only.push((key, meta, error));
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.memory_only.is_empty()
    }

    /// Writes the values to the tiers and tells the other nodes.
    pub(super) async fn finish(mut self, region: &Region<V>, on_loss: OnLoss) -> Finished {
        let Self { entries, values, memory_only, in_progress } = &mut self;
        let engine = &region.engine;
        let mut written = engine.write(entries, engine.tiers_for(&region.policy)).await;
        match on_loss {
            OnLoss::Outbid => region.outbid(entries, values, &mut written, in_progress).await,
            OnLoss::Withdraw if region.withdraw_lost(entries, &written).await => {
                return Finished { lost: true, refusal: None };
            }
            OnLoss::Withdraw => {}
        }
        region.end_older_where_left_out(entries).await;
        for (key, meta, _) in memory_only.iter().filter(|(_, _, error)| error.is_some()) {
            engine.remove_older_from_tiers(key, meta.born).await;
        }
        let Self { entries, memory_only, in_progress, .. } = self;
        // Who asked a tier before it had the value must not keep what that said, nor pass it on to who asks now.
        for (key, _) in &entries {
            region.core.flights.overtake(key);
        }
        drop(in_progress);
        let stored = entries.iter().zip(&written).map(|((key, entry), written)| match entry.meta.born {
            born if written.everywhere => Change::Put { key: key.into(), born },
            // Some tier may still hold what came before, which other nodes should refuse until it is
            // written.
            born => engine.older_replaced(key, born),
        });
        let not_stored = memory_only.iter().map(|(key, meta, _)| engine.older_replaced(key, meta.born));
        engine.announce(stored.chain(not_stored)).await;
        let nowhere = |key: &Key, meta: &Meta, refusal: &Error| {
            (!region.is_in_memory(key, meta)).then(|| refusal.clone())
        };
        let refused = entries.iter().zip(&written).find_map(|((key, entry), written)| {
            let refusal = written.refusal.as_ref().filter(|_| !written.somewhere)?;
            nowhere(key, &entry.meta, refusal)
        });
        // A region of memory alone has put what it holds, though memory may let go of it at once.
        let uncarried = |(key, meta, error): &(Key, Meta, Option<Error>)| nowhere(key, meta, error.as_ref()?);
        let refusal = refused.or_else(|| memory_only.iter().find_map(uncarried));
        Finished { lost: false, refusal }
    }
}

impl Engine {
    /// Writes entries to tiers, and returns what became of each. A tier that fails is an event.
    pub(crate) async fn write<'a>(
        &self,
        entries: &[(Key, Entry)],
        tiers: impl Iterator<Item = &'a TierHandle>,
    ) -> Vec<Written> {
        let tiers: Vec<&TierHandle> = tiers.collect();
        let written = self.write_or(entries, &tiers, WhenAway::Queue).await;
        for ((key, entry), _) in entries.iter().zip(&written).filter(|(_, written)| written.stored) {
            tiers.iter().for_each(|tier| tier.note_stored_elsewhere(key, entry.meta.born));
        }
        written
    }

    /// Copies to tiers what a tier behind them holds. One that is away goes without.
    pub(crate) async fn copy(&self, entries: &[(Key, Entry)], tiers: &[&TierHandle]) -> Vec<Written> {
        self.write_or(entries, tiers, WhenAway::Leave).await
    }

    async fn write_or(
        &self,
        entries: &[(Key, Entry)],
        tiers: &[&TierHandle],
        away: WhenAway,
    ) -> Vec<Written> {
        let fresh = || Written {
            everywhere: true,
            somewhere: false,
            stored: false,
            refusal: None,
            outdated_in: Vec::new(),
        };
        let mut written: Vec<Written> = entries.iter().map(|_| fresh()).collect();
        if entries.is_empty() {
            return written;
        }
        let life = self.load_limit();
        let outcomes = join_all(tiers.iter().map(|tier| tier.put(entries, life, away))).await;
        for (tier, outcomes) in tiers.iter().zip(outcomes) {
            for (((key, entry), written), outcome) in entries.iter().zip(&mut written).zip(outcomes) {
                match outcome {
                    PutOutcome::Refused(error) => {
                        written.everywhere = false;
                        written.refusal = Some(error);
                    }
                    outcome => {
                        if outcome.is_outdated() {
                            written.outdated_in.push(tier.name());
                        }
                        written.somewhere = true;
                        written.stored |= !matches!(outcome, PutOutcome::Queued);
                        written.everywhere &= !tier.is_pending(key, entry.meta.born);
                    }
                }
            }
        }
        written
    }

    /// Ends what tiers hold of a key from before `born`.
    pub(crate) async fn remove_older_from_tiers(&self, key: &Key, born: Timestamp) {
        let life = self.load_limit();
        join_all(self.tiers().iter().map(|tier| tier.end_older(key, born, life))).await;
    }

    /// Returns what other nodes are told of a value born at `born` that they won't find in every tier.
    pub(crate) fn older_replaced(&self, key: &Key, born: Timestamp) -> Change {
        Change::Replaced { key: key.into(), tombstone: self.older_tombstone(born) }
    }

    /// Returns what other nodes are told of what may not be served any more, if it was born before `born`.
    pub(crate) fn older_removed(&self, key: &Key, born: Timestamp) -> Change {
        Change::Removed { key: key.into(), tombstone: self.older_tombstone(born) }
    }

    fn older_tombstone(&self, born: Timestamp) -> Tombstone {
        let Tombstone { born, dead_at } = self.tombstone_born(born.before(TICK));
        // Until they are reminded, should a tier go on to hold it.
        Tombstone { born, dead_at: dead_at.after(REMINDED_FOR) }
    }
}
