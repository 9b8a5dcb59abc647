//! What came of many operations: how long they took, what failed, and who answered.

use std::{borrow::Cow, collections::BTreeMap, mem, time::Duration};

use anyhow::{Context, Error, Result};
use hdrhistogram::Histogram;

/// The digits that are kept of each time.
const DIGITS: u8 = 3;

/// What an operation came to that did not fail.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    /// Who answered each of its reads: `memory`, a tier, `loader`. None for a write.
    pub(crate) answered_by: Vec<Cow<'static, str>>,
}

/// Why an operation counts as an error.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) what: What,
    /// How many reads it was of; none for a write.
    pub(crate) reads: usize,
}

#[derive(Debug)]
pub(crate) enum What {
    /// It failed, or found nothing.
    Failed(Error),
    /// It found another value than the right one.
    Wrong(String),
}

impl Fault {
    /// Returns the same, of an operation that read so many keys.
    pub(crate) fn of_reads(self, reads: usize) -> Self {
        Self { reads, ..self }
    }

    pub(crate) fn wrong(what: String) -> Self {
        Self { what: What::Wrong(what), reads: 0 }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self { what: What::Failed(error), reads: 0 }
    }
}

/// All operations of a scenario.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    latencies: Histogram<u64>,
    answered_by: BTreeMap<Cow<'static, str>, u64>,
    /// Reads of operations that failed or found a wrong value.
    missed: u64,
    failed: u64,
    wrong: u64,
    first_fault: Option<String>,
}

impl Tally {
    pub(crate) fn new() -> Result<Self> {
        // It grows with the times that come, however long.
        let latencies = Histogram::new(DIGITS).context("times can't be kept")?;
        let answered_by = BTreeMap::new();
        Ok(Self { latencies, answered_by, missed: 0, failed: 0, wrong: 0, first_fault: None })
    }

    /// Notes an operation that took this long, counted from when it was due.
    pub(crate) fn note(&mut self, took: Duration, outcome: Result<Outcome, Fault>) {
        self.record(took, 1);
        match outcome {
            Ok(outcome) => {
                for by in outcome.answered_by {
                    *self.answered_by.entry(by).or_default() += 1;
                }
            }
            Err(Fault { what, reads }) => {
                self.missed += reads as u64;
                match what {
                    What::Failed(error) => {
                        self.failed += 1;
                        self.first_fault.get_or_insert_with(|| format!("{error:#}"));
                    }
                    What::Wrong(what) => {
                        // Nothing is worse than a wrong value: it is told though something else failed before.
                        if self.wrong == 0 {
                            self.first_fault = Some(what);
                        }
                        self.wrong += 1;
                    }
                }
            }
        }
    }

    /// Notes operations that had no answer when nobody waited any more, each for at least so long.
    pub(crate) fn note_unanswered(&mut self, operations: u64, waited: Duration) {
        if operations > 0 {
            self.record(waited, operations);
            self.missed += operations;
            self.failed += operations;
            self.first_fault.get_or_insert_with(|| format!("no answer within {waited:?}"));
        }
    }

    fn record(&mut self, took: Duration, operations: u64) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX).max(1);
        if self.latencies.record_n(nanos, operations).is_err() {
            self.latencies.saturating_record_n(nanos, operations);
        }
    }

    /// Adds what another one has noted.
    pub(crate) fn add(&mut self, mut other: Self) -> Result<()> {
        self.latencies.add(&other.latencies).context("times can't be put together")?;
        for (by, reads) in mem::take(&mut other.answered_by) {
            *self.answered_by.entry(by).or_default() += reads;
        }
        self.missed += other.missed;
        self.add_faults(other);
        Ok(())
    }

    /// Adds the faults of another one, and nothing else.
    pub(crate) fn add_faults(&mut self, other: Self) {
        if self.first_fault.is_none() || (self.wrong == 0 && other.wrong > 0) {
            self.first_fault = other.first_fault.or(self.first_fault.take());
        }
        self.failed += other.failed;
        self.wrong += other.wrong;
    }

    pub(crate) fn operations(&self) -> u64 {
        self.latencies.len()
    }

    /// Returns how many failed or found a wrong value.
    pub(crate) fn errors(&self) -> u64 {
        self.failed + self.wrong
    }

    /// Returns how many found a wrong value.
    pub(crate) fn wrong(&self) -> u64 {
        self.wrong
    }

    pub(crate) fn first_fault(&self) -> Option<&str> {
        self.first_fault.as_deref()
    }

    /// Returns how many reads each answered.
    pub(crate) fn answered_by(&self) -> &BTreeMap<Cow<'static, str>, u64> {
        &self.answered_by
    }

    /// Returns the share of reads that a cached value answered; `None` without a read. One that failed is a
    /// miss.
    pub(crate) fn hit_rate(&self) -> Option<f64> {
        let is_hit = |by: &str| by != "loader" && by != "nowhere";
        let all = self.answered_by.values().sum::<u64>() + self.missed;
        let hits: u64 = self.answered_by.iter().filter(|(by, _)| is_hit(by)).map(|(_, reads)| reads).sum();
        (all > 0).then(|| hits as f64 / all as f64)
    }

    /// Returns the time within which this share of the operations ended, in milliseconds.
    pub(crate) fn quantile_ms(&self, quantile: f64) -> f64 {
        self.latencies.value_at_quantile(quantile) as f64 / 1e6
    }

    pub(crate) fn max_ms(&self) -> f64 {
        self.latencies.max() as f64 / 1e6
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    fn by(who: &'static str) -> Result<Outcome, Fault> {
        Ok(Outcome { answered_by: vec![who.into()] })
    }

    #[test]
    fn quantiles_are_those_of_all_times_to_three_digits() {
        let mut tally = Tally::new().unwrap();
        for micros in 1..=1000 {
            tally.note(Duration::from_micros(micros), by("memory"));
        }
        let near = |quantile, ms: f64| {
            let told = tally.quantile_ms(quantile);
            assert!((told / ms - 1.0).abs() < 0.002, "{told} for {ms}");
        };
        near(0.5, 0.5);
        near(0.99, 0.99);
        near(0.999, 0.999);
        assert!((tally.max_ms() - 1.0).abs() < 0.002);
        assert_eq!((tally.operations(), tally.errors()), (1000, 0));
    }

    #[test]
    fn hits_are_what_memory_or_a_tier_answered_of_all_reads() {
        let mut tally = Tally::new().unwrap();
        assert_eq!(tally.hit_rate(), None);
        let failed = |reads| Err(Fault::from(anyhow!("away")).of_reads(reads));
        for outcome in [by("memory"), by("redis"), by("loader"), failed(1), failed(0)] {
            tally.note(Duration::from_millis(1), outcome);
        }
        assert_eq!(tally.hit_rate(), Some(0.5), "a write that failed is no read");
        assert_eq!(tally.answered_by().len(), 3);
        // A batch that failed misses each of its keys.
        tally.note(Duration::from_millis(1), failed(4));
        assert_eq!(tally.hit_rate(), Some(0.25));
    }

    #[test]
    fn a_time_is_told_however_long_it_is() {
        let mut tally = Tally::new().unwrap();
        let mut other = tally.clone();
        other.note(Duration::from_secs(86_400), by("memory"));
        tally.add(other).unwrap();
        assert!((tally.max_ms() / 86_400_000.0 - 1.0).abs() < 0.002, "{}", tally.max_ms());
    }

    #[test]
    fn of_what_only_warmed_up_errors_alone_count() {
        let (mut tally, mut first) = (Tally::new().unwrap(), Tally::new().unwrap());
        first.note(Duration::from_secs(1), by("memory"));
        first.note(Duration::from_secs(1), Err(anyhow!("away").into()));
        tally.add_faults(first);
        assert_eq!((tally.operations(), tally.errors(), tally.first_fault()), (0, 1, Some("away")));
    }

    #[test]
    fn a_wrong_value_is_told_before_other_faults() {
        let mut tally = Tally::new().unwrap();
        let mut other = tally.clone();
        tally.note(Duration::ZERO, Err(anyhow!("away").into()));
        assert_eq!(tally.first_fault(), Some("away"));
        other.note(Duration::ZERO, Err(Fault::wrong("another's value".to_owned())));
        tally.add(other).unwrap();
        assert_eq!((tally.errors(), tally.wrong(), tally.first_fault()), (2, 1, Some("another's value")));
    }
}
