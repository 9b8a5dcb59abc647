//! Publishes to the other nodes what this one did: in order, numbered, and again if need be.

use std::{
    mem,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
    vec,
};

use cache_core::{
    Result,
    message::{Change, Message},
    sync::Mutex,
};
use futures_util::future::{Either, select};
use tokio::sync::{Notify, watch};

use super::bus_client::{BusClient, CALL_LIMIT, backoff};
use crate::{engine::loops::LoopGuard, timer};

/// How many changes wait to be published. Whoever has more waits while the bus takes them; if it takes none, they
/// are dropped and a number is left out, which tells the other nodes that they have missed something.
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

    /// Enqueues as many as there is room for, or while the bus fails or is `overdue` all of them: those that are
    /// too many are dropped then. Returns the number of the last change, and whether the bus fails.
    fn enqueue(&self, changes: &mut vec::IntoIter<Change>, overdue: bool) -> (u64, bool) {
        let mut queue = self.queue.lock();
        // Under the lock, as it is set.
        let failing = self.is_failing();
        while failing || overdue || queue.dropped || queue.changes.len() < MAX_QUEUED_CHANGES {
            let Some(change) = changes.next() else { break };
            queue.total += 1;
            if queue.changes.len() >= MAX_QUEUED_CHANGES {
                queue.changes.clear();
                queue.dropped = true;
            }
            if !queue.dropped {
                queue.changes.push(change);
            }
        }
        (queue.total, failing)
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
    /// Publishes changes, and waits until that was attempted once: of more than are queued, for as long as the bus
    /// takes some. While the bus fails, it does not wait.
    pub(crate) async fn announce(&self, changes: impl IntoIterator<Item = Change>) {
        let mut changes = changes.into_iter().collect::<Vec<_>>().into_iter();
        let mut attempted = self.outbox.attempted.subscribe();
        let mut overdue = false;
        loop {
            let reached = *attempted.borrow_and_update();
            let (number, failing) = self.outbox.enqueue(&mut changes, overdue);
            self.outbox.filled.notify_one();
            let all = changes.len() == 0;
            if failing || overdue && all {
                return;
            }
            let goal = if all { number } else { reached + 1 };
            let attempt = attempted.wait_for(|attempted| *attempted >= goal);
            // Whoever publishes may stand still with a runtime.
            let limit = timer::sleep(&self.clock, CALL_LIMIT);
            overdue =
                matches!(select(std::pin::pin!(attempt), std::pin::pin!(limit)).await, Either::Right(_));
            if all {
                return;
            }
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
        let message =
            |changes| Message { node: self.node, number: next(), namespace: self.namespace.clone(), changes };
        let (changes, last, dropped) = {
            let mut queue = self.outbox.queue.lock();
            (mem::take(&mut queue.changes), queue.total, mem::take(&mut queue.dropped))
        };
        let (mut parts, too_long) = Message::split(&self.namespace, changes, self.bus.max_message_len());
        if dropped || !too_long.is_empty() {
            if self.outbox.numbers.load(Ordering::Relaxed) == 0 {
                // Who never heard of this node would not miss a number.
                self.publish_until_sent(message(Vec::new())).await;
            }
            // A number is left out, for the others to notice.
            next();
        }
        if parts.is_empty() {
            parts.push(Vec::new());
        }
        let mut left: u64 = parts.iter().map(|changes| changes.len() as u64).sum();
        for changes in parts {
            left -= changes.len() as u64;
            self.publish_until_sent(message(changes)).await;
            // Those who have more to say wait for room.
            let reached = last.saturating_sub(left);
            self.outbox.attempted.send_modify(|attempted| *attempted = reached.max(*attempted));
        }
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
