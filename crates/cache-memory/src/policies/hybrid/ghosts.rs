//! Ghosts: the keys that a queue evicted last, remembered by a part of their hash.

/// How many ghosts share a bucket: as many as fit a cache line.
const WAYS: usize = 8;

/// What is remembered of an evicted key.
#[derive(Clone, Copy, Debug, Default)]
struct Ghost {
    /// A part of the hash of the key.
    fingerprint: u32,
    /// Its number in the order of eviction; 0 marks a free place.
    sequence: u32,
}

/// The keys that a queue evicted last, in buckets. A full bucket forgets its oldest ghost, which may not be
/// the oldest of all.
#[derive(Debug, Default)]
pub(crate) struct Ghosts {
    buckets: Vec<[Ghost; WAYS]>,
    last: u32,
}

impl Ghosts {
    /// Remembers a key. Of the keys added last, nearly `capacity` or more are remembered.
    pub(crate) fn add(&mut self, hash: u64, capacity: usize) {
        if self.buckets.len() * WAYS < capacity + capacity / 2 + WAYS {
            self.grow();
        }
        self.last = self.last.wrapping_add(1).max(1);
        self.put(Ghost { fingerprint: fingerprint(hash), sequence: self.last });
    }

    /// Forgets a key. Returns how many keys were added after it; `None` if it is not remembered.
    pub(crate) fn remove(&mut self, hash: u64) -> Option<u32> {
        let fingerprint = fingerprint(hash);
        let (last, bucket) = (self.last, self.bucket(fingerprint)?);
        let ghost =
            bucket.iter_mut().find(|ghost| ghost.fingerprint == fingerprint && ghost.sequence != 0)?;
        let since = last.wrapping_sub(ghost.sequence);
        *ghost = Ghost::default();
        Some(since)
    }

    fn put(&mut self, ghost: Ghost) {
        let last = self.last;
        let Some(bucket) = self.bucket(ghost.fingerprint) else { return };
        let age = |known: &Ghost| match known.sequence {
            _ if known.fingerprint == ghost.fingerprint => u64::MAX,
            0 => u64::MAX - 1,
            sequence => u64::from(last.wrapping_sub(sequence)),
        };
        if let Some(oldest) = bucket.iter_mut().max_by_key(|known| age(known)) {
            *oldest = ghost;
        }
    }

    fn bucket(&mut self, fingerprint: u32) -> Option<&mut [Ghost; WAYS]> {
        let at = fingerprint as usize & self.buckets.len().checked_sub(1)?;
        self.buckets.get_mut(at)
    }

    fn grow(&mut self) {
        let twice = vec![[Ghost::default(); WAYS]; (self.buckets.len() * 2).max(1)];
        let known = std::mem::replace(&mut self.buckets, twice);
        known.into_iter().flatten().filter(|ghost| ghost.sequence != 0).for_each(|ghost| self.put(ghost));
    }
}

/// Returns the half of the hash that does not choose the shard.
fn fingerprint(hash: u64) -> u32 {
    hash as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_age_of_a_ghost_is_how_many_went_since() {
        let mut ghosts = Ghosts::default();
        (0..100).for_each(|hash| ghosts.add(hash, 100));
        assert_eq!(ghosts.remove(99), Some(0));
        assert_eq!(ghosts.remove(99), None, "taken once");
        assert_eq!(ghosts.remove(40), Some(59));
        assert_eq!(ghosts.remove(100), None);
    }

    #[test]
    fn nearly_as_many_are_remembered_as_asked_and_no_more_than_thrice() {
        let mut ghosts = Ghosts::default();
        let mut random = 1_u64;
        let mut next = || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            random ^ random >> 33
        };
        let hashes: Vec<u64> = (0..20_000).map(|_| next()).collect();
        hashes.iter().for_each(|hash| ghosts.add(*hash, 1000));
        assert!(ghosts.buckets.len() * WAYS <= 3 * 1000 + 2 * WAYS);
        let known = hashes[19_000..].iter().filter(|hash| ghosts.remove(**hash).is_some()).count();
        assert!(known >= 950, "{known} of 1000");
    }
}
