//! Which keys are protected from eviction.

use std::sync::atomic::{AtomicBool, Ordering};

use cache_core::{Key, KeyHasher, Pattern, Target, sync::RwLock};
use hashbrown::HashSet;

/// The keys and patterns whose entries are not evicted for space.
#[derive(Debug, Default)]
pub(crate) struct Protection {
    /// Whether there are any. If not, a put takes no lock.
    any: AtomicBool,
    rules: RwLock<Rules>,
}

#[derive(Debug, Default)]
struct Rules {
    keys: HashSet<Key, std::hash::BuildHasherDefault<KeyHasher>>,
    patterns: Vec<Pattern>,
}

impl Rules {
    fn covers(&self, key: &Key) -> bool {
        self.keys.contains(key) || self.patterns.iter().any(|pattern| pattern.matches(key))
    }
}

impl Protection {
    pub(crate) fn add(&self, target: Target<'_>) {
        let mut rules = self.rules.write();
        match target {
            Target::Keys(keys) => rules.keys.extend(keys.iter().cloned()),
            Target::Matching(pattern) if rules.patterns.contains(pattern) => {}
            Target::Matching(pattern) => rules.patterns.push(pattern.clone()),
        }
        self.any.store(true, Ordering::Release);
    }

    pub(crate) fn remove(&self, target: Target<'_>) {
        let mut rules = self.rules.write();
        match target {
            Target::Keys(keys) => keys.iter().for_each(|key| {
                rules.keys.remove(key);
            }),
            Target::Matching(pattern) => rules.patterns.retain(|known| known != pattern),
        }
        self.any.store(!rules.keys.is_empty() || !rules.patterns.is_empty(), Ordering::Release);
    }

    /// Whether the entry of a key is to be protected.
    pub(crate) fn covers(&self, key: &Key) -> bool {
        self.any.load(Ordering::Acquire) && self.rules.read().covers(key)
    }
}
