//! The observers of a cache, told of each event.

use std::sync::Arc;

use cache_core::{Event, Observer};

/// The observers of a cache.
#[derive(Clone, Debug, Default)]
pub(crate) struct Observers(Arc<[Arc<dyn Observer>]>);

impl Observers {
    pub(crate) fn new(observers: Vec<Arc<dyn Observer>>) -> Self {
        Self(observers.into())
    }

    pub(crate) fn tell(&self, event: &Event<'_>) {
        self.0.iter().for_each(|observer| observer.on(event));
    }

    /// Whether there is one: who would have to allocate for an event asks first.
    #[inline]
    pub(crate) fn any(&self) -> bool {
        !self.0.is_empty()
    }
}
