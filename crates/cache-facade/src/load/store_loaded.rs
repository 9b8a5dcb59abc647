//! What becomes of a loaded value: memory first, then its callers, then the tiers.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering},
};

use cache_core::{
    Blob, Entry, Error, ErrorKind, Fetched, Freshness, Key, Loaded, Meta, Result, Timestamp, Tombstone, Ttl,
};
use cache_memory::Value;

use crate::{
    answer::{Found, Source},
    load::fetch::Flying,
    region::{Cacheable, Region},
};

/// How many values of a region are checked to survive their codec.
const PROOFS: u32 = 32;

impl<V: Cacheable> Region<V> {
    /// Keeps the answers of one batch and lands them; then writes them to the tiers.
    pub(crate) async fn keep(&self, batch: Vec<Flying<V>>, answers: Vec<Loaded<V>>, born: Timestamp) {
        let mut entries = Vec::new();
        let mut gone = Vec::new();
        let mut leaders = Vec::with_capacity(batch.len());
        for (flight, loaded) in batch.into_iter().zip(answers) {
            // A policy or cost function may panic over one value; the others are not its business.
            let understood = catch_unwind(AssertUnwindSafe(|| self.understood(&flight, loaded, born)));
            let (found, blob) = match understood.unwrap_or_else(|_| Err(self.unjudged(&flight))) {
                Ok(known) => known,
                Err(error) => {
                    self.fail(&flight, &error);
                    continue;
                }
            };
            let Flying { leader, held, .. } = &flight;
            self.core.throttle.resume(leader.key());
            let kept = found.freshness(self.engine.clock.now()) != Freshness::Dead;
            if !leader.overtaken() && self.alive(&found.meta) {
                if kept && (blob.is_some() || found.value.is_none()) {
                    if self.keep_near(&flight, &found) {
                        entries.push((leader.key().clone(), Entry { value: blob, meta: found.meta.clone() }));
                    }
                } else if *held {
                    // Its source no longer lets it be kept, which ends what was kept of it before.
                    gone.push(leader.key().clone());
                }
            }
            leader.land(Ok(found));
            leaders.push(flight.leader);
        }
        let slots = || self.engine.slots.iter().filter(|slot| !self.policy.skips(slot.name()));
        self.engine.write(&entries, slots()).await;
        if !gone.is_empty() {
            self.engine.remove(&gone, self.engine.tombstone_of(born)).await;
        }
        drop(leaders);
    }

    fn unjudged(&self, flight: &Flying<V>) -> Error {
        let message = format!("the policy or cost function panicked over {}", flight.leader.key());
        Error::new(ErrorKind::Load, "load", message)
    }

    /// A source's answer as something to serve and something to store. Without a blob it can be
    /// served only.
    fn understood(
        &self,
        flight: &Flying<V>,
        loaded: Loaded<V>,
        born: Timestamp,
    ) -> Result<(Found<V>, Option<Blob>)> {
        let key = flight.leader.key();
        match (loaded, &flight.prior) {
            (Loaded::Absent, _) => {
                let meta = self.meta(born, self.engine.bounded(Ttl::new(self.policy.negative)));
                Ok((Found { value: None, source: Source::Loader, meta }, None))
            }
            (Loaded::Value(fresh), _) => {
                let ttl = self.promise(key, &fresh, born);
                let meta = self.meta(born, ttl).labelled(&fresh.tags, fresh.etag.as_deref());
                self.sealed(Arc::new(fresh.value), meta)
            }
            (Loaded::NotModified, Some(prior)) if prior.value.is_some() => {
                let Some(value) = prior.value.clone() else { unreachable!("just looked") };
                let ttl = self.policy.ttl.ttl(key, Some(&value), born);
                let ttl = self.policy.jitter.apply(self.engine.bounded(ttl), seed(key, born));
                let meta = self.meta(born, ttl).labelled(prior.meta.tags(), prior.meta.etag());
                self.sealed(value, meta)
            }
            (Loaded::NotModified, _) => {
                let message = format!("{key}: \"not modified\", but no version was at hand to compare with");
                Err(Error::new(ErrorKind::Load, "load", message))
            }
            (Loaded::Failed(error), _) => Err(error),
        }
    }

    /// The value with its encoding; without one if it is too large to be stored.
    fn sealed(&self, value: Arc<V>, mut meta: Meta) -> Result<(Found<V>, Option<Blob>)> {
        let blob = match self.encode(&value) {
            Ok(blob) => Some(blob),
            Err(error) if error.kind() == ErrorKind::Limit => {
                tracing::warn!(kind = self.core.prefix.kind(), %error, "a loaded value is served but not kept");
                None
            }
            Err(error) => return Err(error),
        };
        meta.cost = self.cost(&value, blob.as_ref());
        Ok((Found { value: Some(value), source: Source::Loader, meta }, blob))
    }

    /// What is promised of something born at `born`.
    pub(crate) fn meta(&self, born: Timestamp, ttl: Ttl) -> Meta {
        Meta::new(born, ttl).counted_from(self.engine.clock.now())
    }

    /// What is promised about a value: by its source, else by the region's policy.
    pub(crate) fn promise(&self, key: &Key, fresh: &Fetched<V>, born: Timestamp) -> Ttl {
        let ttl = fresh.ttl.unwrap_or_else(|| self.policy.ttl.ttl(key, Some(&fresh.value), born));
        self.policy.jitter.apply(self.engine.bounded(ttl), seed(key, born))
    }

    pub(crate) fn encode(&self, value: &V) -> Result<Blob> {
        let blob = Blob::encode(self.core.codec, self.core.schema, value)?;
        if self.core.proved.load(Ordering::Relaxed) < PROOFS {
            blob.check_round_trip::<V>()?;
            self.core.proved.fetch_add(1, Ordering::Relaxed);
        }
        Ok(blob)
    }

    pub(crate) fn cost(&self, value: &V, blob: Option<&Blob>) -> u32 {
        match (&self.policy.cost, blob) {
            (Some(cost), _) => cost(value),
            (None, Some(blob)) => u32::try_from(blob.bytes.len()).unwrap_or(u32::MAX),
            (None, None) => 0,
        }
    }

    /// Stores an answer in memory. `false` means that the key was removed or rewritten meanwhile.
    pub(crate) fn keep_near(&self, flight: &Flying<V>, found: &Found<V>) -> bool {
        let key = flight.leader.key();
        let kept =
            !flight.leader.overtaken() && self.store_near(key, found.value.clone(), found.meta.clone());
        if kept && self.engine.epoch.load(Ordering::Acquire) != flight.epoch {
            // It was asked for before something was missed that may have ended it.
            let now = self.engine.clock.now();
            self.engine.memory.remove(
                std::slice::from_ref(key),
                Tombstone { born: found.meta.born, dead_at: now },
                now,
            );
            return false;
        }
        kept
    }

    /// Stores in memory, if it takes part, and answers whether no tombstone or newer entry forbade it.
    pub(crate) fn store_near(&self, key: &Key, value: Option<Arc<V>>, meta: Meta) -> bool {
        let now = self.engine.clock.now();
        if self.policy.skips("memory") || !self.engine.memory_on() {
            return !self.engine.memory.refuses(key, meta.born, now);
        }
        let entry = Entry { value: value.map(|value| value as Value), meta };
        self.engine.memory.put_observed(key.clone(), entry, now, |key| self.engine.not_protected(key))
    }
}

/// Different for every key and load, so that lives spread.
fn seed(key: &Key, born: Timestamp) -> u64 {
    key.hash() ^ born.as_micros().cast_unsigned().rotate_left(32)
}
