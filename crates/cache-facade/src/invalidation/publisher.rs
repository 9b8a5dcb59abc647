//! Publishes to the other nodes what this one did: in order, numbered, and again if need be.

use std::{
    mem,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use cache_core::{
    Result,
    message::{Change, Message},
    sync::Mutex,
};
use futures_util::future::select;
use tokio::sync::{Notify, watch};

use super::bus_client::{BusClient, CALL_LIMIT, backoff};
use crate::{engine::loops::LoopGuard, timer};

/// How many changes wait to be published. Past that they are dropped and a number is left out, which tells
/// the other nodes that they have missed something.
const MAX_QUEUED_CHANGES: usize = 10_000;

/// How often a node without changes publishes an empty message: without it, nobody would notice that the
/// last message before a silence was lost.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(5);

/// The changes that wait to be published.
#[derive(Debug)]
pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    filled: Arc<Notify>,
    /// The number of the last change that was attempted to publish.
    attempted: watch::Sender<u64>,
    /// Whether the last message could not be published.
    failing: AtomicBool,
    /// The number of the last message.
    numbers: AtomicU64,
}

#[derive(Debug, Default)]
struct Queue {
    changes: Vec<Change>,
    /// How many changes there ever were.
    total: u64,
    /// Whether some were dropped since messages were last made of them.
    dropped: bool,
}

impl Default for Outbox {
    fn default() -> Self {
        Self {
            queue: Mutex::default(),
            filled: Arc::default(),
            attempted: watch::Sender::new(0),
            failing: AtomicBool::new(false),
            numbers: AtomicU64::new(0),
        }
    }
}

impl Outbox {
    pub(super) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    /// Returns the number of the last change, and whether the bus fails.
    fn enqueue(&self, changes: impl IntoIterator<Item = Change>) -> (u64, bool) {
        let mut queue = self.queue.lock();
        for change in changes {
            queue.total += 1;
            if queue.changes.len() >= MAX_QUEUED_CHANGES {
                queue.changes.clear();
                queue.dropped = true;
            }
            if !queue.dropped {
                queue.changes.push(change);
            }
        }
        (queue.total, self.is_failing())
    }

    /// Notes that the bus fails: from now on nobody waits for it, and those who wait go on.
    fn set_failing(&self) {
        // Under the lock, so that no change is enqueued in between.
        let queue = self.queue.lock();
        self.failing.store(true, Ordering::Relaxed);
        self.attempted.send_replace(queue.total);
    }
}

impl BusClient {
    /// Publishes changes, and waits until that was attempted once. While the bus fails, it does not wait.
    pub(crate) async fn announce(&self, changes: impl IntoIterator<Item = Change>) {
        let (number, failing) = self.outbox.enqueue(changes);
        self.outbox.filled.notify_one();
        if !failing {
            let mut attempted = self.outbox.attempted.subscribe();
            let attempt = attempted.wait_for(|attempted| *attempted >= number);
            // Whoever publishes may stand still with a runtime.
            let limit = timer::sleep(&self.clock, CALL_LIMIT);
            select(std::pin::pin!(attempt), std::pin::pin!(limit)).await;
        }
    }

    /// Has a message published now, be it an empty one.
    pub(super) fn probe(&self) {
        self.outbox.filled.notify_one();
    }

    /// Publishes what is enqueued, for as long as the client lives.
    pub(crate) async fn publish_queued(client: Weak<Self>, guard: LoopGuard) {
        while guard.goes_on() {
            let Some((filled, heartbeat)) = client.upgrade().map(|client| {
                let span = HEARTBEAT.mul_f64(0.75 + fastrand::f64() * 0.5);
                (Arc::clone(&client.outbox.filled), timer::sleep(&client.clock, span))
            }) else {
                return;
            };
            select(std::pin::pin!(filled.notified()), std::pin::pin!(heartbeat)).await;
            let Some(client) = client.upgrade() else { return };
            client.drain().await;
        }
    }

    /// Publishes what is enqueued, or an empty message.
    async fn drain(&self) {
        let next = || self.outbox.numbers.fetch_add(1, Ordering::Relaxed) + 1;
        let (changes, last, dropped) = {
            let mut queue = self.outbox.queue.lock();
            (mem::take(&mut queue.changes), queue.total, mem::take(&mut queue.dropped))
        };
        let (mut parts, too_long) = Message::split(&self.namespace, changes, self.bus.max_message_len());
        if dropped || !too_long.is_empty() {
            // A number is left out, for the others to notice.
            next();
        }
        if parts.is_empty() {
            parts.push(Vec::new());
        }
        for changes in parts {
            let (number, namespace) = (next(), self.namespace.clone());
            self.publish_until_sent(Message { node: self.node, number, namespace, changes }).await;
        }
        self.outbox.attempted.send_modify(|attempted| *attempted = last.max(*attempted));
    }

    /// Publishes a message under its one number, however many attempts that takes.
    async fn publish_until_sent(&self, message: Message) {
        let mut backoff = backoff();
        while let Err(error) = self.try_publish(&message).await {
            self.note_failure(&error);
            if !error.is_retryable() {
                return;
            }
            self.outbox.set_failing();
            timer::sleep(&self.clock, backoff.pause()).await;
            if self.outbox.queue.lock().dropped {
                // There are too many changes to publish each: the number left out stands for all of them.
                return;
            }
        }
        self.note_sent();
        if self.outbox.failing.swap(false, Ordering::AcqRel) {
            self.note_recovery();
        }
    }

    async fn try_publish(&self, message: &Message) -> Result<()> {
        let bytes = message.seal()?;
        self.limited("publish", async { self.bus.publish(bytes).await }).await
    }
}
