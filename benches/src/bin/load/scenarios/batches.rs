//! Batches of 100 keys, one after the other.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use anyhow::Result;

use super::{BATCH, BATCHES_FROM, Load};
use crate::{
    measure::burst::{Burst, one_by_one},
    report::row::Row,
    scenario::Scenario,
    subject::Subject,
    workload::quote::Quote,
};

/// How many batches a round has.
const BATCHES: usize = 100;

impl Load<'_> {
    pub(super) async fn get_many(&self, scenario: Scenario, subject: &Subject) -> Result<Row> {
        let parts = self.preloaded() / BATCH;
        self.batches(scenario, || {
            one_by_one(self.options.scaled(BATCHES), |number| {
                let first = (number % parts * BATCH) as u64;
                let ids: Vec<u64> = (first..first + BATCH as u64).collect();
                async move { subject.read(&ids, |_, version| version == 0).await }
            })
        })
        .await
    }

    pub(super) async fn put_many(&self, scenario: Scenario) -> Result<Row> {
        let next = Arc::new(AtomicU64::new(BATCHES_FROM));
        self.batches(scenario, || {
            one_by_one(self.options.scaled(BATCHES), |_| {
                let first = next.fetch_add(BATCH as u64, Ordering::Relaxed);
                let quotes: Vec<_> = (first..first + BATCH as u64).map(|id| Quote::new(id, 0)).collect();
                self.subject.write(quotes)
            })
        })
        .await
    }

    async fn batches<F>(&self, scenario: Scenario, round: impl Fn() -> F) -> Result<Row>
    where
        F: Future<Output = Result<Burst>>,
    {
        let row = self.rounds(scenario, 1, BATCH, |_| round()).await?;
        Ok(row.of_batches(BATCH))
    }
}
