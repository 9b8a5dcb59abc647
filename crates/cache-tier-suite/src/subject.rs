//! The tier under test, and running one rule on it.

use std::{any::Any, fmt};

use cache_core::{Clock, Tier};
use tokio::runtime::Builder;

/// A tier under test with its clock, and whatever has to live as long, such as a temporary folder.
pub struct Subject {
    tier: Box<dyn Tier>,
    clock: Clock,
    _guard: Box<dyn Any + Send>,
}

impl Subject {
    /// A subject of an empty tier, the manual clock that the tier was given, and a `guard` that is dropped
    /// after the tier.
    pub fn new(tier: impl Tier, clock: Clock, guard: impl Any + Send) -> Self {
        Self { tier: Box::new(tier), clock, _guard: Box::new(guard) }
    }

    /// The tier.
    #[must_use]
    pub fn tier(&self) -> &dyn Tier {
        &*self.tier
    }

    /// The clock that the tier goes by.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject").field("tier", &self.tier).finish_non_exhaustive()
    }
}

/// Runs one of the [`rules`](crate::rules) on a new subject, on a runtime of its own with two worker threads.
///
/// # Panics
///
/// If the rule does not hold, and if no runtime can be started.
pub fn check(factory: impl AsyncFnOnce() -> Subject, rule: impl AsyncFnOnce(&dyn Tier, &Clock)) {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let subject = factory().await;
        rule(subject.tier(), subject.clock()).await;
    });
}
