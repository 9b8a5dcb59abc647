//! Reads that a loader makes within a coalesced call: they must not wait for the call that waits for them.
//!
//! A task-local says in whose call a task is, and goes along with the fetches that the call's reads begin. A
//! load that is begun in a call of its own region goes at once instead of being gathered, and a call that
//! waits for a read is not under way, so that a batch which the read needs waits for no longer than others.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicIsize, Ordering},
    },
};

tokio::task_local! {
    /// The call that this task is in.
    static CURRENT: Option<Arc<Call>>;
}

/// How many calls of one loader are under way, without those that wait for a read. Below zero for a moment
/// while a call that waits ends.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calls(Arc<AtomicIsize>);

/// A call of a loader.
#[derive(Debug)]
pub(crate) struct Call {
    calls: Calls,
    /// For how many reads it waits.
    reads: AtomicIsize,
}

impl Calls {
    /// Whether any is under way.
    pub(crate) fn any(&self) -> bool {
        self.0.load(Ordering::Acquire) > 0
    }

    /// Counts a call for as long as it takes.
    pub(crate) async fn make<T>(&self, call: impl Future<Output = T>) -> T {
        let _counted = Counted::new(&self.0);
        let current = Arc::new(Call { calls: self.clone(), reads: AtomicIsize::new(0) });
        CURRENT.scope(Some(current), call).await
    }

    /// Whether this task is in one of these calls.
    pub(crate) fn are_around(&self) -> bool {
        current().is_some_and(|call| Arc::ptr_eq(&call.calls.0, &self.0))
    }
}

/// Returns the call that this task is in.
pub(crate) fn current() -> Option<Arc<Call>> {
    CURRENT.try_with(Clone::clone).ok().flatten()
}

/// Runs work that a call began in a task of its own.
pub(crate) fn within<F: Future>(call: Option<Arc<Call>>, work: F) -> impl Future<Output = F::Output> {
    CURRENT.scope(call, work)
}

/// Says that the call which this task is in waits for a read, until this is dropped.
pub(crate) fn waiting() -> Option<Waiting> {
    current().map(|call| {
        if call.reads.fetch_add(1, Ordering::AcqRel) == 0 {
            call.calls.0.fetch_sub(1, Ordering::AcqRel);
        }
        Waiting(call)
    })
}

/// A read that a call waits for.
pub(crate) struct Waiting(Arc<Call>);

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.0.reads.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.calls.0.fetch_add(1, Ordering::AcqRel);
        }
    }
}

/// A call that is counted, until this is dropped.
struct Counted<'a>(&'a AtomicIsize);

impl<'a> Counted<'a> {
    fn new(calls: &'a AtomicIsize) -> Self {
        calls.fetch_add(1, Ordering::AcqRel);
        Self(calls)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
