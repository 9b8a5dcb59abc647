//! A bound on lives that all regions share, known later than the lives were given.

use std::{fmt, sync::OnceLock};

use cache_core::{Key, Meta, Timestamp};

use super::Engine;

type Bound = dyn Fn(&Key, &Meta) -> Option<Timestamp> + Send + Sync;

/// The bound, if one was set.
#[derive(Default)]
pub(super) struct LifeBound(OnceLock<Box<Bound>>);

impl fmt::Debug for LifeBound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LifeBound").field(&self.0.get().is_some()).finish()
    }
}

impl Engine {
    pub(crate) fn set_life_bound(
        &self,
        bound: impl Fn(&Key, &Meta) -> Option<Timestamp> + Send + Sync + 'static,
    ) -> bool {
        self.life_bound.0.set(Box::new(bound)).is_ok()
    }

    /// Returns the metadata of an entry with its life bounded.
    pub(crate) fn bound_life(&self, key: &Key, meta: Meta) -> Meta {
        match self.life_bound.0.get().and_then(|bound| bound(key, &meta)) {
            Some(at) => meta.stale_by(at),
            None => meta,
        }
    }

    /// Bounds the lives of what memory holds. Returns how many were shortened.
    pub(crate) fn apply_life_bound(&self, concerned: impl Fn(&Key, &Meta) -> bool) -> u64 {
        let Some(bound) = self.life_bound.0.get() else { return 0 };
        self.memory().shorten(|key, meta| if concerned(key, meta) { bound(key, meta) } else { None })
    }
}
