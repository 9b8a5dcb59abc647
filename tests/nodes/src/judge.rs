//! The judge: whether a read brought what had been over before it began.
//!
//! On the node that wrote, nothing older than a write may be read from the moment at which the write ended. On
//! the other one a bound of time is granted: for the bus to deliver; and if a fault was on meanwhile, for both
//! nodes to find each other again after its end.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// What kind of write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named for what they are")]
pub enum Write {
    Put,
    Removal,
}

/// How long the other node may go on reading what is over.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// After the write ended.
    pub calm: Duration,
    /// After the end of a fault, if one was on when the write ended, or until so long before or after.
    pub after_fault: Duration,
}

/// When servers were not as they should be.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "named for what they are")]
pub struct Fault {
    pub began: Instant,
    pub ended: Instant,
}

/// Knows every write, and every read that brought something older.
#[derive(Debug)]
pub struct Judge {
    /// By key, in order of version, which is the order of their ends too.
    writes: Vec<Mutex<Vec<Ended>>>,
    older: Mutex<Vec<Older>>,
}

/// A write that ended.
#[derive(Clone, Copy, Debug)]
struct Ended {
    node: usize,
    version: u64,
    what: Write,
    at: Instant,
}

/// A read that brought something older than a write that had ended before.
#[derive(Clone, Copy, Debug)]
struct Older {
    key: usize,
    node: usize,
    read: u64,
    began: Instant,
    write: Ended,
}

/// What came out.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// Reads that brought what a removal had ended, later than granted.
    pub stale_after_removal: usize,
    /// The same of puts.
    pub stale_after_put: usize,
    /// How long after the write's end the other node last read what was over, no fault being near.
    pub longest_lag: Duration,
    /// How long after a fault's end it did.
    pub longest_lag_after_fault: Duration,
    /// How long after the write's end it did, while a fault was on.
    pub longest_lag_in_fault: Duration,
    /// Reads of the other node that brought what was over, but within the bounds.
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

impl Judge {
    /// Nothing was written yet.
    #[must_use]
    pub fn new(keys: usize) -> Self {
        Self { writes: (0..keys).map(|_| Mutex::default()).collect(), older: Mutex::default() }
    }

    /// A write of this version ended just now. Of one key there is one write at a time.
    pub fn wrote(&self, node: usize, key: usize, version: u64, what: Write) {
        let mut writes = lock(&self.writes[key]);
        // The moment is taken under the lock: whoever begins to read after it finds the write.
        let at = Instant::now();
        writes.push(Ended { node, version, what, at });
    }

    /// A node read this version, in a call that began then.
    pub fn read(&self, node: usize, key: usize, version: u64, began: Instant) {
        let writes = lock(&self.writes[key]);
        let newer = writes.partition_point(|write| write.version <= version);
        let ended = writes[newer..].iter().take_while(|write| write.at <= began);
        // The first of each sort is the one that ended longest ago.
        let mut seen: Vec<Ended> = Vec::new();
        for write in ended {
            if !seen.iter().any(|other| other.node == write.node && other.what == write.what) {
                seen.push(*write);
            }
        }
        drop(writes);
        if !seen.is_empty() {
            let older = seen.into_iter().map(|write| Older { key, node, read: version, began, write });
            lock(&self.older).extend(older);
        }
    }

    /// The verdict, faults and bounds being these.
    #[must_use]
    pub fn verdict(&self, faults: &[Fault], bounds: Bounds) -> Verdict {
        let mut verdict = Verdict::default();
        for older in lock(&self.older).iter() {
            let granted = older.write.node != older.node && older.is_granted(faults, bounds, &mut verdict);
            if granted {
                verdict.older_within_bounds += 1;
                continue;
            }
            match older.write.what {
                Write::Removal => verdict.stale_after_removal += 1,
                Write::Put => verdict.stale_after_put += 1,
            }
            if verdict.examples.len() < EXAMPLES {
                verdict.examples.push(older.described(faults));
            }
        }
        verdict
    }
}

impl Older {
    /// Whether the other node was still granted this; its lag is noted.
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
        let Self { key, node, read, began, write: Ended { node: writer, version, what, at } } = self;
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::{Bounds, Fault, Judge, Write};
    use std::time::{Duration, Instant};

    const BOUNDS: Bounds = Bounds { calm: Duration::from_secs(1), after_fault: Duration::from_secs(5) };

    fn in_seconds(seconds: u64) -> Instant {
        Instant::now() + Duration::from_secs(seconds)
    }

    fn judge() -> Judge {
        let judge = Judge::new(1);
        judge.wrote(0, 0, 2, Write::Removal);
        judge.wrote(0, 0, 3, Write::Put);
        judge
    }

    #[test]
    fn where_it_was_written_nothing_older_is_granted() {
        let judge = judge();
        judge.read(0, 0, 3, in_seconds(0));
        assert_eq!(judge.verdict(&[], BOUNDS).stale(), 0);
        judge.read(0, 0, 2, in_seconds(0));
        let verdict = judge.verdict(&[], BOUNDS);
        assert_eq!((verdict.stale_after_removal, verdict.stale_after_put), (0, 1));
        judge.read(0, 0, 1, in_seconds(0));
        let verdict = judge.verdict(&[], BOUNDS);
        assert_eq!((verdict.stale_after_removal, verdict.stale_after_put), (1, 2));
        assert!(verdict.examples[0].contains("node 0 read version 2"), "{:?}", verdict.examples);
    }

    #[test]
    fn a_read_that_began_before_the_write_ended_is_no_ones_fault() {
        let began = Instant::now();
        let judge = judge();
        judge.read(0, 0, 1, began);
        assert_eq!(judge.verdict(&[], BOUNDS).stale(), 0);
    }

    #[test]
    fn elsewhere_a_bound_is_granted_and_the_lag_is_told() {
        let judge = judge();
        judge.read(1, 0, 2, Instant::now());
        let verdict = judge.verdict(&[], BOUNDS);
        assert_eq!((verdict.stale(), verdict.older_within_bounds), (0, 1));
        judge.read(1, 0, 2, in_seconds(2));
        let verdict = judge.verdict(&[], BOUNDS);
        assert_eq!(verdict.stale(), 1);
        assert!(verdict.longest_lag > BOUNDS.calm);
    }

    #[test]
    fn a_fault_grants_more_and_then_no_more() {
        let faults = [Fault { began: Instant::now(), ended: in_seconds(10) }];
        let judge = judge();
        judge.read(1, 0, 2, in_seconds(9));
        judge.read(1, 0, 2, in_seconds(14));
        let verdict = judge.verdict(&faults, BOUNDS);
        assert_eq!(verdict.stale(), 0);
        assert!(verdict.longest_lag_in_fault > Duration::from_secs(8));
        assert!(verdict.longest_lag_after_fault > Duration::from_secs(3));
        judge.read(1, 0, 2, in_seconds(16));
        assert_eq!(judge.verdict(&faults, BOUNDS).stale(), 1);
        judge.read(0, 0, 2, in_seconds(1));
        assert_eq!(judge.verdict(&faults, BOUNDS).stale(), 2, "on the node itself nothing is");
    }
}
