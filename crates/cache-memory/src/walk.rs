//! What memory holds, walked while others read and write.

use std::collections::HashMap;

use cache_core::{Entry, Key};

use crate::memory::{Memory, Value};

impl Memory {
    /// Returns the entries whose keys are `wanted`, whatever their age, in no order and each key once. The walk is
    /// weakly consistent: what is held all the while and not written is there; of a key that is put or removed
    /// meanwhile it has the old entry, the new one, or none. Reads go on meanwhile, and a write waits for a
    /// thousand entries at most. `wanted` runs under the lock of a shard: it must be short, and must not call
    /// this tier. The policy counts none of it as a read.
    #[must_use]
    pub fn held(&self, wanted: impl Fn(&Key) -> bool) -> HashMap<Key, Entry<Value>> {
        let mut held = HashMap::<Key, Entry<Value>>::new();
        for (key, entry) in self.store.held(wanted) {
            // A key that was written meanwhile may have been met twice.
            if held.get(&key).is_none_or(|other| other.meta.born < entry.meta.born) {
                held.insert(key, entry);
            }
        }
        held
    }

    /// As [`Memory::held`], a part at a time: about `limit` entries, from the place `from` on, which is 0 at the
    /// beginning. Returns the place from which to go on, if there is more. What is held all the while and not
    /// written is there once, also if it is protected meanwhile. With the policies `lru` and `lfu`, each part
    /// visits all of memory.
    #[must_use]
    pub fn held_from(
        &self,
        from: u64,
        limit: usize,
        wanted: impl Fn(&Key) -> bool,
    ) -> (Vec<(Key, Entry<Value>)>, Option<u64>) {
        self.store.held_from(from, limit.max(1), wanted)
    }
}
