//! A quota that holds for a fleet of nodes and over restarts: calls are counted in a store that the nodes share.

mod known;
mod ledger;
mod share;
mod span_calls;
#[cfg(test)]
mod tests;

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    sync::{
        Arc, Weak,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use cache_core::{Error, ErrorKind, QuotaStore, Result, Timestamp, sync::Mutex};
use tokio::task::JoinHandle;

use self::{
    known::{Known, Told},
    ledger::{Ledger, Limit},
    span_calls::micros,
};
use super::{
    gate::NotAdmitted,
    usage::{QuotaCounter, QuotaReport},
};
use crate::monotonic_clock::MonotonicClock;

/// How long a store may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often a node looks at the record though it makes no calls: it would tell if calls were lost.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often a node tries to change the record before it leaves that to others for a moment.
const ATTEMPTS: u32 = 10;

/// The most calls that are granted at once, to as many callers that wait.
const MAX_GRANTED: u32 = 64;

/// The quota of one provider, as all nodes count it together.
#[derive(Debug)]
pub(super) struct SharedQuota {
    store: Arc<dyn QuotaStore>,
    provider: Arc<str>,
    /// A name that no other process has.
    node: String,
    limits: Vec<Limit>,
    time: MonotonicClock,
    /// Whose turn it is to ask the store: who waits meanwhile is granted a call along.
    turn: tokio::sync::Mutex<()>,
    waiting: AtomicU32,
    known: Mutex<Known>,
    upkeep: Mutex<Option<JoinHandle<()>>>,
}

impl SharedQuota {
    pub(super) fn new(
        store: Arc<dyn QuotaStore>,
        provider: Arc<str>,
        limits: Vec<Limit>,
        time: MonotonicClock,
    ) -> Arc<Self> {
        let known = Mutex::new(Known::new(&limits));
        let (turn, waiting, upkeep) = (tokio::sync::Mutex::new(()), AtomicU32::new(0), Mutex::new(None));
        let node = format!("{:016x}", random());
        Arc::new(Self { store, provider, node, limits, time, turn, waiting, known, upkeep })
    }

    /// Takes a call, which has to go out at once.
    ///
    /// # Errors
    ///
    /// If none may be made now.
    pub(super) async fn take(self: &Arc<Self>) -> std::result::Result<(), NotAdmitted> {
        self.keep_up();
        if let Some(outcome) = self.at_hand() {
            return outcome;
        }
        let waiting = Waiting::of(&self.waiting);
        let turn = self.turn.lock().await;
        // Once in vain, if what was granted came too late to be used.
        for _ in 0..2 {
            if let Some(outcome) = self.at_hand() {
                return outcome;
            }
            self.exchange(self.waiting.load(Ordering::Relaxed).clamp(1, MAX_GRANTED)).await;
        }
        let outcome = self.at_hand();
        drop((turn, waiting));
        outcome.unwrap_or_else(|| {
            let until = self.time.now().after(Duration::from_millis(100));
            Err(NotAdmitted { until, why: "its calls are being counted by many at once".into() })
        })
    }

    /// Returns how each quota stood when that was last asked for.
    pub(super) fn reports(&self) -> Vec<QuotaReport> {
        self.known.lock().reports.clone()
    }

    /// Returns who counts, and what this node knows of it.
    pub(super) fn counter(&self) -> QuotaCounter {
        let (known, now) = (self.known.lock(), self.time.now());
        let held = known.share.held(now);
        let share = self.limits.iter().filter_map(|limit| Some((held[ledger::place_of(limit)?], limit.1)));
        QuotaCounter {
            store: self.store.name(),
            is_shared: self.store.is_shared(),
            nodes: known.nodes,
            share: share.collect(),
            unreachable: known.unreachable.as_ref().map(|(since, why)| (*since, why.to_string())),
        }
    }

    /// Returns what is known without asking the store.
    fn at_hand(&self) -> Option<std::result::Result<(), NotAdmitted>> {
        self.known.lock().at_hand(&self.limits, self.time.now())
    }

    /// Asks the store for so many calls, and learns how things stand.
    async fn exchange(&self, calls: u32) {
        for attempt in 0..ATTEMPTS {
            let sent = self.time.now();
            match self.time.within(PATIENCE, self.step(calls, sent)).await {
                None => {
                    let message = format!("{} did not answer within {PATIENCE:?}", self.store.name());
                    return self.lost(&Error::new(ErrorKind::Timeout, "count calls", message));
                }
                Some(Err(error)) => return self.lost(&error),
                Some(Ok(Some(told))) => return self.learn(told, sent),
                // Another node was faster: after a pause of its own, so that they don't meet again.
                Some(Ok(None)) => {
                    let pause = random() % (1 << attempt.min(5));
                    self.time.sleep(Duration::from_millis(pause)).await;
                }
            }
        }
    }

    /// Reads the record, and replaces it if something has changed. Returns `None` if another was faster.
    async fn step(&self, calls: u32, sent: Timestamp) -> Result<Option<Told>> {
        let snapshot = self.store.read(&self.provider).await;
        let (memory, held, valid, alone) = {
            let known = self.known.lock();
            (known.memory, known.share.held(sent), known.valid, known.alone.clone())
        };
        let is_shared = self.store.is_shared();
        let (mut ledger, set_back, expected, run, failed) = match (snapshot, alone) {
            // Nobody else counts there: what this node knows is all there is, whether or not it can be written.
            (snapshot, Some((mut ledger, at))) => {
                ledger.pass(micros(sent.since(at)));
                let failed = snapshot.as_ref().err().cloned();
                let version = snapshot.ok().and_then(|snapshot| snapshot.record).map(|(version, _)| version);
                (ledger, false, version, None, failed)
            }
            (Err(error), None) => return Err(error),
            (Ok(snapshot), None) => {
                let (version, record) = snapshot.record.unzip();
                let now = snapshot.now.as_micros();
                let (ledger, set_back) = Ledger::read(record.as_deref(), random(), now, is_shared);
                (ledger, set_back, version, snapshot.run, None)
            }
        };
        let mut changed = ledger.compare(memory, run.as_deref()) || set_back || expected.is_none();
        let (mut shares, mut confirmed) = (held, false);
        if is_shared && ledger.is_due(&self.node, held, &self.limits) {
            shares = ledger.keep(&self.node, held, &self.limits);
            (changed, confirmed) = (true, true);
        }
        let outcome = if calls > 0 { ledger.grant(calls, &self.limits, valid) } else { Ok(0) };
        changed |= outcome.as_ref().is_ok_and(|granted| *granted > 0);
        let mut told = Told {
            outcome,
            valid,
            shares,
            wanted: ledger.wanted(&self.node, &self.limits),
            confirmed,
            nodes: ledger.nodes(&self.node),
            memory: ledger.memory(),
            reports: ledger.report(&self.limits),
            alone: None,
            failed,
        };
        if changed {
            ledger.change();
            told.memory = ledger.memory();
            if told.failed.is_none() {
                let (version, record) = (ledger.version(random()), ledger.record());
                let replaced = self.store.replace(&self.provider, expected.as_deref(), &version, &record);
                match replaced.await {
                    Ok(true) => {}
                    Ok(false) => return Ok(None),
                    Err(error) if is_shared => return Err(error),
                    Err(error) => told.failed = Some(error),
                }
            }
        }
        told.alone = (!is_shared).then_some((ledger, sent));
        Ok(Some(told))
    }

    fn learn(&self, told: Told, sent: Timestamp) {
        let (now, failed) = (self.time.now(), told.failed.clone());
        let was_unreachable = {
            let mut known = self.known.lock();
            known.learn(told, sent, now);
            if failed.is_none() { known.unreachable.take() } else { None }
        };
        if let Some(error) = failed {
            self.lost(&error);
        } else if let Some((since, _)) = was_unreachable {
            let (provider, store) = (&*self.provider, self.store.name());
            let seconds = self.time.wall_now().since(since).as_secs();
            tracing::info!(
                provider,
                store,
                seconds,
                "quota counter reachable again: calls are counted there"
            );
        }
    }

    /// Remembers that the store can't be reached, and says so once.
    fn lost(&self, error: &Error) {
        let (provider, store) = (&*self.provider, self.store.name());
        {
            let mut known = self.known.lock();
            let is_new = known.unreachable.is_none();
            let since = known.unreachable.take().map_or_else(|| self.time.wall_now(), |(since, _)| since);
            known.unreachable = Some((since, error.clone()));
            if !is_new {
                return;
            }
        }
        let calls: Vec<String> = self
            .counter()
            .share
            .iter()
            .map(|(calls, span)| format!("{calls} in {} s", span.as_secs()))
            .collect();
        let share = calls.join(", ");
        let kept = if self.store.is_shared() {
            "keeping to this node's share of calls"
        } else {
            "counting in memory"
        };
        tracing::warn!(provider, store, %error, share, "quota counter unreachable: {kept}");
    }

    /// Begins to look at the record from time to time, unless that is under way.
    fn keep_up(self: &Arc<Self>) {
        if !self.store.is_shared() {
            return;
        }
        let mut upkeep = self.upkeep.lock();
        if upkeep.as_ref().is_none_or(JoinHandle::is_finished) {
            *upkeep = Some(tokio::spawn(look(Arc::downgrade(self), self.time.clone())));
        }
    }
}

/// Looks at the record every second until the quota is dropped.
async fn look(of: Weak<SharedQuota>, time: MonotonicClock) {
    loop {
        time.sleep(LOOK_EVERY).await;
        let Some(quota) = of.upgrade() else { return };
        let _turn = quota.turn.lock().await;
        quota.exchange(0).await;
    }
}

/// A caller that waits for its turn.
struct Waiting<'a>(&'a AtomicU32);

impl<'a> Waiting<'a> {
    fn of(waiting: &'a AtomicU32) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
