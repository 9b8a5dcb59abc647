//! How often entries are read while memory holds them.

use std::time::Duration;

/// How long an entry has to be held before it counts as not read.
const PROVEN: Duration = Duration::from_secs(3600);

/// Times that memory held an entry, and how often it was read meanwhile: estimates for all keys, from a sample.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Stays {
    /// How many of them are known of sampled keys.
    pub(crate) sampled: u64,
    /// Those that ended and those that last for an hour by now, by reads: none, one, more.
    pub(crate) by_reads: [f64; 3],
    /// Those that ended for want of room with one read at most.
    pub(crate) evicted_early: f64,
    /// Entries that are held.
    pub(crate) held: f64,
}

impl Stays {
    /// Adds one that ended, or that lasts long: for all keys, of which this share was sampled all the while.
    fn add(&mut self, reads: u32, rate: f64) {
        self.sampled += 1;
        self.by_reads[reads.min(2) as usize] += 1.0 / rate;
    }

    /// Adds one that lasts, of a key of the present sample. If it was not sampled all the while, nobody knows how
    /// often it was read.
    pub(super) fn hold(&mut self, rate: f64, reads: u32, age: Duration, rate_all_the_while: Option<f64>) {
        self.held += 1.0 / rate;
        if age >= PROVEN
            && let Some(rate) = rate_all_the_while
        {
            self.add(reads, rate);
        }
    }
}

/// Those of a kind that ended.
#[derive(Debug)]
pub(super) struct SampledStays {
    pub(super) name: String,
    pub(super) ended: Stays,
}

impl SampledStays {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ended: Stays::default() }
    }

    pub(super) fn end(&mut self, reads: u32, for_want_of_room: bool, rate_all_the_while: f64) {
        self.ended.add(reads, rate_all_the_while);
        if for_want_of_room && reads < 2 {
            self.ended.evicted_early += 1.0 / rate_all_the_while;
        }
    }
}
