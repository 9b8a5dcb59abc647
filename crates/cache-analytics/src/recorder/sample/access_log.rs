//! The last accesses of sampled keys, in order.

use std::collections::VecDeque;

/// The most accesses that are kept: the oldest give way.
pub(crate) const MOST_ACCESSES: usize = 10_000;

/// The number of an access that is not logged.
pub(super) const NOT_LOGGED: u32 = u32::MAX;

/// What happened to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AccessKind {
    /// A read that memory answered.
    Hit,
    /// A read that it could not answer, after which it holds the key.
    Miss,
    /// A read after which it doesn't.
    Nothing,
    /// It was given an entry that no read had missed.
    Stored,
    /// It was removed or invalidated.
    Removed,
}

impl AccessKind {
    const ALL: [Self; 5] = [Self::Hit, Self::Miss, Self::Nothing, Self::Stored, Self::Removed];
}

/// An access, as it is kept.
#[derive(Clone, Copy, Debug)]
struct Record {
    hash: u64,
    /// In steps since the sample began.
    at: u32,
    /// What happened, and above it how many hits came soon after.
    access: u32,
}

const ACCESS_BITS: u32 = 3;

/// An access of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Logged {
    pub(crate) hash: u64,
    pub(crate) at: u32,
    pub(crate) access: AccessKind,
    /// Hits that came soon after.
    pub(crate) repeats: u32,
}

/// The log.
#[derive(Clone, Debug, Default)]
pub(crate) struct AccessLog {
    records: VecDeque<Record>,
    /// The number of the first of them.
    first: u32,
}

impl AccessLog {
    /// Returns an empty one with all of its room, so that no access allocates any.
    pub(super) fn with_room() -> Self {
        Self { records: VecDeque::with_capacity(MOST_ACCESSES), first: 0 }
    }

    pub(super) fn is_full(&self) -> bool {
        self.records.len() >= MOST_ACCESSES
    }

    /// Returns when the oldest was; zero without any.
    pub(super) fn oldest(&self) -> u32 {
        self.records.front().map_or(0, |record| record.at)
    }

    /// Adds an access, and returns its number.
    pub(super) fn push(&mut self, hash: u64, access: AccessKind, at: u32) -> u32 {
        if self.is_full() {
            self.records.pop_front();
            self.first = self.first.wrapping_add(1);
        }
        self.records.push_back(Record { hash, at, access: access as u32 });
        self.first.wrapping_add(self.records.len() as u32 - 1)
    }

    /// Adds hits that came soon after the access of this number, if it is still there.
    pub(super) fn repeat(&mut self, number: u32, times: u32) {
        let at = number.wrapping_sub(self.first) as usize;
        if let Some(record) = self.records.get_mut(at).filter(|_| number != NOT_LOGGED) {
            let repeats = (record.access >> ACCESS_BITS).saturating_add(times).min(u32::MAX >> ACCESS_BITS);
            record.access = record.access & ((1 << ACCESS_BITS) - 1) | repeats << ACCESS_BITS;
        }
    }

    /// Returns how many accesses there are from a moment on.
    pub(super) fn count_since(&self, at: u32) -> usize {
        self.records.len() - self.records.partition_point(|record| record.at < at)
    }

    /// Forgets the accesses from before a moment.
    pub(super) fn forget_before(&mut self, at: u32) {
        let before = self.records.partition_point(|record| record.at < at);
        self.records.drain(..before);
        self.first = self.first.wrapping_add(before as u32);
    }

    /// Keeps some keys. The numbers of all accesses change.
    pub(super) fn retain(&mut self, keep: impl Fn(u64) -> bool) {
        self.records.retain(|record| keep(record.hash));
    }

    pub(super) fn clear(&mut self) {
        self.records.clear();
    }

    /// Returns the accesses, the oldest first.
    pub(crate) fn accesses(&self) -> impl Iterator<Item = Logged> {
        self.records.iter().map(|record| Logged {
            hash: record.hash,
            at: record.at,
            access: AccessKind::ALL
                [(record.access & ((1 << ACCESS_BITS) - 1)) as usize % AccessKind::ALL.len()],
            repeats: record.access >> ACCESS_BITS,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prop_assert_eq, proptest};

    use super::*;

    proptest! {
        #[test]
        fn the_log_has_the_last_accesses_with_their_repeats(steps in vec((0..50_u64, 0..5_usize, 0..4_u32), 0..300)) {
            let (mut log, mut model, mut last) = (AccessLog::default(), Vec::new(), Vec::new());
            // Nearly full, so that some give way.
            (0..MOST_ACCESSES - 100).for_each(|_| { log.push(0, AccessKind::Hit, 0); });
            for (at, (hash, access, repeats)) in steps.into_iter().enumerate() {
                let (access, at) = (AccessKind::ALL[access], at as u32);
                let number = log.push(hash, access, at);
                log.repeat(number, repeats);
                last.push((number, model.len()));
                model.push(Logged { hash, at, access, repeats });
                let (number, place) = last[last.len() / 2];
                log.repeat(number, 1);
                model[place].repeats += 1;
            }
            let told: Vec<_> = log.accesses().collect();
            prop_assert_eq!(told.len(), MOST_ACCESSES.min(MOST_ACCESSES - 100 + model.len()));
            prop_assert_eq!(&told[told.len() - model.len()..], &model);
            let Some((number, place)) = last.last().copied() else { return Ok(()) };
            let cut = model[model.len() / 2].at;
            log.forget_before(cut);
            log.repeat(number, 1);
            model[place].repeats += 1;
            let left: Vec<_> = log.accesses().filter(|access| access.at > 0).collect();
            prop_assert_eq!(left, model.into_iter().filter(|access| access.at >= cut.max(1)).collect::<Vec<_>>());
        }
    }
}
