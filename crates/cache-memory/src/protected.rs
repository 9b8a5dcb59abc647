//! Entries that are never evicted for space, within a share of the budget of their own.

use std::{
    hash::BuildHasherDefault,
    sync::{
        PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, Ordering},
    },
};

use cache_core::{Entry, Error, ErrorKind, Key, KeyHasher, KeyRef, Pattern, Result};
use hashbrown::HashMap;

use crate::{memory::Value, weight::weigh};

/// The protected entries, and the patterns that make them so.
#[derive(Debug)]
pub(crate) struct Protected {
    budget: u64,
    /// Whether anything is held at all: reads look no further if not.
    any: AtomicBool,
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    patterns: Vec<Pattern>,
    entries: HashMap<Key, Entry<Value>, BuildHasherDefault<KeyHasher>>,
    weight: u64,
}

impl Protected {
    pub(crate) fn new(budget: u64) -> Self {
        Self { budget, any: AtomicBool::new(false), inner: RwLock::default() }
    }

    /// Protects what matches and is put from now on.
    pub(crate) fn protect(&self, pattern: Pattern) -> Result<()> {
        if self.budget == 0 {
            let message = format!(
                "{pattern} can't be protected: no share of memory is kept for protected entries, set one with \
                 Memory::protected_share"
            );
            return Err(Error::new(ErrorKind::Config, "protect", message));
        }
        let mut inner = self.write();
        if !inner.patterns.contains(&pattern) {
            inner.patterns.push(pattern);
        }
        Ok(())
    }

    /// Ends the protection and hands back the entries that no other pattern protects.
    pub(crate) fn unprotect(&self, pattern: &Pattern) -> Vec<(Key, Entry<Value>)> {
        let mut inner = self.write();
        let Inner { patterns, entries, weight } = &mut *inner;
        patterns.retain(|known| known != pattern);
        let freed: Vec<_> =
            entries.extract_if(|key, _| !patterns.iter().any(|pattern| pattern.matches(key))).collect();
        *weight -= freed.iter().map(|(key, entry)| u64::from(weigh(key, entry))).sum::<u64>();
        self.any.store(!entries.is_empty(), Ordering::Release);
        freed
    }

    pub(crate) fn get(&self, key: KeyRef<'_>) -> Option<Entry<Value>> {
        if !self.any.load(Ordering::Acquire) {
            return None;
        }
        self.read().entries.get(&key).cloned()
    }

    pub(crate) fn wants(&self, key: &Key) -> bool {
        self.budget > 0 && self.read().patterns.iter().any(|pattern| pattern.matches(key))
    }

    /// Takes the entry unless the share is full.
    pub(crate) fn put(&self, key: &Key, entry: &Entry<Value>) -> bool {
        let mut inner = self.write();
        let old = inner.entries.get(key).map_or(0, |old| u64::from(weigh(key, old)));
        let weight = inner.weight - old + u64::from(weigh(key, entry));
        if weight > self.budget {
            return false;
        }
        inner.weight = weight;
        inner.entries.insert(key.clone(), entry.clone());
        self.any.store(true, Ordering::Release);
        true
    }

    pub(crate) fn remove(&self, key: &Key) -> bool {
        if !self.any.load(Ordering::Acquire) {
            return false;
        }
        let mut inner = self.write();
        let Some(old) = inner.entries.remove(key) else { return false };
        inner.weight -= u64::from(weigh(key, &old));
        self.any.store(!inner.entries.is_empty(), Ordering::Release);
        true
    }

    pub(crate) fn keys(&self) -> Vec<(Key, Entry<Value>)> {
        self.read().entries.iter().map(|(key, entry)| (key.clone(), entry.clone())).collect()
    }

    /// How many entries there are, and what they weigh.
    pub(crate) fn size(&self) -> (u64, u64) {
        let inner = self.read();
        (inner.entries.len() as u64, inner.weight)
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}
