//! Telling the other nodes what this one did: in order, numbered, again if need be.

use std::{
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use cache_core::{
    Bus, Clock, Error, ErrorKind, Event, Result,
    message::{Change, Message},
};
use futures_util::future::{Either, select};
use tokio::sync::{Notify, watch};

use crate::{stats::BusStats, tier::handle::Observers, timer};

/// How many changes wait to be sent. Past that they are dropped and a number is left out, by which
/// the others know that they have missed something.
const WAITING: usize = 10_000;

/// How long the bus may take to send or to listen.
const LIMIT: Duration = Duration::from_secs(2);

/// How often a node that has nothing to say says so: the last frame before a silence may be lost too.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(5);

/// This node among those that share its tiers.
#[derive(Debug)]
pub(crate) struct Fleet {
    pub(crate) bus: Arc<dyn Bus>,
    /// This node's number, a new one at each start.
    pub(crate) node: u128,
    pub(crate) namespace: String,
    pub(crate) clock: Clock,
    observers: Observers,
    outbox: Mutex<Outbox>,
    filled: Arc<Notify>,
    /// Up to which change sending was tried.
    tried: watch::Sender<u64>,
    /// Whether the last frame could not be sent.
    mute: AtomicBool,
    /// Whether the others can't be heard.
    pub(crate) deaf: AtomicBool,
    error: Mutex<Option<Error>>,
    pub(crate) counts: Counts,
}

/// What went over the bus.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) sent: AtomicU64,
    pub(crate) heard: AtomicU64,
    pub(crate) unproven: AtomicU64,
    pub(crate) errors: AtomicU64,
}

#[derive(Debug, Default)]
struct Outbox {
    changes: Vec<Change>,
    /// How many changes there ever were.
    ever: u64,
    /// Whether some were dropped since frames were last made of them.
    dropped: bool,
}

impl Fleet {
    pub(crate) fn new(
        bus: Arc<dyn Bus>,
        namespace: Option<&str>,
        clock: Clock,
        observers: Observers,
    ) -> Self {
        Self {
            bus,
            node: fastrand::u128(..),
            namespace: namespace.unwrap_or_default().to_owned(),
            clock,
            observers,
            outbox: Mutex::default(),
            filled: Arc::default(),
            tried: watch::Sender::new(0),
            mute: AtomicBool::new(false),
            deaf: AtomicBool::new(true),
            error: Mutex::new(None),
            counts: Counts::default(),
        }
    }

    /// Says what was done, and waits until that was tried once; not at all while the bus fails.
    pub(crate) async fn announce(&self, changes: impl IntoIterator<Item = Change>) {
        let (ticket, mute) = self.enqueue(changes);
        self.filled.notify_one();
        if !mute {
            // It fails only if the sender is gone, and then nobody sends.
            let _ = self.tried.subscribe().wait_for(|tried| *tried >= ticket).await;
        }
    }

    /// Answers with the number of the last change, and whether the bus fails.
    fn enqueue(&self, changes: impl IntoIterator<Item = Change>) -> (u64, bool) {
        let mut outbox = lock(&self.outbox);
        for change in changes {
            outbox.ever += 1;
            if outbox.changes.len() >= WAITING {
                outbox.changes.clear();
                outbox.dropped = true;
            }
            if !outbox.dropped {
                outbox.changes.push(change);
            }
        }
        (outbox.ever, self.mute.load(Ordering::Relaxed))
    }

    /// The bus fails: nobody waits for it, neither who came before nor who comes from now on.
    fn fall_mute(&self) {
        // Under the lock, so that nobody comes in between.
        let outbox = lock(&self.outbox);
        self.mute.store(true, Ordering::Relaxed);
        self.tried.send_replace(outbox.ever);
    }

    /// Sends what is to be said, for as long as the node lives.
    pub(crate) async fn send(fleet: Weak<Self>) {
        let mut number = 0;
        loop {
            let Some((filled, beat)) = fleet.upgrade().map(|fleet| {
                let span = HEARTBEAT.mul_f64(0.75 + fastrand::f64() * 0.5);
                (Arc::clone(&fleet.filled), timer::sleep(&fleet.clock, span))
            }) else {
                return;
            };
            select(std::pin::pin!(filled.notified()), std::pin::pin!(beat)).await;
            let Some(fleet) = fleet.upgrade() else { return };
            number = fleet.drain(number).await;
        }
    }

    /// Sends what there is, or that there is nothing; answers with the number of the last frame.
    async fn drain(&self, mut number: u64) -> u64 {
        let (changes, ticket, dropped) = {
            let mut outbox = lock(&self.outbox);
            (mem::take(&mut outbox.changes), outbox.ever, mem::take(&mut outbox.dropped))
        };
        let (mut parts, left_out) = Message::split(&self.namespace, changes, self.bus.max_message_len());
        if dropped || !left_out.is_empty() {
            // Left out, for the others to notice.
            number += 1;
        }
        if parts.is_empty() {
            parts.push(Vec::new());
        }
        for changes in parts {
            number += 1;
            let namespace = self.namespace.clone();
            self.see_sent(Message { node: self.node, number, namespace, changes }).await;
        }
        self.tried.send_modify(|tried| *tried = ticket.max(*tried));
        number
    }

    /// Sends a frame under its one number, however often that takes.
    async fn see_sent(&self, frame: Message) {
        let mut pause = Backoff::new();
        while let Err(error) = self.try_send(&frame).await {
            if !error.is_retryable() {
                return self.failed(&error);
            }
            self.failed(&error);
            self.fall_mute();
            timer::sleep(&self.clock, pause.next()).await;
            if lock(&self.outbox).dropped {
                // Too much to be told singly: the number left out tells it all.
                return;
            }
        }
        self.counts.sent.fetch_add(1, Ordering::Relaxed);
        if self.mute.swap(false, Ordering::AcqRel) {
            tracing::info!(bus = self.bus.name(), "other nodes hear of this one again");
        }
    }

    async fn try_send(&self, frame: &Message) -> Result<()> {
        let frame = frame.seal()?;
        self.limited("publish", self.bus.publish(frame)).await
    }

    /// No call of the bus may take longer than its limit.
    pub(crate) async fn limited<T>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let limit = timer::sleep(&self.clock, LIMIT);
        match select(std::pin::pin!(call), std::pin::pin!(limit)).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(_) => {
                let message = format!("the bus {} did not answer within {LIMIT:?}", self.bus.name());
                Err(Error::new(ErrorKind::Timeout, operation, message))
            }
        }
    }

    /// Notes a failure of the bus.
    pub(crate) fn failed(&self, error: &Error) {
        self.counts.errors.fetch_add(1, Ordering::Relaxed);
        if lock(&self.error).replace(error.clone()).is_none() {
            tracing::error!(bus = self.bus.name(), %error, "the bus fails");
        }
        self.observers.tell(&Event::BusFailed { bus: self.bus.name(), error });
    }

    /// Notes that what the others said may have been missed.
    pub(crate) fn note_unproven(&self) {
        self.counts.unproven.fetch_add(1, Ordering::Relaxed);
        self.observers.tell(&Event::Unproven { bus: self.bus.name() });
    }

    pub(crate) fn stats(&self) -> BusStats {
        let Counts { sent, heard, unproven, errors } = &self.counts;
        let broken = self.deaf.load(Ordering::Relaxed) || self.mute.load(Ordering::Relaxed);
        let mut error = lock(&self.error);
        if !broken {
            *error = None;
        }
        BusStats {
            name: self.bus.name(),
            sent: sent.load(Ordering::Relaxed),
            heard: heard.load(Ordering::Relaxed),
            unproven: unproven.load(Ordering::Relaxed),
            errors: errors.load(Ordering::Relaxed),
            connected: !broken,
            error: error.clone(),
        }
    }
}

/// Pauses between attempts: longer each time, and of random length, so that many nodes that lost the
/// same server don't come back at the same moment.
#[derive(Debug)]
pub(crate) struct Backoff(Duration);

impl Backoff {
    const FIRST: Duration = Duration::from_millis(200);
    const LONGEST: Duration = Duration::from_secs(1);

    pub(crate) fn new() -> Self {
        Self(Self::FIRST)
    }

    /// From none to twice the pause that is due.
    pub(crate) fn next(&mut self) -> Duration {
        let pause = self.0.mul_f64(fastrand::f64() * 2.0);
        self.0 = (self.0 * 2).min(Self::LONGEST);
        pause
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_38_pauses_of_many_nodes_are_spread() {
        let mut firsts: Vec<u128> = (0..100).map(|_| Backoff::new().next().as_micros()).collect();
        firsts.sort_unstable();
        let widest = firsts.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
        assert!(firsts[0] < 40_000 && firsts[99] > 360_000 && widest < 60_000, "{firsts:?}");
        let mut one = Backoff::new();
        let later: Vec<Duration> = (0..20).map(|_| one.next()).collect();
        assert!(later.iter().all(|pause| *pause <= 2 * Backoff::LONGEST));
    }
}
