//! What waits for its turn goes as soon as a call ends, whoever made the call.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Wake, Waker},
};

use cache_core::sync::Mutex;
use cache_warming::Priority;
use futures_util::FutureExt;

use crate::source::{Fixture, Source, key, seconds, settle};

/// A task that runs wherever it is woken, before the wake-up returns: as one on another thread that is quick.
struct AtOnce {
    task: Mutex<Pin<Box<dyn Future<Output = ()> + Send>>>,
    is_running: AtomicBool,
    is_woken: AtomicBool,
}

impl AtOnce {
    fn start(task: impl Future<Output = ()> + Send + 'static) {
        let task = Mutex::new(Box::pin(task) as _);
        Arc::new(Self { task, is_running: AtomicBool::new(false), is_woken: AtomicBool::new(false) }).wake();
    }
}

impl Wake for AtOnce {
    fn wake(self: Arc<Self>) {
        self.is_woken.store(true, Ordering::SeqCst);
        // What it wakes itself for is done below.
        if self.is_running.swap(true, Ordering::SeqCst) {
            return;
        }
        let waker = Waker::from(self.clone());
        while self.is_woken.swap(false, Ordering::SeqCst) {
            let _ = self.task.lock().as_mut().poll(&mut Context::from_waker(&waker));
        }
        self.is_running.store(false, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_loop_that_is_woken_by_the_end_of_a_batch_may_send_the_next_one() {
    let at = Fixture::new(|builder| builder.concurrency(1));
    let other = Source::new("price", 10, &at.clock);
    at.scheduler.register("polygon", other.clone()).unwrap();
    let scheduler = at.scheduler.clone();
    AtOnce::start(async move { scheduler.run().await });
    at.source.script.lock().takes = seconds(5);
    at.schedule("flushed", Priority::Low);
    let mut flush = Box::pin(at.scheduler.flush_pending());
    assert!((&mut flush).now_or_never().is_none());
    at.scheduler.schedule_update(&key("AAPL"), "polygon", Priority::Critical).unwrap();
    assert!(other.calls().is_empty(), "one call at a time");
    at.clock.advance(seconds(5));
    assert_eq!((&mut flush).now_or_never().map(|flushed| flushed.updated), Some(1));
    assert_eq!(other.calls(), [["AAPL"]]);
}

#[tokio::test]
async fn a_flush_that_is_dropped_when_its_turn_has_come_leaves_it_to_the_loop() {
    let at = Fixture::new(|builder| builder.concurrency(1));
    let others = ["b", "c"].map(|name| (name, Source::new("price", 10, &at.clock)));
    for (name, source) in &others {
        at.scheduler.register(name, source.clone()).unwrap();
    }
    let _running = at.scheduler.start().unwrap();
    at.source.script.lock().takes = seconds(5);
    at.schedule("first", Priority::Critical);
    settle().await;
    at.scheduler.schedule_update(&key("flushed"), "b", Priority::Low).unwrap();
    let mut flush = Box::pin(at.scheduler.flush_pending());
    assert!((&mut flush).now_or_never().is_none());
    at.scheduler.schedule_update(&key("AAPL"), "c", Priority::Critical).unwrap();
    at.advance(seconds(5)).await;
    assert_eq!(at.scheduler.stats().updated, 1, "the turn is the flush's");
    drop(flush);
    settle().await;
    assert_eq!(others[1].1.calls(), [["AAPL"]]);
}
