//! Functions that can't say that something failed: their callers share one run, however long it takes or it ends.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use cache_facade::{Cache, Clock, cached};
use tokio::sync::Notify;

/// Lets everything go on as far as it can.
async fn settle() {
    for _ in 0..500 {
        tokio::task::yield_now().await;
    }
}

#[derive(Clone, Debug)]
struct Source {
    cache: Cache,
    runs: Arc<AtomicUsize>,
    gate: Arc<Notify>,
}

impl Source {
    async fn new(clock: &Clock) -> Self {
        let cache = Cache::builder().clock(clock.clone()).build().await.unwrap();
        Self { cache, runs: Arc::default(), gate: Arc::default() }
    }

    #[cached(region = "slow", key = "{id}")]
    async fn slow(&self, id: u64) -> usize {
        let run = self.runs.fetch_add(1, SeqCst) + 1;
        self.gate.notified().await;
        run * usize::from(id == 1)
    }

    #[cached(region = "panicking", key = "{id}")]
    async fn panicking(&self, id: u64) -> usize {
        self.runs.fetch_add(1, SeqCst);
        self.gate.notified().await;
        panic!("no answer to {id}")
    }
}

#[tokio::test]
async fn rule_108_fifty_callers_of_a_slow_function_are_one_run() {
    let clock = Clock::manual();
    let source = Source::new(&clock).await;
    let call = |source: Source| tokio::spawn(async move { source.slow(1).await });
    let callers: Vec<_> = (0..50).map(|_| call(source.clone())).collect();
    settle().await;
    // Past the hard timeout, and past the time in which a load may come late.
    for _ in 0..20 {
        clock.advance(Duration::from_secs(60));
        settle().await;
    }
    let late = call(source.clone());
    settle().await;
    assert_eq!(source.runs.load(SeqCst), 1);
    source.gate.notify_one();
    for caller in callers.into_iter().chain([late]) {
        assert_eq!(caller.await.unwrap(), 1);
    }
    assert_eq!(source.runs.load(SeqCst), 1);
}

#[tokio::test]
async fn rule_108_fifty_callers_of_a_function_that_panics_are_one_run() {
    let clock = Clock::manual();
    let source = Source::new(&clock).await;
    let call = |source: Source| tokio::spawn(async move { source.panicking(7).await });
    let callers: Vec<_> = (0..50).map(|_| call(source.clone())).collect();
    settle().await;
    source.gate.notify_one();
    for caller in callers {
        let panic = caller.await.unwrap_err().into_panic();
        assert_eq!(panic.downcast_ref::<String>().map(String::as_str), Some("no answer to 7"));
    }
    assert_eq!(source.runs.load(SeqCst), 1);
    // The next caller begins anew.
    let next = call(source.clone());
    settle().await;
    source.gate.notify_one();
    assert!(next.await.unwrap_err().is_panic());
    assert_eq!(source.runs.load(SeqCst), 2);
}
