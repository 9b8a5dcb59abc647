//! Requests counted by the hash of their key, without a lock: one word for each key that is known.

use std::sync::atomic::{AtomicU64, Ordering};

/// A word is the high bits of a hash, the place of the key's record, and the requests since they were last taken.
const COUNT_BITS: u32 = 20;
const PLACE_BITS: u32 = 20;
const COUNT: u64 = (1 << COUNT_BITS) - 1;
const ONE_PLACE: u64 = 1 << COUNT_BITS;
const MARK: u64 = !((1 << (COUNT_BITS + PLACE_BITS)) - 1);

/// The most records that a word can tell apart.
pub(super) const MAX_PLACES: usize = (1 << PLACE_BITS) - 1;

/// What an empty word is. No word of a key is zero: its place is one more than its record's.
const EMPTY: u64 = 0;

/// The counts of all known keys, by hash. It has a fixed size: whoever has more keys makes a larger one. Two keys
/// whose hashes have the same high bits, one in 16 million, count as one if they are looked for in neighbouring
/// places.
#[derive(Debug)]
pub(super) struct Counts(Box<[AtomicU64]>);

impl Counts {
    /// Makes room for `keys` keys, of which each is found within a few steps.
    pub(super) fn for_keys(keys: usize) -> Self {
        let words = (keys * 8 / 7 + 1).max(64);
        Self((0..words).map(|_| AtomicU64::new(EMPTY)).collect())
    }

    /// How many keys fit.
    pub(super) fn capacity(&self) -> usize {
        self.0.len() - self.0.len().div_ceil(8)
    }

    /// Counts a request of the key with this hash. Returns `false` if the key is not known.
    #[inline]
    pub(super) fn count(&self, hash: u64) -> bool {
        let Some(word) = self.find(hash) else { return false };
        // It is full before it would run into the place beside it only if nobody takes the counts.
        if word.load(Ordering::Relaxed) & COUNT < COUNT / 2 {
            word.fetch_add(1, Ordering::Relaxed);
        }
        true
    }

    /// Makes a key known. The caller sees to it that there is room, and that it is known once.
    pub(super) fn insert(&self, hash: u64, place: usize) {
        let word = (hash & MARK) | ((place as u64 + 1) * ONE_PLACE);
        let mut at = self.first(hash);
        while self.0[at].compare_exchange(EMPTY, word, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            at = self.after(at);
        }
    }

    /// Returns the place of the record of a key.
    pub(super) fn place(&self, hash: u64) -> Option<usize> {
        self.find(hash).map(|word| place_of(word.load(Ordering::Relaxed)))
    }

    /// Takes the counts: gives each place that was asked for since, with how often.
    pub(super) fn take(&self, mut asked: impl FnMut(usize, u32)) {
        for word in &self.0 {
            if word.load(Ordering::Relaxed) & COUNT > 0 {
                let taken = word.fetch_and(!COUNT, Ordering::Relaxed);
                asked(place_of(taken), (taken & COUNT) as u32);
            }
        }
    }

    /// Where a hash is looked for first, by those of its bits that are no mark.
    #[inline]
    fn first(&self, hash: u64) -> usize {
        (((hash & u64::from(u32::MAX)) * self.0.len() as u64) >> u32::BITS) as usize
    }

    #[inline]
    fn after(&self, at: usize) -> usize {
        if at + 1 == self.0.len() { 0 } else { at + 1 }
    }

    #[inline]
    fn find(&self, hash: u64) -> Option<&AtomicU64> {
        let mut at = self.first(hash);
        loop {
            let word = &self.0[at];
            match word.load(Ordering::Relaxed) {
                EMPTY => return None,
                held if (held ^ hash) & MARK == 0 => return Some(word),
                _ => at = self.after(at),
            }
        }
    }
}

fn place_of(word: u64) -> usize {
    ((word & !MARK) >> COUNT_BITS) as usize - 1
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use proptest::{collection::vec, prelude::any, proptest};

    use super::{Counts, MARK};

    proptest! {
        #[test]
        fn each_request_of_a_known_key_is_counted_once(hashes in vec(any::<u64>(), 1..200), asked in vec(0..300_usize, 0..500)) {
            // Two keys with one mark are one here, which is rare by chance alone.
            let mut marks = HashSet::new();
            let hashes: Vec<u64> = hashes.into_iter().filter(|hash| marks.insert(hash & MARK)).collect();
            let counts = Counts::for_keys(hashes.len());
            let mut known: HashMap<u64, usize> = HashMap::new();
            for hash in &hashes {
                let place = known.len();
                if let std::collections::hash_map::Entry::Vacant(vacant) = known.entry(*hash) {
                    vacant.insert(place);
                    counts.insert(*hash, place);
                }
            }
            assert!(counts.capacity() >= known.len());
            let mut expected: HashMap<usize, u32> = HashMap::new();
            for at in asked {
                match hashes.get(at) {
                    Some(hash) => {
                        assert!(counts.count(*hash));
                        *expected.entry(known[hash]).or_default() += 1;
                    }
                    None => assert_eq!(counts.place(at as u64), None),
                }
            }
            let mut taken = HashMap::new();
            counts.take(|place, times| {
                taken.insert(place, times);
            });
            assert_eq!(taken, expected);
            counts.take(|_, _| panic!("they were taken"));
            assert!(known.iter().all(|(hash, place)| counts.place(*hash) == Some(*place)));
        }
    }
}
