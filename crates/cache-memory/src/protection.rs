//! Which keys are to be protected.

use std::sync::{
    PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
    atomic::{AtomicBool, Ordering},
};

use cache_core::{Key, KeyHasher, Pattern, Target};
use hashbrown::HashSet;

/// Single keys and patterns, whose entries are not to be evicted for space.
#[derive(Debug, Default)]
pub(crate) struct Protection {
    /// Whether there are any: puts look no further if not.
    any: AtomicBool,
    rules: RwLock<Rules>,
}

#[derive(Debug, Default)]
struct Rules {
    keys: HashSet<Key, std::hash::BuildHasherDefault<KeyHasher>>,
    patterns: Vec<Pattern>,
}

impl Rules {
    fn want(&self, key: &Key) -> bool {
        self.keys.contains(key) || self.patterns.iter().any(|pattern| pattern.matches(key))
    }
}

impl Protection {
    pub(crate) fn add(&self, target: Target<'_>) {
        let mut rules = self.write();
        match target {
            Target::Keys(keys) => rules.keys.extend(keys.iter().cloned()),
            Target::Matching(pattern) if rules.patterns.contains(pattern) => {}
            Target::Matching(pattern) => rules.patterns.push(pattern.clone()),
        }
        self.any.store(true, Ordering::Release);
    }

    pub(crate) fn remove(&self, target: Target<'_>) {
        let mut rules = self.write();
        match target {
            Target::Keys(keys) => keys.iter().for_each(|key| {
                rules.keys.remove(key);
            }),
            Target::Matching(pattern) => rules.patterns.retain(|known| known != pattern),
        }
        self.any.store(!rules.keys.is_empty() || !rules.patterns.is_empty(), Ordering::Release);
    }

    pub(crate) fn wants(&self, key: &Key) -> bool {
        self.any.load(Ordering::Acquire) && self.read().want(key)
    }

    fn read(&self) -> RwLockReadGuard<'_, Rules> {
        self.rules.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Rules> {
        self.rules.write().unwrap_or_else(PoisonError::into_inner)
    }
}
