//! Puts to a tier: what it can't take now is stored later, and of what it refuses nothing older is left.

use std::time::Duration;

use cache_core::{Entry, Key, PutOutcome, Result};
use futures_util::future::join_all;

use super::{
    handle::TierHandle,
    unfinished::{Unfinished, Work},
};

/// How many entries of a batch are put at the same time to learn which of them the tier refuses.
const PUTS_AT_ONCE: usize = 16;

/// What becomes of a put that the tier can't take now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WhenAway {
    /// It is stored later.
    Queue,
    /// It is left: it is a copy of what another tier holds.
    Leave,
}

impl TierHandle {
    /// Stores entries, and returns what became of each. What becomes of those that the tier can't take now says
    /// `away`; of those that it refuses nothing older is left to be read. Tombstones last `life` from now.
    pub(crate) async fn put(
        &self,
        entries: &[(Key, Entry)],
        life: Duration,
        away: WhenAway,
    ) -> Vec<PutOutcome> {
        let outcomes = match self.put_or_queue(entries, away).await {
            Ok(outcomes) => outcomes,
            Err(error) if entries.len() == 1 => vec![PutOutcome::Refused(error)],
            // Nobody knows which of them the tier refuses.
            Err(_) => {
                let mut outcomes = Vec::with_capacity(entries.len());
                for part in entries.chunks(PUTS_AT_ONCE) {
                    outcomes.extend(join_all(part.chunks(1).map(|one| self.put_alone(one, away))).await);
                }
                outcomes
            }
        };
        for ((key, entry), outcome) in entries.iter().zip(&outcomes) {
            if let PutOutcome::Refused(error) = outcome {
                self.report_refused(key, error);
                self.end_older(key, entry.meta.born, life).await;
            }
        }
        outcomes
    }

    async fn put_alone(&self, one: &[(Key, Entry)], away: WhenAway) -> PutOutcome {
        let outcome = self.put_or_queue(one, away).await.map(|mut outcomes| outcomes.pop());
        outcome.map_or_else(PutOutcome::Refused, |outcome| outcome.unwrap_or(PutOutcome::Queued))
    }

    /// Stores entries, or does with them what `away` says. Fails if the tier would not take them later either.
    async fn put_or_queue(&self, entries: &[(Key, Entry)], away: WhenAway) -> Result<Vec<PutOutcome>> {
        let work = (away == WhenAway::Queue).then(|| Unfinished::new(self, Work::Put(entries)));
        let outcome = self.try_put(entries).await;
        work.into_iter().for_each(Unfinished::finish);
        match outcome {
            Ok(outcomes) => {
                let taken = entries.iter().zip(&outcomes);
                taken
                    .filter(|(_, outcome)| !matches!(outcome, PutOutcome::Refused(_)))
                    .for_each(|((key, entry), _)| self.retries.done(key, entry.meta.born));
                Ok(outcomes)
            }
            Err(error) if error.is_retryable() => {
                if away == WhenAway::Queue {
                    self.owe_entries(entries);
                }
                Ok(vec![PutOutcome::Queued; entries.len()])
            }
            Err(error) => Err(error),
        }
    }
}
