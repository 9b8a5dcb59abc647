//! Stores loaded values: in memory first, then their callers get them, then the tiers.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    slice,
    sync::Arc,
};

use cache_core::{
    Blob, Entry, Error, ErrorKind, Fetched, Key, Loaded, Meta, Result, Timestamp, Tombstone, Ttl,
};
use cache_memory::Value;

use super::fetch::Fetch;
use crate::{
    answer::{Found, Source},
    read::servable::{Servable, Unservable},
    region::{Cacheable, Region},
};

/// How many values of a region are decoded again after they were encoded, to find a codec that can't carry
/// the type.
const CHECKED_ROUND_TRIPS: u32 = 32;

impl<V: Cacheable> Region<V> {
    /// Stores the answers of one batch in memory, lands them, and writes them to the tiers.
    pub(crate) async fn store_loaded(&self, batch: Vec<Fetch<V>>, answers: Vec<Loaded<V>>, born: Timestamp) {
        let mut entries = Vec::new();
        let mut lifeless = Vec::new();
        let mut leaders = Vec::with_capacity(batch.len());
        for (fetch, loaded) in batch.into_iter().zip(answers) {
            // A policy or cost function that panics over one value must not cost the others.
            let interpret = catch_unwind(AssertUnwindSafe(|| self.interpret(&fetch, loaded, born)));
            let (found, blob) = match interpret.unwrap_or_else(|_| Err(self.policy_panicked(&fetch))) {
                Ok(known) => known,
                Err(error) => {
                    self.fail(&fetch, &error);
                    continue;
                }
            };
            let Fetch { leader, maybe_in_tiers, .. } = &fetch;
            self.core.throttle.resume(leader.key());
            if !leader.overtaken() {
                let servable = self.judge(&found.meta, self.engine.clock().now());
                if servable.is_servable() && (blob.is_some() || found.value.is_none()) {
                    if self.store_fetched(&fetch, &found) {
                        let entry = Entry { value: blob, meta: found.meta.clone() };
                        entries.push((leader.key().clone(), entry));
                    }
                } else if *maybe_in_tiers
                    && (servable.is_servable() || servable == Servable::No(Unservable::Expired))
                {
                    // It may not be stored any more, which ends what was stored of it before.
                    lifeless.push(leader.key().clone());
                }
            }
            leader.land(Ok(found));
            leaders.push(fetch.leader);
        }
        let written = self.engine.write(&entries, self.engine.tiers_for(&self.policy)).await;
        self.engine.hold_what_won(&entries, &written, self.engine.tiers_for(&self.policy)).await;
        if !lifeless.is_empty() {
            self.engine.remove_here(&lifeless, self.engine.tombstone_born(born)).await;
        }
        drop(leaders);
    }

    fn policy_panicked(&self, fetch: &Fetch<V>) -> Error {
        let message = format!("the policy or cost function panicked over {}", fetch.leader.key());
        Error::new(ErrorKind::Load, "load", message)
    }

    /// Makes of a source's answer what to serve and what to store. Without a blob it is not stored.
    fn interpret(
        &self,
        fetch: &Fetch<V>,
        loaded: Loaded<V>,
        born: Timestamp,
    ) -> Result<(Found<V>, Option<Blob>)> {
        let key = fetch.leader.key();
        match (loaded, &fetch.prior) {
            (Loaded::Absent, _) => {
                let meta = self.meta(born, self.engine.bounded(Ttl::new(self.policy.negative)));
                let meta = self.engine.bound_life(key, meta);
                Ok((Found { value: None, source: Source::Loader, meta }, None))
            }
            (Loaded::Value(fetched), _) => {
                let ttl = self.ttl_of(key, &fetched, born);
                let meta = self.meta(born, ttl).labelled(&fetched.tags, fetched.etag.as_deref());
                self.encoded(Arc::new(fetched.value), self.engine.bound_life(key, meta))
            }
            (Loaded::NotModified, Some(prior)) if prior.value.is_some() => {
                let Some(value) = prior.value.clone() else { unreachable!("just looked") };
                let ttl = self.policy.ttl.ttl(key, Some(&value), born);
                let ttl = self.policy.jitter.apply(self.engine.bounded(ttl), seed(key, born));
                let meta = self.meta(born, ttl).labelled(prior.meta.tags(), prior.meta.etag());
                self.encoded(value, self.engine.bound_life(key, meta))
            }
            (Loaded::NotModified, _) => {
                let message = format!("{key}: \"not modified\", but no version was at hand to compare with");
                Err(Error::new(ErrorKind::Load, "load", message))
            }
            (Loaded::Failed(error), _) => Err(error),
        }
    }

    /// Encodes a value. Returns no blob if the value is too large to be stored.
    fn encoded(&self, value: Arc<V>, mut meta: Meta) -> Result<(Found<V>, Option<Blob>)> {
        let blob = match self.encode(&value) {
            Ok(blob) => Some(blob),
            Err(error) if error.kind() == ErrorKind::Limit => {
                if let Some(times) = self.engine.log_sums().too_large.count(self.engine.clock().now()) {
                    tracing::warn!(kind = self.core.prefix.kind(), %error, times,
                        "a loaded value is too large to be stored: it is served and not cached");
                }
                None
            }
            Err(error) => return Err(error),
        };
        meta.cost = self.cost(&value, blob.as_ref());
        Ok((Found { value: Some(value), source: Source::Loader, meta }, blob))
    }

    /// The meta of an entry born at `born` with this life and grace.
    pub(crate) fn meta(&self, born: Timestamp, ttl: Ttl) -> Meta {
        Meta::new(born, ttl).counted_from(self.engine.clock().now())
    }

    /// The life and grace of a value: as its source says, else as the region's policy does.
    pub(crate) fn ttl_of(&self, key: &Key, fetched: &Fetched<V>, born: Timestamp) -> Ttl {
        let ttl = fetched.ttl.unwrap_or_else(|| self.policy.ttl.ttl(key, Some(&fetched.value), born));
        self.policy.jitter.apply(self.engine.bounded(ttl), seed(key, born))
    }

    /// Encodes a value, and decodes the first few of a region again.
    ///
    /// # Errors
    ///
    /// `Limit` for a value that is too large, `Codec` for one that its codec can't carry.
    pub(crate) fn encode(&self, value: &V) -> Result<Blob> {
        let blob = Blob::encode(self.core.codec, self.core.schema, value)?;
        self.core.check_round_trips(CHECKED_ROUND_TRIPS, || blob.check_round_trip::<V>())?;
        Ok(blob)
    }

    /// What a value weighs in memory's budget.
    pub(crate) fn cost(&self, value: &V, blob: Option<&Blob>) -> u32 {
        match (&self.policy.cost, blob) {
            (Some(cost), _) => cost(value),
            (None, Some(blob)) => u32::try_from(blob.bytes.len()).unwrap_or(u32::MAX),
            (None, None) => 0,
        }
    }

    /// Stores a fetched value in memory. Returns `false` if the key was removed or written meanwhile.
    pub(crate) fn store_fetched(&self, fetch: &Fetch<V>, found: &Found<V>) -> bool {
        let key = fetch.leader.key();
        let kept =
            !fetch.leader.overtaken() && self.store_in_memory(key, found.value.clone(), found.meta.clone());
        if kept && self.engine.gaps().count() != fetch.gaps {
            // Messages were missed since the fetch began, which may have ended the value: it goes out again.
            let now = self.engine.clock().now();
            self.engine.memory().remove(
                slice::from_ref(key),
                Tombstone { born: found.meta.born, dead_at: now },
                now,
            );
            return false;
        }
        kept
    }

    /// Stores a value in memory, if memory takes part. Returns whether no tombstone or newer entry refused it.
    pub(crate) fn store_in_memory(&self, key: &Key, value: Option<Arc<V>>, meta: Meta) -> bool {
        let now = self.engine.clock().now();
        if self.policy.skips("memory") || !self.engine.memory_in_use() {
            return !self.engine.memory().refuses(key, meta.born, now);
        }
        let entry = Entry { value: value.map(|value| value as Value), meta };
        self.engine
            .memory()
            .put_observed(key.clone(), entry, now, |key| self.engine.report_protection_refused(key))
    }
}

/// A seed that differs for every key and load, so that jitter spreads their lives.
fn seed(key: &Key, born: Timestamp) -> u64 {
    key.hash() ^ born.as_micros().cast_unsigned().rotate_left(32)
}
