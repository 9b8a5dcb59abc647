//! How long reads waited that memory could not answer, by where their answer came from.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use cache_core::{Outcome, sync::RwLock};

use super::latency::Durations;

/// The name of answers that the loader brought.
const LOADER: &str = "loader";

/// The waits of reads, by where the answer came from.
#[derive(Debug, Default)]
pub(super) struct AnswerTimes(RwLock<Vec<Arc<AnswersFrom>>>);

/// The waits of reads that one source answered.
#[derive(Debug)]
pub(crate) struct AnswersFrom {
    pub(crate) source: &'static str,
    pub(crate) waits: Durations,
    micros: AtomicU64,
}

impl AnswersFrom {
    /// Returns how long all of them waited together, in microseconds.
    pub(crate) fn total_micros(&self) -> u64 {
        self.micros.load(Ordering::Relaxed)
    }
}

impl AnswerTimes {
    /// Notes how long a read waited that has an answer.
    pub(super) fn note(&self, outcome: Outcome, waited: Duration) {
        let source = match outcome {
            Outcome::Found(source) | Outcome::Stale(source) => source,
            Outcome::Loaded => LOADER,
            _ => return,
        };
        let from = self.from(source);
        from.waits.note(waited);
        let micros = u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
        from.micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// Returns all of them, in the order in which they answered first.
    pub(super) fn all(&self) -> Vec<Arc<AnswersFrom>> {
        self.0.read().clone()
    }

    /// Forgets all of them.
    pub(super) fn clear(&self) {
        self.0.write().clear();
    }

    fn from(&self, source: &'static str) -> Arc<AnswersFrom> {
        let find = |all: &[Arc<AnswersFrom>]| all.iter().find(|from| from.source == source).cloned();
        if let Some(known) = find(&self.0.read()) {
            return known;
        }
        let mut all = self.0.write();
        find(&all).unwrap_or_else(|| {
            let from = AnswersFrom { source, waits: Durations::default(), micros: AtomicU64::new(0) };
            all.push(Arc::new(from));
            Arc::clone(&all[all.len() - 1])
        })
    }
}
