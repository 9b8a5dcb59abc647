//! Removals from a tier: what it can't remove now is removed later, and not served until then.

use std::{slice, time::Duration};

use cache_core::{Key, Result, Target, Timestamp, Tombstone};

use super::{
    handle::TierHandle,
    put::KEYS_PER_CALL,
    unfinished::{Unfinished, Work},
};
use crate::write::in_progress::TICK;

impl TierHandle {
    /// Ends what the tier holds of `key` from before `born`. Returns whether that is done; until it is, the
    /// older is not served.
    pub(crate) async fn end_older(&self, key: &Key, born: Timestamp, life: Duration) -> bool {
        let dead_at = self.clock.now().max(born).after(life);
        let older = Tombstone { born: born.before(TICK), dead_at };
        key.is_reserved() || self.remove(Target::Keys(slice::from_ref(key)), older).await.is_ok()
    }

    /// Removes entries, very many keys in several calls, since the time of a call is limited. What the tier can't
    /// remove now is removed later.
    pub(crate) async fn remove(&self, target: Target<'_>, tombstone: Tombstone) -> Result<u64> {
        // All of them: with a call that is cut short those are that were to follow.
        let unfinished = Unfinished::new(self, Work::Remove(target, tombstone));
        let removed = match target {
            Target::Matching(_) => self.remove_part(target, tombstone).await,
            Target::Keys(keys) => {
                let (mut removed, mut failed) = (0, None);
                for part in keys.chunks(KEYS_PER_CALL) {
                    match self.remove_part(Target::Keys(part), tombstone).await {
                        Ok(count) => removed += count,
                        Err(error) => failed = Some(error),
                    }
                }
                failed.map_or(Ok(removed), Err)
            }
        };
        unfinished.finish();
        removed
    }

    async fn remove_part(&self, target: Target<'_>, tombstone: Tombstone) -> Result<u64> {
        let outcome = self.try_remove(target, tombstone).await;
        match (&outcome, target) {
            (Ok(_), Target::Keys(keys)) => keys.iter().for_each(|key| self.retries.done(key, tombstone.born)),
            (Ok(_), Target::Matching(pattern)) => self.retries.done_matching(pattern, tombstone),
            // Whatever the reason: what was removed must not be served.
            (Err(_), _) => self.owe_removal(target, tombstone),
        }
        outcome
    }
}
