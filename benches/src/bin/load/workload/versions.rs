//! Which versions of a quote a read may find while others write it: none that was replaced before the read
//! began.

use std::collections::BTreeSet;

use cache_core::sync::Mutex;

/// The writes of one quote.
#[derive(Debug, Default)]
struct Writes {
    last: u64,
    under_way: BTreeSet<u64>,
    /// The least version that a read may find that begins now.
    least: u64,
}

/// A write that has begun.
#[derive(Debug)]
pub(crate) struct WriteUnderWay {
    pub(crate) id: u64,
    pub(crate) version: u64,
    /// Each version below this one was written before this write began.
    replaces_below: u64,
}

/// The quotes `first..first + n`, each in version 0 at first.
#[derive(Debug)]
pub(crate) struct Versions {
    first: u64,
    writes: Vec<Mutex<Writes>>,
}

impl Versions {
    pub(crate) fn new(first: u64, quotes: usize) -> Self {
        Self { first, writes: (0..quotes).map(|_| Mutex::default()).collect() }
    }

    /// Begins a write of the quote at this place.
    pub(crate) fn begin(&self, at: usize) -> WriteUnderWay {
        let mut writes = self.writes[at].lock();
        writes.last += 1;
        let version = writes.last;
        writes.under_way.insert(version);
        let replaces_below = writes.under_way.first().copied().unwrap_or(version);
        WriteUnderWay { id: self.first + at as u64, version, replaces_below }
    }

    /// Notes that a write was made.
    pub(crate) fn done(&self, write: &WriteUnderWay) {
        let mut writes = self.writes[(write.id - self.first) as usize].lock();
        writes.under_way.remove(&write.version);
        writes.least = writes.least.max(write.replaces_below);
    }

    /// Notes that a write failed: it may have been made, or not, so reads may go on to find what was before.
    pub(crate) fn failed(&self, write: &WriteUnderWay) {
        self.writes[(write.id - self.first) as usize].lock().under_way.remove(&write.version);
    }

    /// Returns the least version that a read may find that begins now.
    pub(crate) fn least(&self, at: usize) -> u64 {
        self.writes[at].lock().least
    }

    /// Returns the last version whose write has begun: no read finds a later one.
    pub(crate) fn last(&self, at: usize) -> u64 {
        self.writes[at].lock().last
    }
}

#[cfg(test)]
mod tests {
    use super::Versions;

    #[test]
    fn what_was_replaced_before_a_read_began_may_not_be_found() {
        let versions = Versions::new(100, 2);
        let first = versions.begin(1);
        assert_eq!((first.id, first.version, versions.least(1)), (101, 1, 0));
        versions.done(&first);
        assert_eq!((versions.least(1), versions.last(1)), (1, 1));
        assert_eq!(versions.least(0), 0, "another quote");
    }

    #[test]
    fn of_writes_at_the_same_time_any_may_be_the_last() {
        let versions = Versions::new(0, 1);
        let (one, other) = (versions.begin(0), versions.begin(0));
        versions.done(&other);
        assert_eq!(versions.least(0), 1, "version 1 may yet be written after version 2");
        versions.done(&one);
        assert_eq!(versions.least(0), 1);
        let third = versions.begin(0);
        versions.done(&third);
        assert_eq!(versions.least(0), 3);
    }
}
