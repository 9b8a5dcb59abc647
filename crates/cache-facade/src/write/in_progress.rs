//! Marks writes in memory for as long as tiers may still hold what came before them.

use std::{sync::Arc, time::Duration};

use cache_core::{Key, Timestamp};

use crate::engine::Engine;

/// The least difference between two births.
pub(crate) const TICK: Duration = Duration::from_micros(1);

/// Writes of which memory refuses all that is older, until this is dropped.
pub(crate) struct WritesInProgress {
    engine: Arc<Engine>,
    keys: Vec<(Key, Timestamp)>,
}

impl WritesInProgress {
    pub(crate) fn new(engine: &Arc<Engine>) -> Self {
        Self { engine: Arc::clone(engine), keys: Vec::new() }
    }

    pub(crate) fn begin(&mut self, key: &Key, born: Timestamp) {
        if self.engine.tiers().is_empty() {
            // Nobody has what came before.
            return;
        }
        self.engine.memory().begin_write(key.clone(), born);
        self.keys.push((key.clone(), born));
    }
}

impl Drop for WritesInProgress {
    fn drop(&mut self) {
        for (key, born) in &self.keys {
            self.engine.memory().end_write(key, *born);
        }
    }
}
