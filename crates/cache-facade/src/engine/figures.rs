//! What a cache can say of itself to those who watch it, and a memory to try other budgets and lives with.

use std::{slice, time::Duration};

use cache_core::{CacheFigures, Entry, Freshness, Key, Meta, Timestamp, Tombstone, TrialMemory, Ttl};
use cache_memory::{EntryRef, Memory};

use super::{Engine, upkeep::SWEEP_INTERVAL};

/// The kind of the keys of a memory that is tried.
const TRIAL_KIND: &str = "trial";

impl CacheFigures for Engine {
    fn namespace(&self) -> Option<&str> {
        self.namespace()
    }

    fn memory_hits(&self, tell: &mut dyn FnMut(&str, u64)) {
        self.regions.memory_hits(tell);
    }

    fn hottest(&self, most: usize, tell: &mut dyn FnMut(&Key, f64, u64)) {
        self.memory().hottest(most).iter().for_each(|hot| tell(&hot.key, hot.share, hot.reads));
    }

    fn held(&self, tell: &mut dyn FnMut(&Key, &Meta, u64)) {
        let memory = self.memory();
        for (key, entry) in memory.held(|_| true) {
            tell(&key, &entry.meta, memory.weight_of(&key, &entry.meta));
        }
    }

    fn weight(&self) -> u64 {
        self.memory().stats().weight
    }

    fn weighs_bytes(&self) -> bool {
        self.memory().weighs_bytes()
    }

    fn budget(&self) -> u64 {
        self.memory().budget()
    }

    fn trial_memory(&self, budget: u64) -> Box<dyn TrialMemory> {
        Box::new(Trial {
            memory: self.memory().with_budget(budget),
            born: Timestamp::MIN,
            swept: Timestamp::MIN,
        })
    }
}

/// A memory that is tried.
struct Trial {
    memory: Memory,
    /// When what was stored last was born: each is born later than those before.
    born: Timestamp,
    swept: Timestamp,
}

impl Trial {
    /// Lets moka decide, and removes what is dead as often as the upkeep of a cache does.
    fn pass(&mut self, now: Timestamp) {
        if now >= self.swept.after(SWEEP_INTERVAL) {
            self.memory.sweep(now);
            self.swept = now;
        }
    }
}

impl TrialMemory for Trial {
    fn read(&mut self, hash: u64, now: Timestamp) -> bool {
        self.pass(now);
        let Some(key) = key_of(hash) else { return false };
        let fresh = |held: EntryRef<'_>| held.meta().freshness(now) == Freshness::Fresh;
        let look = || self.memory.read(&key, fresh).unwrap_or(false);
        // Who leads a flight looks once more, and policies that count looks count that one, too.
        look() || look()
    }

    fn put(&mut self, hash: u64, weight: u64, life: Duration, now: Timestamp) {
        self.pass(now);
        let Some(key) = key_of(hash) else { return };
        self.born = now.max(self.born.after(Duration::from_micros(1)));
        let mut meta = Meta::new(now, Ttl::new(life));
        meta.born = self.born;
        let bare = self.memory.weight_of(&key, &meta);
        meta.cost = u32::try_from(weight.saturating_sub(bare)).unwrap_or(u32::MAX);
        self.memory.put(key, Entry::absent(meta), now);
        // What is put with a policy of moka is held or not once this is done.
        self.memory.settle();
    }

    fn remove(&mut self, hash: u64, now: Timestamp) {
        let tombstone = Tombstone { born: self.born, dead_at: now };
        if let Some(key) = key_of(hash) {
            self.memory.remove(slice::from_ref(&key), tombstone, now);
        }
    }
}

fn key_of(hash: u64) -> Option<Key> {
    Key::new(TRIAL_KIND, &format!("{hash:016x}")).ok()
}
