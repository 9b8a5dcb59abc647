//! The observers of a cache, told of each event.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use cache_core::{CacheFigures, Event, LookupKey, Observer};

use crate::panics;

/// The observers of a cache.
#[derive(Clone, Debug, Default)]
pub(crate) struct Observers {
    observers: Arc<[Arc<dyn Observer>]>,
    panics: Arc<AtomicU64>,
}

impl Observers {
    pub(crate) fn new(observers: Vec<Arc<dyn Observer>>) -> Self {
        Self { observers: observers.into(), panics: Arc::default() }
    }

    /// Tells each whom to ask for the cache's own figures.
    pub(crate) fn tell_of_figures(&self, cache: &Weak<dyn CacheFigures>) {
        for observer in &*self.observers {
            let _ = panics::caught_now("observer", || observer.figures_of(Weak::clone(cache)));
        }
    }

    /// Whether there is one.
    pub(crate) fn any(&self) -> bool {
        !self.observers.is_empty()
    }

    /// Tells each observer. One that panics is counted, and keeps nobody from anything.
    pub(crate) fn tell(&self, event: &Event<'_>) {
        for observer in &*self.observers {
            self.tell_one(&**observer, event);
        }
    }

    /// Tells each observer of a hit in memory: by the hash of its key alone those that need no more.
    #[inline]
    pub(crate) fn tell_hit(&self, key: &impl LookupKey) {
        for observer in &*self.observers {
            let counted = catch_unwind(AssertUnwindSafe(|| observer.counts_hit(key.hashed())));
            if !counted.unwrap_or(false)
                && let Ok(key) = key.key()
            {
                self.tell_one(&**observer, &Event::Hit { key: &key, source: "memory", stale: false });
            }
        }
    }

    fn tell_one(&self, observer: &dyn Observer, event: &Event<'_>) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| observer.on(event))) {
            let times = self.panics.fetch_add(1, Ordering::Relaxed) + 1;
            if times.is_power_of_two() {
                let panic = panics::text(&*panic);
                tracing::error!(?event, panic, times, "an observer panicked: the cache goes on");
            }
        }
    }

    /// Returns how often an observer panicked.
    pub(crate) fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }
}
