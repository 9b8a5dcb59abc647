//! A flight's task: memory once more, the tiers in order, then the loader in batches.

use std::{panic::AssertUnwindSafe, sync::Arc};

use cache_core::{Blob, Entry, Error, ErrorKind, Freshness, Key, Loaded, Loader, Request, Result, Timestamp};
use futures_util::{
    FutureExt, StreamExt,
    future::{Either, select},
    stream,
};

use crate::{
    counters::Count,
    flight::Leader,
    glance::Glance,
    lookup::{Found, Source},
    region::{Answer, Cacheable, Region},
    slot::Slot,
    stamps::{self, Verdict},
    timer,
};

/// How many batches of one flight are loaded at once.
const BATCHES_AT_ONCE: usize = 32;

/// How far a flight goes for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Whatever is fresh will do; the loader last.
    Tiers,
    /// A refresh behind a read: what memory had will not do.
    Behind,
    /// The loader alone.
    Loader,
}

/// A key on its flight.
pub(crate) struct Flying<V> {
    pub(crate) leader: Leader<Answer<V>>,
    /// What can be served if the load fails, or is confirmed by "not modified".
    pub(crate) prior: Option<Found<V>>,
}

impl<V: Cacheable> Region<V> {
    /// Brings the answers of `leaders`.
    pub(crate) async fn fly(
        self,
        leaders: Vec<Leader<Answer<V>>>,
        reach: Reach,
        loader: Option<Arc<dyn Loader<V>>>,
    ) {
        let mut flying: Vec<Flying<V>> =
            leaders.into_iter().filter_map(|leader| self.look_again(leader, reach)).collect();
        if reach != Reach::Loader {
            flying = self.search(flying, reach).await;
        }
        let Some(loader) = loader else {
            flying.into_iter().for_each(|flight| self.land_without_loader(flight));
            return;
        };
        if reach != Reach::Loader {
            flying.retain(|flight| !self.land_throttled(flight));
        }
        let mut batches = Vec::new();
        let mut flying = flying.into_iter().peekable();
        while flying.peek().is_some() {
            batches.push(flying.by_ref().take(loader.max_batch().max(1)).collect::<Vec<_>>());
        }
        let load = |batch| self.load(batch, &*loader);
        stream::iter(batches).for_each_concurrent(BATCHES_AT_ONCE, load).await;
    }

    /// Someone may have landed between the caller's look at memory and this flight.
    fn look_again(&self, leader: Leader<Answer<V>>, reach: Reach) -> Option<Flying<V>> {
        let prior = match self.glance(leader.key().as_ref(), self.engine.clock.now()) {
            Glance::Fresh(found) if reach != Reach::Loader => {
                leader.land(Ok(found));
                return None;
            }
            Glance::Due(found) if reach == Reach::Tiers => {
                leader.land(Ok(found));
                return None;
            }
            Glance::Fresh(found) | Glance::Due(found) | Glance::Stale(found) => Some(found),
            Glance::Miss => None,
        };
        Some(Flying { leader, prior })
    }

    /// Asks the tiers in order; answers with those still missing.
    async fn search(&self, mut flying: Vec<Flying<V>>, reach: Reach) -> Vec<Flying<V>> {
        if self.engine.slots.is_empty() || flying.is_empty() || !self.know_clears().await {
            return flying;
        }
        for (depth, slot) in self.engine.slots.iter().enumerate() {
            if flying.is_empty() {
                break;
            }
            if self.policy.skips(slot.name()) {
                continue;
            }
            let keys: Vec<Key> = flying.iter().map(|flight| flight.leader.key().clone()).collect();
            let Ok(entries) = slot.get(&keys).await else { continue };
            self.engine
                .stamps
                .learn(entries.iter().flatten().map(|entry| &entry.meta), &self.engine.slots)
                .await;
            let mut filled = Vec::new();
            let mut missing = Vec::new();
            for (mut flight, entry) in flying.into_iter().zip(entries) {
                let now = self.engine.clock.now();
                let found = entry.as_ref().and_then(|entry| self.judge(slot, &flight, entry, now));
                match (found, entry) {
                    (Some(found), Some(entry)) if self.suffices(&found, reach, now) => {
                        slot.hit(flight.leader.key(), false);
                        self.keep_near(&flight.leader, &found);
                        flight.leader.land(Ok(found));
                        filled.push((flight.leader, entry));
                    }
                    (found, _) => {
                        slot.miss();
                        if let Some(found) = found {
                            flight.leader.flight().offer(Ok(found.clone()));
                            flight.prior = Some(found);
                        }
                        missing.push(flight);
                    }
                }
            }
            self.copy_up(filled, depth);
            flying = missing;
        }
        flying
    }

    fn suffices(&self, found: &Found<V>, reach: Reach, now: Timestamp) -> bool {
        let due = self.due(&found.meta, now);
        found.freshness(now) == Freshness::Fresh && !(reach == Reach::Behind && due)
    }

    /// What a tier's entry is worth: `None` if it is dead, removed, invalidated, unreadable, or no
    /// newer than what is at hand.
    fn judge(&self, slot: &Slot, flight: &Flying<V>, entry: &Entry, now: Timestamp) -> Option<Found<V>> {
        let key = flight.leader.key();
        let meta = &entry.meta;
        let usable = meta.freshness(now) != Freshness::Dead
            // It may have been stored under a longer bound than now holds, and outlive its stamps.
            && now < meta.born.after(self.engine.longest_life)
            && meta.born > self.core.cleared()
            && flight.prior.as_ref().is_none_or(|prior| prior.meta.born < meta.born)
            && self.engine.stamps.verdict(meta, true) == Verdict::Alive
            && !self.engine.memory.refuses(key, meta.born, now);
        if !usable {
            return None;
        }
        let value = match entry.value.as_ref().map(|blob: &Blob| blob.decode::<V>(self.core.schema)) {
            None => None,
            Some(Ok(value)) => Some(Arc::new(value)),
            Some(Err(error)) => {
                slot.corrupt(key, &error);
                return None;
            }
        };
        Some(Found { value, source: Source::Tier(slot.name()), meta: meta.clone() })
    }

    /// Fills the tiers above the one that had the entries, behind the callers' backs.
    fn copy_up(&self, filled: Vec<(Leader<Answer<V>>, Entry)>, depth: usize) {
        if depth == 0 || filled.is_empty() {
            return;
        }
        let region = self.clone();
        self.engine.tasks.spawn(async move {
            let (leaders, entries): (Vec<_>, Vec<_>) = filled
                .into_iter()
                .filter(|(leader, _)| !leader.overtaken())
                .map(|(leader, entry)| {
                    let key = leader.key().clone();
                    (leader, (key, entry))
                })
                .unzip();
            let above = region.engine.slots[..depth].iter().filter(|slot| !region.policy.skips(slot.name()));
            region.engine.write(&entries, above).await;
            drop(leaders);
        });
    }

    /// Whether the clears of earlier processes are known; reads them from the tiers if not.
    async fn know_clears(&self) -> bool {
        use std::sync::atomic::Ordering;
        if self.core.clears_known.load(Ordering::Acquire) {
            return true;
        }
        let stamps = &self.engine.stamps;
        let Ok(kind) = stamps.kind_key(self.core.prefix.kind()) else { return false };
        let Ok(cleared) = stamps::read(&[stamps.all_key().clone(), kind], &self.engine.slots).await else {
            return false;
        };
        for at in cleared {
            crate::engine::Shared::clear(&*self.core, at);
        }
        self.core.clears_known.store(true, Ordering::Release);
        true
    }

    /// Within the pause after a failed load, what is in grace is the answer.
    fn land_throttled(&self, Flying { leader, prior }: &Flying<V>) -> bool {
        let now = self.engine.clock.now();
        match prior {
            Some(prior)
                if self.core.throttle.paused(leader.key().as_ref(), now)
                    && prior.freshness(now) != Freshness::Dead =>
            {
                leader.land(Ok(prior.clone()));
                true
            }
            _ => false,
        }
    }

    fn land_without_loader(&self, Flying { leader, prior }: Flying<V>) {
        let now = self.engine.clock.now();
        let servable = prior.filter(|prior| prior.freshness(now) != Freshness::Dead);
        leader.land(Ok(servable.unwrap_or_else(|| Found {
            value: None,
            source: Source::Nowhere,
            meta: cache_core::Meta::new(now, cache_core::Ttl::NONE),
        })));
    }

    /// Loads one batch. Past the hard timeout its callers get an error, or what is in grace, and the
    /// next caller begins anew; the load may go on for a while, and is kept if nothing newer came.
    async fn load(&self, batch: Vec<Flying<V>>, loader: &dyn Loader<V>) {
        let clock = &self.engine.clock;
        let born = clock.tick();
        let requests: Vec<Request> = batch
            .iter()
            .map(|Flying { leader, prior }| Request {
                key: leader.key().clone(),
                etag: prior.as_ref().and_then(|prior| prior.meta.etag()).map(Into::into),
            })
            .collect();
        self.engine.counters.bump(Count::Load);
        self.engine.counters.add(Count::LoadedKey, batch.len() as u64);
        let load = std::pin::pin!(AssertUnwindSafe(async { loader.load(&requests).await }).catch_unwind());
        let limit = std::pin::pin!(timer::sleep(clock, self.policy.hard_timeout));
        let outcome = match select(load, limit).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(((), load)) => {
                let error = self.timed_out(batch.len());
                for flight in &batch {
                    self.fail(flight, &error);
                    flight.leader.abandon();
                }
                let late = std::pin::pin!(timer::sleep(clock, self.policy.late));
                match select(load, late).await {
                    Either::Left((outcome, _)) => {
                        self.engine.counters.bump(Count::LateLoad);
                        outcome
                    }
                    Either::Right(_) => return,
                }
            }
        };
        let answers = outcome.unwrap_or_else(|panic| Err(self.panicked(&*panic))).and_then(|answers| {
            if answers.len() == requests.len() {
                Ok(answers)
            } else {
                Err(self.miscounted(answers.len(), requests.len()))
            }
        });
        self.tell_load(requests.len(), answers.as_ref().err());
        match answers {
            Err(error) => batch.iter().for_each(|flight| self.fail(flight, &error)),
            Ok(answers) => self.keep(batch, answers, born).await,
        }
    }

    /// Lands what is in grace, or the error.
    pub(crate) fn fail(&self, Flying { leader, prior }: &Flying<V>, error: &Error) {
        self.engine.counters.bump(Count::LoadFailure);
        let now = self.engine.clock.now();
        match prior {
            Some(prior) if prior.freshness(now) != Freshness::Dead && self.alive(&prior.meta) => {
                tracing::warn!(key = %leader.key(), %error, "a load failed; what is in grace is served");
                self.core.throttle.pause(leader.key(), now.after(self.policy.throttle), now);
                leader.land(Ok(prior.clone()));
            }
            _ => leader.land(Err(error.clone())),
        }
    }

    fn tell_load(&self, keys: usize, error: Option<&Error>) {
        let kind = self.core.prefix.kind();
        self.engine.observers.tell(&cache_core::Event::Load { kind, keys, error });
    }

    fn timed_out(&self, keys: usize) -> Error {
        let limit = self.policy.hard_timeout;
        let message =
            format!("{keys} keys of {:?} were not loaded within {limit:?}", self.core.prefix.kind());
        Error::new(ErrorKind::Timeout, "load", message)
    }

    fn panicked(&self, panic: &(dyn std::any::Any + Send)) -> Error {
        let text = panic.downcast_ref::<&str>().copied();
        let text =
            text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
        let message = format!("the loader of {:?} panicked: {text}", self.core.prefix.kind());
        Error::new(ErrorKind::Load, "load", message)
    }

    fn miscounted(&self, answers: usize, requests: usize) -> Error {
        let message =
            format!("the loader of {:?} answered {answers} of {requests} keys", self.core.prefix.kind());
        Error::new(ErrorKind::Load, "load", message)
    }
}

/// What a source said, as a plain result.
pub(crate) fn outcome<V>(loaded: Loaded<V>) -> Result<Loaded<V>> {
    match loaded {
        Loaded::Failed(error) => Err(error),
        loaded => Ok(loaded),
    }
}
