//! The scenarios, each run on a subject: what comes of one is a row, or a row for each tier.

mod at_once;
mod batches;
mod hit_rate;
mod open_loop;

use anyhow::Result;

use crate::{
    measure::tally::Tally,
    options::Options,
    progress::Progress,
    report::row::Row,
    scenario::Scenario,
    setup::Setup,
    subject::{
        Subject,
        embedded::{EmbeddedCache, TierFaults},
    },
    workload::quote::Quote,
};

/// How many operations are started at once, over how many keys.
const AT_ONCE: usize = 1000;
const KEYS: usize = 100;
/// The same under stress.
const STRESS_AT_ONCE: usize = 5000;
const STRESS_KEYS: usize = 500;
/// How many keys a batch has.
const BATCH: usize = 100;

/// Where the keys of each scenario that writes begin: none writes what another one reads.
const WRITES_FROM: u64 = 1_000_000;
const MIXED_FROM: u64 = 2_000_000;
const BATCHES_FROM: u64 = 3_000_000;

/// A subject, and what its scenarios are run with.
pub(crate) struct Load<'a> {
    pub(crate) subject: Subject,
    /// What further caches are built on; `None` for a service.
    pub(crate) setup: Option<&'a Setup>,
    pub(crate) options: &'a Options,
    pub(crate) progress: &'a Progress,
}

impl Load<'_> {
    /// Puts what the scenarios read.
    pub(crate) async fn preload(&self) -> Result<()> {
        let quotes: Vec<_> = (0..self.preloaded() as u64).map(|id| Quote::new(id, 0)).collect();
        for part in quotes.chunks(BATCH) {
            self.subject.preload(part.to_vec()).await?;
        }
        Ok(())
    }

    fn preloaded(&self) -> usize {
        self.options.scaled(AT_ONCE).max(self.options.scaled(STRESS_KEYS)).max(BATCH)
    }

    /// Runs a scenario.
    pub(crate) async fn run(&self, scenario: Scenario) -> Result<Vec<Row>> {
        self.progress.say(scenario.name());
        match scenario {
            Scenario::Reads => Ok(vec![self.reads(scenario, &self.subject, AT_ONCE, KEYS).await?]),
            Scenario::ReadsTier => self.reads_of_tiers(scenario, AT_ONCE, KEYS).await,
            Scenario::ReadsDistinct => self.reads_of_tiers(scenario, AT_ONCE, AT_ONCE).await,
            Scenario::Writes => Ok(vec![self.writes(scenario).await?]),
            Scenario::Mixed => Ok(vec![self.mixed(scenario).await?]),
            Scenario::Stress => {
                Ok(vec![self.reads(scenario, &self.subject, STRESS_AT_ONCE, STRESS_KEYS).await?])
            }
            Scenario::StressTier => self.reads_of_tiers(scenario, STRESS_AT_ONCE, STRESS_KEYS).await,
            Scenario::GetMany => Ok(vec![self.get_many(scenario, &self.subject).await?]),
            Scenario::GetManyTier => {
                let mut rows = Vec::new();
                for (tier, subject) in self.tiers() {
                    rows.push(self.get_many(scenario, &subject).await?.of_tier(tier));
                }
                Ok(rows)
            }
            Scenario::PutMany => Ok(vec![self.put_many(scenario).await?]),
            Scenario::HitRateCold | Scenario::HitRateWarm => self.hit_rate(scenario).await,
            Scenario::OpenLoop => Ok(vec![self.open_loop(scenario, &self.subject).await?]),
            Scenario::OpenLoopTier => {
                let Some((tier, subject)) = self.tiers().into_iter().next() else { return Ok(Vec::new()) };
                Ok(vec![self.open_loop(scenario, &subject).await?.of_tier(tier)])
            }
        }
    }

    async fn reads_of_tiers(&self, scenario: Scenario, at_once: usize, keys: usize) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        for (tier, subject) in self.tiers() {
            rows.push(self.reads(scenario, &subject, at_once, keys).await?.of_tier(tier));
        }
        Ok(rows)
    }

    /// Returns each tier behind memory with the subject as that tier answers it.
    fn tiers(&self) -> Vec<(&'static str, Subject)> {
        let Subject::Embedded(cache) = &self.subject else { return Vec::new() };
        let of_tier = |tier| (tier, Subject::Embedded(cache.answered_by(tier)));
        cache.tiers().into_iter().map(of_tier).collect()
    }

    /// Returns how many calls of tiers have failed so far.
    fn tier_faults(&self) -> TierFaults {
        match &self.subject {
            Subject::Embedded(cache) => EmbeddedCache::tier_faults(cache),
            Subject::Service(_) => TierFaults::default(),
        }
    }

    /// Returns an empty tally, and what is to be compared after a scenario.
    fn begin(&self) -> Result<(Tally, TierFaults)> {
        Ok((Tally::new()?, self.tier_faults()))
    }
}
