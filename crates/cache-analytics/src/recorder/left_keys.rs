//! Keys that left memory, and why: by the hash, as many as fit into a table of a fixed size.

use std::sync::atomic::{AtomicU64, Ordering};

use super::cause::MissCause;

/// How many keys are remembered at most. One takes the place of another that has the same slot.
const SLOTS: usize = 16_384;

/// The bits of a slot that tell why.
const CAUSE_BITS: u64 = 0b111;

/// The causes that are told apart; the first stands for an empty slot.
const CAUSES: [MissCause; 5] = [
    MissCause::NeverThere,
    MissCause::Evicted,
    MissCause::Expired,
    MissCause::Invalidated,
    MissCause::Refused,
];

/// Keys that left memory.
#[derive(Debug)]
pub(super) struct LeftKeys(Box<[AtomicU64]>);

impl Default for LeftKeys {
    fn default() -> Self {
        Self((0..SLOTS).map(|_| AtomicU64::new(0)).collect())
    }
}

impl LeftKeys {
    /// Notes why the key of this hash left.
    pub(super) fn note(&self, hash: u64, cause: MissCause) {
        let code = CAUSES.iter().position(|known| *known == cause).unwrap_or(0) as u64;
        self.slot(hash).store(hash & !CAUSE_BITS | code, Ordering::Relaxed);
    }

    /// Returns why the key of this hash left last, if that is remembered.
    pub(super) fn cause(&self, hash: u64) -> Option<MissCause> {
        let held = self.slot(hash).load(Ordering::Relaxed);
        let cause = CAUSES.get((held & CAUSE_BITS) as usize).filter(|_| held & CAUSE_BITS != 0);
        cause.copied().filter(|_| held & !CAUSE_BITS == hash & !CAUSE_BITS)
    }

    /// Forgets all of them.
    pub(super) fn clear(&self) {
        self.0.iter().for_each(|slot| slot.store(0, Ordering::Relaxed));
    }

    fn slot(&self, hash: u64) -> &AtomicU64 {
        &self.0[(hash >> 32) as usize % SLOTS]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::{collection::vec, prop_assert_eq, proptest};

    use super::{CAUSES, LeftKeys};

    proptest! {
        #[test]
        fn what_is_told_of_a_key_was_noted_of_it_last(notes in vec((0..100_u64, 1..5_usize), 0..200)) {
            let (left, mut model) = (LeftKeys::default(), HashMap::new());
            let spread = |key: u64| key.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            for (key, cause) in notes {
                left.note(spread(key), CAUSES[cause]);
                model.insert(key, CAUSES[cause]);
            }
            // A hundred keys in so many slots: a few may share one, and one of them is forgotten.
            let told = model.keys().filter(|key| left.cause(spread(**key)).is_some()).count();
            assert!(told + 3 >= model.len());
            for key in 0..100 {
                if let Some(cause) = left.cause(spread(key)) {
                    prop_assert_eq!(Some(&cause), model.get(&key));
                }
            }
            left.clear();
            prop_assert_eq!(left.cause(spread(1)), None);
        }
    }
}
