//! What is done in the background: memory is swept, and tiers that failed are tried again.

use std::{
    collections::HashSet,
    pin::pin,
    slice,
    sync::{Arc, Weak},
    time::Duration,
};

use cache_core::{Clock, Tombstone};
use futures_util::{
    future::{Either, select},
    stream::{FuturesUnordered, StreamExt},
};
use tokio::task::yield_now;

use super::{Engine, loops::LoopGuard};
use crate::{
    invalidation::stamps::TagVerdict,
    tier::{handle::TierHandle, replay::Replayed},
    timer,
};

/// How often memory is swept.
pub(super) const SWEEP_INTERVAL: Duration = Duration::from_secs(30);

/// When memory is to be swept before its time, again and again, it is swept once in so many times as long as a
/// sweep takes, and no sooner than after this pause.
const SWEEP_LOAD: u32 = 20;
const MIN_SWEEP_PAUSE: Duration = Duration::from_secs(1);

/// How often tiers that failed are tried again.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

impl Engine {
    /// Sweeps memory, and settles what stamps are pinned, for as long as the cache lives.
    pub(super) async fn sweep_memory(engine: Weak<Self>, clock: Clock, guard: LoopGuard) {
        let Some(due) = engine.upgrade().map(|engine| Arc::clone(&engine.sweep_due)) else { return };
        let mut next = timer::sleep(&clock, SWEEP_INTERVAL);
        loop {
            let is_woken = matches!(select(pin!(next), pin!(due.notified())).await, Either::Right(_));
            let Some(engine) = engine.upgrade().filter(|_| guard.goes_on()) else { return };
            if engine.is_closed() {
                return;
            }
            let began = clock.now();
            engine.memory().sweep_pausing(began, yield_now).await;
            engine.sweep_ended().await;
            // In fallback mode this empties memory once no tier fails any more.
            engine.memory_in_use();
            engine.settle_pins().await;
            if is_woken {
                let pause = (clock.now().since(began) * SWEEP_LOAD).clamp(MIN_SWEEP_PAUSE, SWEEP_INTERVAL);
                drop(engine);
                timer::sleep(&clock, pause).await;
            }
            next = timer::sleep(&clock, SWEEP_INTERVAL);
        }
    }

    /// Lets memory ask which entries have ended otherwise than by age.
    pub(crate) fn judge_memory(self: &Arc<Self>) {
        let engine = Arc::downgrade(self);
        self.memory().judge_by(move |key, meta| {
            let has_ended = |engine: Arc<Self>| {
                let by_tag = engine.stamps().verdict(meta, false) == TagVerdict::Invalidated;
                by_tag || engine.regions().is_cleared(key.kind(), meta.born)
            };
            // Whoever uses memory holds the engine, so that this is not its last reference.
            engine.upgrade().is_some_and(has_ended)
        });
    }

    /// Tells memory that a stamp has ended some entries, so that they make room before others do.
    pub(crate) fn note_ended(&self) {
        if self.memory().note_ended() {
            self.sweep_due.notify_one();
        }
    }

    /// Tries tiers that failed again, and looks whether the clock was set back, for as long as the cache lives. A
    /// tier that takes long to be given what it could not take holds up neither the others nor the rounds.
    pub(super) async fn retry_tiers(engine: Weak<Self>, clock: Clock, guard: LoopGuard) {
        clock.notice_set_back();
        let (mut retries, mut under_way) = (FuturesUnordered::new(), HashSet::new());
        loop {
            let mut next = pin!(timer::sleep(&clock, RETRY_INTERVAL));
            loop {
                if retries.is_empty() {
                    next.as_mut().await;
                    break;
                }
                let Either::Right((done, _)) = select(next.as_mut(), retries.next()).await else { break };
                if let (Some(at), Some(engine)) = (done, engine.upgrade()) {
                    under_way.remove(&at);
                    engine.go_on_once_idle(at);
                }
            }
            let Some(engine) = engine.upgrade().filter(|_| guard.goes_on()) else { return };
            if engine.is_closed() {
                return;
            }
            engine.loops().beat();
            engine.settle_log_sums();
            if let Some(jump) = clock.notice_set_back() {
                tracing::warn!(
                    ?jump,
                    "the system clock was set back: memory is emptied, and tiers serve nothing from before, since nobody can tell how old it is"
                );
                engine.memory().clear();
            }
            engine.tiers().iter().for_each(TierHandle::drop_dead);
            for (at, tier) in engine.tiers().iter().enumerate() {
                if under_way.contains(&at) {
                    continue;
                }
                if tier.is_failing() || tier.has_pending() {
                    under_way.insert(at);
                    let engine = Arc::clone(&engine);
                    retries.push(async move {
                        engine.retry(&engine.tiers()[at]).await;
                        at
                    });
                } else {
                    engine.go_on_once_idle(at);
                }
            }
        }
    }

    /// Goes on with the removals that a tier owes, unless somebody does: in a task of its own, since it may take
    /// long.
    fn go_on_once_idle(self: &Arc<Self>, at: usize) {
        let tier = &self.tiers()[at];
        if !tier.is_failing() && tier.has_idle_walks() {
            self.go_on_with_what_is_owed(at);
        }
    }

    /// Logs how often what has had a line occurred since.
    fn settle_log_sums(&self) {
        let now = self.clock().now();
        self.log_sums().settle(now);
        self.tiers().iter().for_each(|tier| tier.settle_log_sums(now));
        self.bus().into_iter().for_each(|bus| bus.settle_log_sums(now));
    }

    /// Logs at the end of the cache what has had no line yet.
    pub(super) fn finish_log_sums(&self) {
        let now = self.clock().now();
        self.log_sums().finish(now);
        self.tiers().iter().for_each(|tier| tier.finish_log_sums(now));
        self.bus().into_iter().for_each(|bus| bus.finish_log_sums(now));
    }

    /// Probes a tier that failed, and once it works carries out what it could not take.
    pub(super) async fn retry(&self, tier: &TierHandle) {
        if self.bus().is_some() {
            let reminders = tier.reminders(self.clock().now(), self.load_limit());
            if !reminders.is_empty() {
                self.announce(reminders).await;
            }
        }
        let probe = self.stamps().probe_key();
        if tier.is_failing() && !tier.probe(probe).await {
            return;
        }
        if tier.has_pending() {
            let mut changes = Vec::new();
            for replayed in tier.replay(self.load_limit(), probe).await {
                match replayed {
                    Replayed::Done(change) => changes.push(change),
                    Replayed::Outdated(key, born) => {
                        // Memory holds what lost.
                        let now = self.clock().now();
                        self.memory().remove(slice::from_ref(&key), Tombstone { born, dead_at: now }, now);
                    }
                    Replayed::Settled => {}
                }
            }
            if !tier.is_local() {
                // Other nodes may have read what the tier held from before.
                self.announce(changes).await;
            }
        }
    }
}
