//! What came of many operations: how long they took, what failed, and who answered.

use std::{borrow::Cow, collections::BTreeMap, time::Duration};

use anyhow::{Context, Error, Result};
use hdrhistogram::Histogram;

/// The longest time that is told apart from longer ones.
const LONGEST: Duration = Duration::from_secs(120);
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
pub(crate) enum Fault {
    /// It failed, or found nothing.
    Failed(Error),
    /// It found another value than the right one.
    Wrong(String),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// All operations of a scenario.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    latencies: Histogram<u64>,
    answered_by: BTreeMap<Cow<'static, str>, u64>,
    failed: u64,
    wrong: u64,
    first_fault: Option<String>,
}

impl Tally {
    pub(crate) fn new() -> Result<Self> {
        let longest = LONGEST.as_nanos() as u64;
        let latencies = Histogram::new_with_bounds(1, longest, DIGITS).context("times can't be kept")?;
        Ok(Self { latencies, answered_by: BTreeMap::new(), failed: 0, wrong: 0, first_fault: None })
    }

    /// Notes an operation that took this long, counted from when it was due.
    pub(crate) fn note(&mut self, took: Duration, outcome: Result<Outcome, Fault>) {
        self.latencies.saturating_record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX).max(1));
        match outcome {
            Ok(outcome) => {
                for by in outcome.answered_by {
                    *self.answered_by.entry(by).or_default() += 1;
                }
            }
            Err(Fault::Failed(error)) => {
                self.failed += 1;
                self.first_fault.get_or_insert_with(|| format!("{error:#}"));
            }
            Err(Fault::Wrong(what)) => {
                // Nothing is worse than a wrong value: it is told though something else failed before.
                if self.wrong == 0 {
                    self.first_fault = Some(what);
                }
                self.wrong += 1;
            }
        }
    }

    /// Adds what another one has noted.
    pub(crate) fn add(&mut self, other: Self) -> Result<()> {
        self.latencies.add(&other.latencies).context("times can't be put together")?;
        for (by, reads) in other.answered_by {
            *self.answered_by.entry(by).or_default() += reads;
        }
        if self.first_fault.is_none() || (self.wrong == 0 && other.wrong > 0) {
            self.first_fault = other.first_fault.or(self.first_fault.take());
        }
        self.failed += other.failed;
        self.wrong += other.wrong;
        Ok(())
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
        let all: u64 = self.answered_by.values().sum();
        let hits: u64 = self.answered_by.iter().filter(|(by, _)| is_hit(by)).map(|(_, reads)| reads).sum();
        (all > 0).then(|| hits as f64 / (all + self.failed) as f64)
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
        let failed = Err(Fault::Failed(anyhow!("away")));
        for outcome in [by("memory"), by("redis"), by("loader"), failed] {
            tally.note(Duration::from_millis(1), outcome);
        }
        assert_eq!(tally.hit_rate(), Some(0.5));
        assert_eq!(tally.answered_by().len(), 3);
    }

    #[test]
    fn a_wrong_value_is_told_before_other_faults() {
        let mut tally = Tally::new().unwrap();
        let mut other = tally.clone();
        tally.note(Duration::ZERO, Err(Fault::Failed(anyhow!("away"))));
        assert_eq!(tally.first_fault(), Some("away"));
        other.note(Duration::ZERO, Err(Fault::Wrong("another's value".to_owned())));
        tally.add(other).unwrap();
        assert_eq!((tally.errors(), tally.wrong(), tally.first_fault()), (2, 1, Some("another's value")));
    }
}
