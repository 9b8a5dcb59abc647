//! Which writes moka has applied: it buffers them, and must have applied those of a key before that is removed.

use std::{
    array,
    sync::atomic::{AtomicU64, Ordering},
};

use cache_core::Key;

/// Keys share so many places: a write of one makes all of its place unsettled.
const PLACES: usize = 256;

/// How often moka applied its buffers, and when keys were written last.
#[derive(Debug)]
pub(super) struct Settling {
    begun: AtomicU64,
    /// The number of the last that is done, of those that began after it was counted.
    done: AtomicU64,
    /// How many had begun when a key of this place was written last.
    written: [AtomicU64; PLACES],
}

impl Default for Settling {
    fn default() -> Self {
        let (begun, done) = Default::default();
        // What was written before the first is not settled.
        Self { begun, done, written: array::from_fn(|_| AtomicU64::new(0)) }
    }
}

impl Settling {
    /// Applies what is buffered when this is called.
    pub(super) fn settle(&self, apply: impl FnOnce()) {
        let number = self.begun.fetch_add(1, Ordering::AcqRel) + 1;
        apply();
        self.done.fetch_max(number, Ordering::AcqRel);
    }

    /// Notes that a key was written. One writer a key at a time.
    pub(super) fn wrote(&self, key: &Key) {
        // Only those that begin from now on apply it for sure.
        self.place(key).fetch_max(self.begun.load(Ordering::Acquire), Ordering::AcqRel);
    }

    /// Whether every write of a key was applied. One writer a key at a time.
    pub(super) fn is_settled(&self, key: &Key) -> bool {
        self.done.load(Ordering::Acquire) > self.place(key).load(Ordering::Acquire)
    }

    /// Returns how often the buffers were applied.
    #[cfg(test)]
    pub(super) fn count(&self) -> u64 {
        self.begun.load(Ordering::Acquire)
    }

    fn place(&self, key: &Key) -> &AtomicU64 {
        &self.written[key.hash() as usize % PLACES]
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, collections::HashSet};

    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn key(id: u16) -> Key {
        Key::new("k", &id.to_string()).unwrap()
    }

    #[test]
    fn a_settling_that_began_before_a_write_was_done_says_nothing_of_it() {
        let settling = Settling::default();
        settling.settle(|| settling.wrote(&key(1)));
        assert!(!settling.is_settled(&key(1)));
        settling.settle(|| {});
        assert!(settling.is_settled(&key(1)));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        /// Against the set of the keys whose writes are buffered.
        #[test]
        fn no_key_is_said_to_be_settled_that_is_not(steps in vec(prop::option::of(0_usize..300), 0..100)) {
            let (settling, buffered) = (Settling::default(), RefCell::new(HashSet::new()));
            let keys: Vec<Key> = (0..300).map(key).collect();
            for step in steps {
                match step {
                    Some(id) => {
                        buffered.borrow_mut().insert(id);
                        settling.wrote(&keys[id]);
                        prop_assert!(!settling.is_settled(&keys[id]));
                    }
                    None => {
                        settling.settle(|| buffered.borrow_mut().clear());
                        prop_assert!(keys.iter().all(|key| settling.is_settled(key)));
                    }
                }
                prop_assert!(buffered.borrow().iter().all(|id| !settling.is_settled(&keys[*id])));
            }
        }
    }
}
