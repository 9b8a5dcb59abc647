//! Why keys were last missed in memory, and when: by the hash, as many as fit into a table of a fixed size.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use cache_core::Timestamp;

use super::cause::MissCause;

/// How many keys are remembered at most. One takes the place of another that has the same slot.
const SLOTS: usize = 16_384;

/// The bits of a slot: those of the hash that its place does not tell, the cause, and seconds since the beginning.
const SECONDS_BITS: u32 = 28;
const CAUSE_BITS: u32 = 4;
const TAG_SHIFT: u32 = SECONDS_BITS + CAUSE_BITS;
const SECONDS_MASK: u64 = (1 << SECONDS_BITS) - 1;
const CAUSE_MASK: u64 = (1 << CAUSE_BITS) - 1;

/// Why memory could not answer a read of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LastMiss {
    /// Why.
    pub cause: MissCause,
    /// When, to a second.
    pub at: Timestamp,
}

/// The last misses of keys.
#[derive(Debug)]
pub(super) struct LastMisses {
    slots: Box<[AtomicU64]>,
    begun: Timestamp,
}

impl LastMisses {
    pub(super) fn new(begun: Timestamp) -> Self {
        Self { slots: (0..SLOTS).map(|_| AtomicU64::new(0)).collect(), begun }
    }

    /// Notes why the key of this hash was missed.
    pub(super) fn note(&self, hash: u64, cause: MissCause, now: Timestamp) {
        let seconds = now.since(self.begun).as_secs().min(SECONDS_MASK);
        // One more, so that no slot that is taken is zero.
        let code = cause as u64 + 1;
        self.slot(hash).store(tag(hash) << TAG_SHIFT | code << SECONDS_BITS | seconds, Ordering::Relaxed);
    }

    /// Returns why the key of this hash was last missed, if that is remembered.
    pub(super) fn of(&self, hash: u64) -> Option<LastMiss> {
        let held = self.slot(hash).load(Ordering::Relaxed);
        let code = (held >> SECONDS_BITS & CAUSE_MASK) as usize;
        let cause = *MissCause::ALL.get(code.checked_sub(1)?)?;
        let at = self.begun.after(Duration::from_secs(held & SECONDS_MASK));
        (held >> TAG_SHIFT == tag(hash)).then_some(LastMiss { cause, at })
    }

    /// Forgets all of them.
    pub(super) fn clear(&self) {
        self.slots.iter().for_each(|slot| slot.store(0, Ordering::Relaxed));
    }

    fn slot(&self, hash: u64) -> &AtomicU64 {
        &self.slots[(hash >> 32) as usize % SLOTS]
    }
}

/// The lower half of a hash, whose upper half finds its slot.
fn tag(hash: u64) -> u64 {
    hash & u64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::{collection::vec, prop_assert_eq, proptest};

    use super::*;

    proptest! {
        #[test]
        fn what_is_told_of_a_key_is_its_last_miss(
            notes in vec((0..100_u64, 0..MissCause::ALL.len(), 0..1000_u64), 0..200),
        ) {
            let begun = Timestamp::from_micros(7_000_000);
            let (misses, mut model) = (LastMisses::new(begun), HashMap::new());
            let spread = |key: u64| key.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let mut now = begun;
            for (key, cause, seconds) in notes {
                now = now.after(Duration::from_secs(seconds));
                misses.note(spread(key), MissCause::ALL[cause], now);
                model.insert(key, LastMiss { cause: MissCause::ALL[cause], at: now });
            }
            // A hundred keys in so many slots: a few may share one, and one of them is forgotten.
            let told = model.keys().filter(|key| misses.of(spread(**key)).is_some()).count();
            assert!(told + 3 >= model.len());
            for key in 0..100 {
                if let Some(miss) = misses.of(spread(key)) {
                    prop_assert_eq!(Some(&miss), model.get(&key));
                }
            }
            misses.clear();
            prop_assert_eq!(misses.of(spread(1)), None);
        }
    }
}
