//! Finds stale reads: those of a version that another write had replaced before the read began.
//!
//! On the node that wrote, no older version may be read once the write has ended. The other node gets a bound
//! of time: for the bus to deliver and, if there was a fault meanwhile, for both nodes to reconnect after its
//! end.

use std::time::{Duration, Instant};

use cache_core::sync::Mutex;

/// The kind of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named for what they are")]
pub enum WriteKind {
    Put,
    Removal,
}

/// How long the other node may still read an older version.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// After the end of the write.
    pub calm: Duration,
    /// After the end of a fault, if the write ended during it, or within these bounds before or after it.
    pub after_fault: Duration,
}

/// A period in which a server was out of order.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "named for what they are")]
pub struct Fault {
    pub began: Instant,
    pub ended: Instant,
}

/// Records every write, and every read of an older version.
#[derive(Debug)]
pub struct Checker {
    /// By key, in the order of versions, which is also that of their ends.
    writes: Vec<Mutex<Vec<EndedWrite>>>,
    older: Mutex<Vec<StaleRead>>,
}

/// A write that ended.
#[derive(Clone, Copy, Debug)]
struct EndedWrite {
    node: usize,
    version: u64,
    what: WriteKind,
    at: Instant,
}

/// A read of a version older than that of a write that had ended before.
#[derive(Clone, Copy, Debug)]
struct StaleRead {
    key: usize,
    node: usize,
    read: u64,
    began: Instant,
    write: EndedWrite,
}

/// What the checker found.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// Reads of a removed version, later than the bounds allow.
    pub stale_after_removal: usize,
    /// Reads of a version replaced by a put, later than the bounds allow.
    pub stale_after_put: usize,
    /// The longest time from the end of a write to a read of an older version on the other node, without a
    /// fault.
    pub longest_lag: Duration,
    /// The longest such time counted from the end of a fault.
    pub longest_lag_after_fault: Duration,
    /// The longest such time during a fault.
    pub longest_lag_in_fault: Duration,
    /// Reads of an older version on the other node, within the bounds.
    pub older_within_bounds: usize,
    /// Some of the stale reads, described.
    pub examples: Vec<String>,
}

impl Verdict {
    /// All stale reads.
    #[must_use]
    pub fn stale(&self) -> usize {
        self.stale_after_removal + self.stale_after_put
    }
}

/// How many examples are given.
const EXAMPLES: usize = 10;

impl Checker {
    /// A checker of this many keys, none of them written yet.
    #[must_use]
    pub fn new(keys: usize) -> Self {
        Self { writes: (0..keys).map(|_| Mutex::default()).collect(), older: Mutex::default() }
    }

    /// Records that a write of this version has just ended. One key has one write at a time.
    pub fn wrote(&self, node: usize, key: usize, version: u64, what: WriteKind) {
        let mut writes = self.writes[key].lock();
        // The moment is taken under the lock: whoever begins to read after it finds the write.
        let at = Instant::now();
        writes.push(EndedWrite { node, version, what, at });
    }

    /// Records that a node read this version in a call that began at `began`.
    pub fn read(&self, node: usize, key: usize, version: u64, began: Instant) {
        let writes = self.writes[key].lock();
        let newer = writes.partition_point(|write| write.version <= version);
        let ended = writes[newer..].iter().take_while(|write| write.at <= began);
        // The first of each sort is the one that ended longest ago.
        let mut seen: Vec<EndedWrite> = Vec::new();
        for write in ended {
            if !seen.iter().any(|other| other.node == write.node && other.what == write.what) {
                seen.push(*write);
            }
        }
        drop(writes);
        if !seen.is_empty() {
            let older = seen.into_iter().map(|write| StaleRead { key, node, read: version, began, write });
            self.older.lock().extend(older);
        }
    }

    /// Judges the reads so far by these faults and bounds.
    #[must_use]
    pub fn verdict(&self, faults: &[Fault], bounds: Bounds) -> Verdict {
        let mut verdict = Verdict::default();
        for older in self.older.lock().iter() {
            let granted = older.write.node != older.node && older.is_granted(faults, bounds, &mut verdict);
            if granted {
                verdict.older_within_bounds += 1;
                continue;
            }
            match older.write.what {
                WriteKind::Removal => verdict.stale_after_removal += 1,
                WriteKind::Put => verdict.stale_after_put += 1,
            }
            if verdict.examples.len() < EXAMPLES {
                verdict.examples.push(older.described(faults));
            }
        }
        verdict
    }
}

impl StaleRead {
    /// Whether the bounds allow this read of the other node. Records its lag.
    fn is_granted(&self, faults: &[Fault], bounds: Bounds, verdict: &mut Verdict) -> bool {
        let (written, began) = (self.write.at, self.began);
        let lag = began - written;
        let near = |fault: &&Fault| {
            written + bounds.calm >= fault.began && written <= fault.ended + bounds.after_fault
        };
        let Some(fault) = faults.iter().rev().find(near) else {
            verdict.longest_lag = verdict.longest_lag.max(lag);
            return lag <= bounds.calm;
        };
        if began <= fault.ended {
            verdict.longest_lag_in_fault = verdict.longest_lag_in_fault.max(lag);
        } else {
            let after = began - fault.ended.max(written);
            verdict.longest_lag_after_fault = verdict.longest_lag_after_fault.max(after);
        }
        began <= (written + bounds.calm).max(fault.ended + bounds.after_fault)
    }

    fn described(&self, faults: &[Fault]) -> String {
        let Self { key, node, read, began, write: EndedWrite { node: writer, version, what, at } } = self;
        let lag = *began - *at;
        let last = faults.iter().rev().find(|fault| fault.began <= *began).map(|fault| {
            let (since, lasted) = (*began - fault.began, fault.ended - fault.began);
            format!("; the last fault had begun {since:?} before, and lasted {lasted:?}")
        });
        format!(
            "k{key}: node {node} read version {read}, {lag:?} after node {writer} had ended a {what:?} of \
             version {version}{}",
            last.unwrap_or_default()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{Bounds, Checker, Fault, WriteKind};
    use std::time::{Duration, Instant};

    const BOUNDS: Bounds = Bounds { calm: Duration::from_secs(1), after_fault: Duration::from_secs(5) };

    fn in_seconds(seconds: u64) -> Instant {
        Instant::now() + Duration::from_secs(seconds)
    }

    fn checker() -> Checker {
        let checker = Checker::new(1);
        checker.wrote(0, 0, 2, WriteKind::Removal);
        checker.wrote(0, 0, 3, WriteKind::Put);
        checker
    }

    #[test]
    fn where_it_was_written_nothing_older_is_granted() {
        let checker = checker();
        checker.read(0, 0, 3, in_seconds(0));
        assert_eq!(checker.verdict(&[], BOUNDS).stale(), 0);
        checker.read(0, 0, 2, in_seconds(0));
        let verdict = checker.verdict(&[], BOUNDS);
        assert_eq!((verdict.stale_after_removal, verdict.stale_after_put), (0, 1));
        checker.read(0, 0, 1, in_seconds(0));
        let verdict = checker.verdict(&[], BOUNDS);
        assert_eq!((verdict.stale_after_removal, verdict.stale_after_put), (1, 2));
        assert!(verdict.examples[0].contains("node 0 read version 2"), "{:?}", verdict.examples);
    }

    #[test]
    fn a_read_that_began_before_the_write_ended_is_no_ones_fault() {
        let began = Instant::now();
        let checker = checker();
        checker.read(0, 0, 1, began);
        assert_eq!(checker.verdict(&[], BOUNDS).stale(), 0);
    }

    #[test]
    fn elsewhere_a_bound_is_granted_and_the_lag_is_told() {
        let checker = checker();
        checker.read(1, 0, 2, Instant::now());
        let verdict = checker.verdict(&[], BOUNDS);
        assert_eq!((verdict.stale(), verdict.older_within_bounds), (0, 1));
        checker.read(1, 0, 2, in_seconds(2));
        let verdict = checker.verdict(&[], BOUNDS);
        assert_eq!(verdict.stale(), 1);
        assert!(verdict.longest_lag > BOUNDS.calm);
    }

    #[test]
    fn a_fault_grants_more_and_then_no_more() {
        let faults = [Fault { began: Instant::now(), ended: in_seconds(10) }];
        let checker = checker();
        checker.read(1, 0, 2, in_seconds(9));
        checker.read(1, 0, 2, in_seconds(14));
        let verdict = checker.verdict(&faults, BOUNDS);
        assert_eq!(verdict.stale(), 0);
        assert!(verdict.longest_lag_in_fault > Duration::from_secs(8));
        assert!(verdict.longest_lag_after_fault > Duration::from_secs(3));
        checker.read(1, 0, 2, in_seconds(16));
        assert_eq!(checker.verdict(&faults, BOUNDS).stale(), 1);
        checker.read(0, 0, 2, in_seconds(1));
        assert_eq!(checker.verdict(&faults, BOUNDS).stale(), 2, "on the node itself nothing is");
    }
}
