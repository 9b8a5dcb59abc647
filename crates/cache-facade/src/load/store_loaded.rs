//! Stores loaded values: in memory first, then their callers get them, then the tiers.

use std::{
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
    slice,
    sync::Arc,
};

use cache_core::{
    Blob, Entry, Error, ErrorKind, Event, Fetched, GivenTtl, Key, Loaded, Meta, Result, Tag, Timestamp,
    Tombstone, Ttl, message::Change,
};
use cache_memory::Value;

use super::fetch::Fetch;
use crate::{
    answer::{Found, Source},
    computed,
    engine::counters::Count,
    panics,
    read::servable::{Servable, Unservable},
    region::{Cacheable, Region},
    write::{encode::Encoded, in_progress::TICK, put::Written},
};

/// Where a loaded value is stored.
pub(super) enum Storable {
    /// In memory, and as these bytes in the tiers; without bytes it is the knowledge that there is no value.
    Everywhere(Option<Blob>),
    /// In memory alone, since the codec can't carry it, or since the region is memory's.
    MemoryOnly(Option<Error>),
    /// Nowhere: it is too large.
    Nowhere,
}

impl<V: Cacheable> Region<V> {
    /// Stores the answers of one batch in memory, lands them, and writes them to the tiers.
    pub(crate) async fn store_loaded(
        &self,
        batch: Vec<Fetch<V>>,
        answers: Vec<Loaded<Arc<V>>>,
        born: Timestamp,
    ) {
        let mut entries = Vec::new();
        let mut memory_only = Vec::new();
        let mut lifeless = Vec::new();
        let mut forbidden = Vec::new();
        let mut replaced = HashSet::new();
        let mut leaders = Vec::with_capacity(batch.len());
        let engine = &self.engine;
        // Nobody may remember any more what was removed since it began.
        let outlasted = engine.clock().now().since(born) > engine.load_limit();
        for (fetch, mut loaded) in batch.into_iter().zip(answers) {
            let besides = match &mut loaded {
                Loaded::Value(fetched) => fetched.take_besides(),
                _ => Vec::new(),
            };
            // A policy or cost function that panics over one value must not cost the others.
            let interpret = || self.interpret(&fetch, loaded, born);
            let (found, storable) = match self.by_policy(fetch.leader.key(), interpret) {
                Ok(known) => known,
                Err(error) => {
                    if error.forbids_stale() {
                        // Before its callers learn of it, and ask again.
                        let key = slice::from_ref(fetch.leader.key());
                        engine.memory().remove(key, engine.tombstone_born(born), engine.clock().now());
                        forbidden.push(fetch.leader.key().clone());
                    }
                    self.fail(&fetch, &error);
                    leaders.extend(error.forbids_stale().then_some(fetch.leader));
                    continue;
                }
            };
            let changed = self.has_changed(&fetch, &found, &storable);
            self.tell_refreshed(&fetch, changed, born);
            let Fetch { leader, maybe_in_tiers, .. } = &fetch;
            if let Some(prior) = &fetch.prior {
                self.count_replaced(leader.key(), prior);
            }
            self.core.throttle.resume(leader.key());
            if !leader.overtaken() && !outlasted {
                // Before its callers have their answer, since they may ask for these next.
                let stored = self.store_besides(&fetch, besides, born);
                if engine.bus().is_some() {
                    replaced.extend(stored.iter().map(|(key, _)| key.clone()));
                }
                entries.extend(stored);
                let servable = self.judge(leader.key(), &found.meta, self.engine.clock().now());
                let is_servable = servable.is_servable();
                match storable {
                    Storable::Everywhere(blob) if is_servable => {
                        let replaces = self.may_be_held_elsewhere(&fetch) && changed.unwrap_or(true);
                        let entry = Entry { value: blob, meta: found.meta.clone() };
                        let kept = self.store_fetched(&fetch, &found);
                        if kept && replaces {
                            replaced.insert(leader.key().clone());
                        }
                        entries.extend(kept.then(|| (leader.key().clone(), entry)));
                    }
                    Storable::MemoryOnly(error) if is_servable => {
                        error.iter().for_each(|error| self.report_codec_failure(leader.key(), error));
                        let kept = self.store_fetched(&fetch, &found);
                        memory_only.extend((kept && *maybe_in_tiers).then(|| leader.key().clone()));
                    }
                    _ if *maybe_in_tiers
                        && (is_servable || servable == Servable::No(Unservable::Expired)) =>
                    {
                        // It may not be stored any more, which ends what was stored of it before.
                        lifeless.push(leader.key().clone());
                    }
                    _ => {}
                }
            }
            // Stored as it came, for whoever judges it later, and answered as it is by now.
            let meta = self.marked_since_load(leader.key(), found.meta, engine.clock().now());
            leader.land(Ok(Found { meta, ..found }));
            leaders.push(fetch.leader);
        }
        let written = engine.write(&entries, engine.tiers_for(&self.policy)).await;
        engine.hold_what_won(&entries, &written, engine.tiers_for(&self.policy)).await;
        self.end_older_where_left_out(&entries).await;
        for key in &memory_only {
            engine.remove_older_from_tiers(key, born).await;
        }
        for ended in [&lifeless, &forbidden].into_iter().filter(|ended| !ended.is_empty()) {
            engine.remove_here(ended, engine.tombstone_born(born)).await;
        }
        drop(leaders);
        // Other nodes may hold what came before the values that some tier does not store, or what is forbidden.
        let refused = entries.iter().zip(&written).filter(|(_, written)| written.is_refused());
        let older: Vec<&Key> = refused.map(|((key, _), _)| key).chain(&memory_only).collect();
        let put = |((key, entry), written): (&(Key, Entry), &Written)| {
            let change = Change::Put { key: key.into(), born: entry.meta.born };
            (replaced.contains(key) && !written.is_refused()).then_some(change)
        };
        let changes: Vec<Change> = entries
            .iter()
            .zip(&written)
            .filter_map(put)
            .chain(older.into_iter().map(|key| engine.older_replaced(key, born)))
            .chain(forbidden.iter().map(|key| engine.older_removed(key, born)))
            .collect();
        if !changes.is_empty() {
            engine.announce(changes).await;
        }
    }

    /// Whether a load brought another value than what was at hand; `None` if nothing was, nobody wants to know, or
    /// nobody can tell.
    fn has_changed(&self, fetch: &Fetch<V>, found: &Found<V>, storable: &Storable) -> Option<bool> {
        let is_wanted = self.engine.observers().any() || self.may_be_held_elsewhere(fetch);
        let prior = fetch.current_prior().filter(|_| is_wanted)?;
        match (&prior.value, &found.value, storable) {
            (None, None, _) => Some(false),
            // It was not modified.
            (Some(prior), Some(value), _) if Arc::ptr_eq(prior, value) => Some(false),
            (Some(prior), Some(_), Storable::Everywhere(Some(blob))) => {
                Some(!self.is_encoded_as(prior, blob))
            }
            (Some(_), Some(_), _) => None,
            _ => Some(true),
        }
    }

    /// Tells whoever watches whether a load brought another value than what was at hand.
    fn tell_refreshed(&self, fetch: &Fetch<V>, changed: Option<bool>, born: Timestamp) {
        if let Some(prior) = fetch.current_prior().filter(|prior| prior.value.is_some()) {
            let (key, after) = (fetch.leader.key(), born.since(prior.meta.born));
            self.engine.observers().tell(&Event::Refreshed { key, changed, after });
        }
    }

    /// Whether other nodes may hold what came before a loaded value.
    fn may_be_held_elsewhere(&self, fetch: &Fetch<V>) -> bool {
        self.engine.bus().is_some() && fetch.maybe_in_tiers
    }

    /// Makes of a source's answer what to serve and where to store it.
    fn interpret(
        &self,
        fetch: &Fetch<V>,
        loaded: Loaded<Arc<V>>,
        born: Timestamp,
    ) -> Result<(Found<V>, Storable)> {
        let key = fetch.leader.key();
        match (loaded, &fetch.prior) {
            (Loaded::Absent, _) => Ok(self.absent(key, &[], born)),
            (Loaded::AbsentWith { tags }, _) => Ok(self.absent(key, &tags, born)),
            (Loaded::Value(fetched), _) => self.fetched(key, fetched, born),
            (Loaded::NotModified { ttl }, Some(prior))
                if prior.value.is_some() && !prior.meta.is_replaced() =>
            {
                let Some(value) = prior.value.clone() else { unreachable!("just looked") };
                let own = prior.meta.own_life();
                let jittered = |ttl| self.policy.jitter.apply(self.engine.bounded(ttl), seed(key, born));
                let renewed = match (ttl, own) {
                    (Some(ttl), _) => jittered(ttl),
                    // It was shortened when it was given.
                    (None, Some(own)) => self.engine.bounded(own),
                    (None, None) => self.kept(jittered(self.policy.ttl.of(&self.engine, key, &value, born))),
                };
                let meta = self.meta(born, renewed).labelled(prior.meta.tags(), prior.meta.etag());
                let meta = meta.with_own_life(ttl.or(own).is_some());
                self.encoded(key, value, self.engine.bound_life(key, meta))
            }
            (Loaded::NotModified { .. }, _) => {
                let message = format!("{key}: \"not modified\", but no version was at hand to compare with");
                Err(Error::new(ErrorKind::Load, "load", message))
            }
            (Loaded::Failed(error), _) => Err(error),
        }
    }

    /// A value as its source gave it.
    pub(super) fn fetched(
        &self,
        key: &Key,
        fetched: Fetched<Arc<V>>,
        born: Timestamp,
    ) -> Result<(Found<V>, Storable)> {
        // Without one of its tags it could not be invalidated.
        let fetched = fetched.checked()?;
        let ttl = self.ttl_of(key, &fetched.value, fetched.ttl, born);
        let meta = self.meta(born, ttl).labelled(&fetched.tags, fetched.etag.as_deref());
        let meta = meta.with_own_life(fetched.ttl.is_some());
        let meta = match self.policy.computed.as_ref().and_then(|_| computed::provenance(&meta)) {
            Some(from) => from.within_inputs(meta),
            None => meta,
        };
        self.encoded(key, fetched.value, self.engine.bound_life(key, meta))
    }

    /// The knowledge that there is no value.
    fn absent(&self, key: &Key, tags: &[Tag], born: Timestamp) -> (Found<V>, Storable) {
        let meta = self.meta(born, self.engine.bounded(Ttl::new(self.policy.negative)));
        let meta = self.engine.bound_life(key, meta.labelled(tags, None));
        (Found::new(None, Source::Loader, meta), Storable::Everywhere(None))
    }

    /// Encodes a value, and weighs it.
    fn encoded(&self, key: &Key, value: Arc<V>, mut meta: Meta) -> Result<(Found<V>, Storable)> {
        let (storable, weight) = match self.encode(&value) {
            Ok(Encoded::Blob(blob)) => (Storable::Everywhere(Some(blob)), None),
            Ok(Encoded::MemoryOnly { weight, error }) => (Storable::MemoryOnly(error), Some(weight)),
            Err(error) => {
                self.core.counters.bump(Count::TooLarge);
                self.engine.observers().tell(&Event::Refused { tier: "memory", key, error: &error });
                if let Some(times) = self.engine.log_sums().too_large.count(self.engine.clock().now()) {
                    tracing::warn!(kind = self.core.prefix.kind(), %error, times,
                        "a loaded value is too large to be stored: it is served and not cached");
                }
                (Storable::Nowhere, None)
            }
        };
        let blob = match &storable {
            Storable::Everywhere(blob) => blob.as_ref(),
            _ => None,
        };
        meta.cost = self.cost(&value, blob, weight);
        Ok((Found::new(Some(value), Source::Loader, meta), storable))
    }

    /// The meta of an entry born at `born` with this life and grace.
    pub(crate) fn meta(&self, born: Timestamp, ttl: Ttl) -> Meta {
        Meta::new(born, ttl).counted_from(self.engine.clock().now())
    }

    /// The life and grace of a value: as its source says, else as the region's policy does.
    pub(crate) fn ttl_of(&self, key: &Key, value: &V, own: Option<GivenTtl>, born: Timestamp) -> Ttl {
        let engine = &self.engine;
        let jittered = |ttl| self.policy.jitter.apply(engine.bounded(ttl), seed(key, born));
        match own {
            Some(own) => jittered(engine.ttl(own)),
            None => self.kept(jittered(self.policy.ttl.of(engine, key, value, born))),
        }
    }

    /// Runs the policies and the cost function of this region over a value. A panic is an error.
    pub(crate) fn by_policy<T>(&self, key: &Key, judge: impl FnOnce() -> Result<T>) -> Result<T> {
        catch_unwind(AssertUnwindSafe(judge)).unwrap_or_else(|panic| {
            let message =
                format!("the policy or cost function panicked over {key}: {}", panics::text(&*panic));
            Err(Error::new(ErrorKind::Load, "load", message))
        })
    }

    /// What a value weighs in memory's budget: as its policy says, else its bytes, else `weight`.
    pub(crate) fn cost(&self, value: &V, blob: Option<&Blob>, weight: Option<u32>) -> u32 {
        match (&self.policy.cost, blob) {
            (Some(cost), _) => cost(value),
            (None, Some(blob)) => u32::try_from(blob.bytes.len()).unwrap_or(u32::MAX),
            (None, None) => weight.unwrap_or(0),
        }
    }

    /// Stores a fetched value in memory. Returns `false` if the key was removed or written meanwhile.
    pub(crate) fn store_fetched(&self, fetch: &Fetch<V>, found: &Found<V>) -> bool {
        let key = fetch.leader.key();
        let kept =
            !fetch.leader.overtaken() && self.store_in_memory(key, found.value.clone(), found.meta.clone());
        if kept && (fetch.leader.overtaken() || self.engine.gaps().count() != fetch.gaps) {
            // It was written, or messages were missed since the fetch began, which may have ended the value: it
            // goes out again.
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
        self.store_in_memory_if(key, None, value, meta)
    }

    /// The same, where `held` is given only if memory still holds an entry born then, or none.
    pub(crate) fn store_in_memory_if(
        &self,
        key: &Key,
        held: Option<Option<Timestamp>>,
        value: Option<Arc<V>>,
        meta: Meta,
    ) -> bool {
        let now = self.engine.clock().now();
        if self.policy.skips("memory") {
            // What memory holds from before would be served by others who ask it.
            let older = Tombstone { born: meta.born.before(TICK), dead_at: now };
            if self.engine.memory().peek(key).is_some_and(|held| held.meta.born < meta.born) {
                self.engine.memory().remove(slice::from_ref(key), older, now);
            }
            return !self.engine.memory().refuses(key, meta.born, now);
        }
        if !self.engine.memory_in_use() {
            return !self.engine.memory().refuses(key, meta.born, now);
        }
        let memory = self.engine.memory();
        let too_heavy = memory.is_too_heavy(key, &meta).then_some(meta.cost);
        let born = meta.born;
        let observers = self.engine.observers();
        let told = |key: &Key, meta: &Meta| {
            observers.tell(&Event::Stored { key, meta, weight: memory.weight_of(key, meta) });
        };
        let entry = Entry { value: value.map(|value| value as Value), meta };
        let refused = |key: &Key| self.engine.report_protection_refused(key);
        let stored = match held {
            Some(held) => memory.put_if(key.clone(), held, entry, now, told, refused),
            None => memory.put_observed(key.clone(), entry, now, told, refused),
        };
        if stored {
            self.mark_stored(key, born);
        }
        if let Some(cost) = too_heavy
            && stored
        {
            self.engine.report_too_heavy(key, cost);
        }
        stored
    }
}

/// A seed that differs for every key and load, so that jitter spreads their lives.
fn seed(key: &Key, born: Timestamp) -> u64 {
    key.hash() ^ born.as_micros().cast_unsigned().rotate_left(32)
}
