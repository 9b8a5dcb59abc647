//! Reads, writes and both, all at once.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use anyhow::Result;

use super::{AT_ONCE, KEYS, Load, MIXED_FROM, WRITES_FROM};
use crate::{
    measure::{
        burst::{Burst, burst},
        tally::{Fault, Outcome},
    },
    report::row::{Measured, Row},
    scenario::Scenario,
    subject::Subject,
    workload::{quote::Quote, versions::Versions},
};

/// One in so many operations of a mixed load writes.
const MIXED_WRITES: u64 = 5;

impl Load<'_> {
    pub(super) async fn reads(
        &self,
        scenario: Scenario,
        subject: &Subject,
        at_once: usize,
        keys: usize,
    ) -> Result<Row> {
        let (at_once, keys) = (self.options.scaled(at_once), self.options.scaled(keys));
        self.rounds(scenario, at_once, keys, |_| {
            let subject = subject.clone();
            burst(at_once, move |number| {
                let (subject, id) = (subject.clone(), (number % keys) as u64);
                async move { subject.read(&[id], |_, version| version == 0).await }
            })
        })
        .await
    }

    pub(super) async fn writes(&self, scenario: Scenario) -> Result<Row> {
        let at_once = self.options.scaled(AT_ONCE);
        let next = Arc::new(AtomicU64::new(WRITES_FROM));
        self.rounds(scenario, at_once, at_once, |_| {
            let (subject, next) = (self.subject.clone(), Arc::clone(&next));
            burst(at_once, move |_| {
                let (subject, id) = (subject.clone(), next.fetch_add(1, Ordering::Relaxed));
                async move { subject.write(vec![Quote::new(id, 0)]).await }
            })
        })
        .await
    }

    /// Reads and writes of the same keys. A read may find nothing that was replaced before it began.
    pub(super) async fn mixed(&self, scenario: Scenario) -> Result<Row> {
        let (at_once, keys) = (self.options.scaled(AT_ONCE), self.options.scaled(KEYS));
        let first = (0..keys as u64).map(|at| Quote::new(MIXED_FROM + at, 0));
        for quote in first {
            self.subject.preload(vec![quote]).await?;
        }
        let versions = Arc::new(Versions::new(MIXED_FROM, keys));
        self.rounds(scenario, at_once, keys, |round| {
            let (subject, versions) = (self.subject.clone(), Arc::clone(&versions));
            let mut random = fastrand::Rng::with_seed(u64::from(round));
            let places: Vec<_> = (0..at_once).map(|_| random.usize(..keys)).collect();
            burst(at_once, move |number| {
                let (subject, versions, at) = (subject.clone(), Arc::clone(&versions), places[number]);
                async move {
                    match (number as u64).is_multiple_of(MIXED_WRITES) {
                        true => write(&subject, &versions, at).await,
                        false => read(&subject, &versions, at).await,
                    }
                }
            })
        })
        .await
    }

    /// Runs a burst as often as asked for, and once before to warm up, of which errors alone count.
    pub(super) async fn rounds<F>(
        &self,
        scenario: Scenario,
        at_once: usize,
        keys: usize,
        one: impl Fn(u32) -> F,
    ) -> Result<Row>
    where
        F: Future<Output = Result<Burst>>,
    {
        let (mut tally, faults_before) = self.begin()?;
        let mut took = Vec::new();
        for round in 0..=self.options.rounds {
            let burst = one(round).await?;
            if round == 0 {
                tally.add_faults(burst.tally);
            } else {
                took.push(burst.took);
                tally.add(burst.tally)?;
            }
        }
        let tier_faults = self.tier_faults().since(&faults_before);
        Ok(Row::new(scenario, &tally, Measured { at_once, keys, took, tier_faults }))
    }
}

async fn write(subject: &Subject, versions: &Versions, at: usize) -> Result<Outcome, Fault> {
    let write = versions.begin(at);
    let outcome = subject.write(vec![Quote::new(write.id, write.version)]).await;
    match &outcome {
        Ok(_) => versions.done(&write),
        Err(_) => versions.failed(&write),
    }
    outcome
}

async fn read(subject: &Subject, versions: &Versions, at: usize) -> Result<Outcome, Fault> {
    let least = versions.least(at);
    let is_right = |_, version| version >= least && version <= versions.last(at);
    subject.read(&[MIXED_FROM + at as u64], is_right).await
}
