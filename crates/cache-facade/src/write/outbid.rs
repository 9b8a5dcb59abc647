//! What becomes of entries that lost in a tier: a put is made again, later born; else what won is held.

use std::{slice, sync::Arc, time::Duration};

use cache_core::{Entry, Key, Target, Tombstone};
use futures_util::future::join_all;

use super::{in_progress::WritesInProgress, put::Written};
use crate::{
    engine::Engine,
    region::{Cacheable, Region},
    tier::handle::TierHandle,
};

/// How often a put is made again at most.
pub(super) const MAX_OUTBIDS: u32 = 10;

/// How far ahead at most. What is born a minute ahead nobody else would serve.
const MOST_AHEAD: Duration = Duration::from_secs(55);

impl<V: Cacheable> Region<V> {
    /// Puts again what lost in a tier against another node's write, which came before: the tier had it already.
    /// Its birth was later since the clocks of the nodes differ. What this node itself wrote later stays.
    pub(super) async fn outbid(
        &self,
        entries: &mut [(Key, Entry)],
        values: &[Arc<V>],
        written: &mut [Written],
        in_progress: &mut WritesInProgress,
    ) {
        let (engine, policy) = (&self.engine, &self.policy);
        let mut lost = Vec::new();
        for attempt in 0..MAX_OUTBIDS {
            // Looking what won makes the clock run past its birth.
            lost = engine.lost(entries, written, engine.tiers_for(policy)).await;
            let is_ours = |at: &usize| {
                let (key, entry) = &entries[*at];
                engine.local_writes().is_latest(key, entry.meta.born)
            };
            let again: Vec<usize> = lost.iter().copied().filter(is_ours).collect();
            if again.is_empty() {
                break;
            }
            for &at in &again {
                let (key, entry) = &mut entries[at];
                engine.run_ahead(attempt);
                entry.meta.born = engine.clock().tick();
                engine.local_writes().note(key, entry.meta.born);
                in_progress.begin(key, entry.meta.born);
                self.store_in_memory(key, Some(Arc::clone(&values[at])), entry.meta.clone());
            }
            let subset: Vec<(Key, Entry)> = again.iter().map(|at| entries[*at].clone()).collect();
            let rewritten = engine.write(&subset, engine.tiers_for(policy)).await;
            for (at, outcome) in again.iter().zip(rewritten) {
                written[*at] = outcome;
            }
            lost.retain(|at| !written[*at].outdated_in.is_empty());
        }
        engine.let_go(entries, &lost);
    }
}

impl<V: Cacheable> Region<V> {
    /// Withdraws entries that lost in a tier from wherever they are, and leaves what won. Returns whether there
    /// were any.
    pub(super) async fn withdraw_lost(&self, entries: &[(Key, Entry)], written: &[Written]) -> bool {
        let engine = &self.engine;
        let lost = engine.lost(entries, written, engine.tiers_for(&self.policy)).await;
        engine.let_go(entries, &lost);
        for at in &lost {
            let ((key, entry), Written { outdated_in, .. }) = (&entries[*at], &written[*at]);
            let taken = |tier: &&TierHandle| !outdated_in.contains(&tier.name());
            let tombstone = engine.tombstone_born(entry.meta.born);
            let removals = engine.tiers_for(&self.policy).filter(taken);
            join_all(removals.map(|tier| tier.remove(Target::Keys(slice::from_ref(key)), tombstone))).await;
        }
        !lost.is_empty()
    }
}

impl Engine {
    /// Makes what is put next win over something whose birth nobody tells, such as a tombstone's: it is tried
    /// further and further ahead.
    pub(super) fn run_ahead(&self, attempt: u32) {
        let ahead = Duration::from_millis(if attempt == 0 { 0 } else { 1 << (2 * (attempt - 1)) });
        self.clock().observe(self.clock().now().after(ahead.min(MOST_AHEAD)));
    }

    /// Returns which of the entries that some tier refused did lose: not those that a tier holds already, as after
    /// a call that was repeated.
    async fn lost<'a>(
        &self,
        entries: &[(Key, Entry)],
        written: &[Written],
        tiers: impl Iterator<Item = &'a TierHandle>,
    ) -> Vec<usize> {
        let outdated: Vec<usize> =
            (0..entries.len()).filter(|at| !written[*at].outdated_in.is_empty()).collect();
        if outdated.is_empty() {
            return outdated;
        }
        let refused =
            |tier: &&TierHandle| outdated.iter().any(|at| written[*at].outdated_in.contains(&tier.name()));
        let keys: Vec<Key> = outdated.iter().map(|at| entries[*at].0.clone()).collect();
        let held = join_all(tiers.filter(refused).map(|tier| tier.get(&keys))).await;
        let is_held = |(place, at): &(usize, &usize)| {
            let own = &entries[**at].1;
            // A tier that can't be asked may hold what won.
            held.iter().all(|held| {
                let held = held.as_ref().ok().and_then(|held| held[*place].as_ref());
                held.is_some_and(|held| held.meta.born == own.meta.born && held.value == own.value)
            })
        };
        outdated.iter().enumerate().filter(|one| !is_held(one)).map(|(_, at)| *at).collect()
    }

    /// Lets memory hold what won instead of the entries that some tier refused as older.
    pub(crate) async fn hold_what_won<'a>(
        &self,
        entries: &[(Key, Entry)],
        written: &[Written],
        tiers: impl Iterator<Item = &'a TierHandle>,
    ) {
        let lost = self.lost(entries, written, tiers).await;
        self.let_go(entries, &lost);
    }

    fn let_go(&self, entries: &[(Key, Entry)], lost: &[usize]) {
        let now = self.clock().now();
        for (key, entry) in lost.iter().map(|at| &entries[*at]) {
            // The next read asks the tiers.
            let tombstone = Tombstone { born: entry.meta.born, dead_at: now };
            self.memory().remove(slice::from_ref(key), tombstone, now);
        }
    }
}
