//! Quotas: how many calls a source still allows, as whoever makes calls that nobody waits for is told.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

type LeftOf = dyn Fn(&str) -> Option<usize> + Send + Sync;

/// Tells how many calls to the source of a kind its quota has left.
#[derive(Clone)]
pub(crate) struct CallsLeft(Arc<LeftOf>);

impl CallsLeft {
    pub(crate) fn new(of: impl Fn(&str) -> Option<usize> + Send + Sync + 'static) -> Self {
        Self(Arc::new(of))
    }

    /// Returns how many are left; `None` if there is no quota, or whoever tells panics.
    pub(crate) fn of(&self, kind: &str) -> Option<usize> {
        catch_unwind(AssertUnwindSafe(|| (self.0)(kind))).ok().flatten()
    }
}
