//! The figures on PostgreSQL: for each what the tier does and what the client alone does.

use anyhow::Result;
use cache_core::Tier;
use cache_l2_pg::{PgConfig, PgTier, Postgres};

use crate::{
    batches,
    figures::{Figures, PG_BATCH_GET, PG_BATCH_PUT, PG_GET_MANY, PG_PUT_MANY},
    paired::{Round, run_paired, timed},
    raw_postgres::RawPostgres,
    workload::{COMPRESS_ABOVE, Workload, all_there, same},
};

/// How many batches either side puts a round.
const PUTS: usize = 20;

/// Both sides, connected, with all keys in two tables of one database.
pub(crate) struct OnPostgres {
    tier: PgTier,
    raw: RawPostgres,
}

impl OnPostgres {
    pub(crate) async fn start(workload: &Workload, url: &str) -> Result<Self> {
        let config = PgConfig::new(url)?.pool_size(1).compress_above(COMPRESS_ABOVE);
        let tier = Postgres::connect(config, workload.clock.clone()).await?.tier();
        let mut raw = RawPostgres::connect(url).await?;
        for keys in workload.batches() {
            let entries = workload.entries(keys);
            tier.put(&entries).await?;
            raw.put_many(&entries).await?;
            same(&entries, &tier.get(keys).await?)?;
            same(&entries, &raw.get_many(keys).await?)?;
        }
        Ok(Self { tier, raw })
    }

    /// One round of all figures.
    pub(crate) async fn round(
        &mut self,
        workload: &Workload,
        round: usize,
        figures: &mut Figures,
    ) -> Result<()> {
        self.raw.vacuum().await?;
        figures.note(&PG_GET_MANY, self.get_many(workload, round).await?);
        figures.note(&PG_PUT_MANY, self.put_many(workload, round).await?);
        figures.note(&PG_BATCH_GET, batches::gets(&self.tier, workload, round, 2).await?);
        figures.note(&PG_BATCH_PUT, batches::puts(&self.tier, workload, round, 2).await?);
        Ok(())
    }

    async fn get_many(&mut self, workload: &Workload, round: usize) -> Result<Round> {
        let tier = async |turn| {
            let (found, time) = timed(self.tier.get(workload.batch(turn))).await;
            all_there(&found?)?;
            Ok(time)
        };
        let raw = async |turn| {
            let (found, time) = timed(self.raw.get_many(workload.batch(turn))).await;
            all_there(&found?)?;
            Ok(time)
        };
        run_paired(round, 30, tier, raw).await
    }

    async fn put_many(&mut self, workload: &Workload, round: usize) -> Result<Round> {
        let (mut last_of_tier, mut last_of_raw) = (Vec::new(), Vec::new());
        let tier = async |turn| {
            let entries = workload.entries(workload.batch(turn));
            let (put, time) = timed(self.tier.put(&entries)).await;
            last_of_tier = entries;
            put?;
            Ok(time)
        };
        let raw = async |turn| {
            let entries = workload.entries(workload.batch(turn));
            let (put, time) = timed(self.raw.put_many(&entries)).await;
            last_of_raw = entries;
            put?;
            Ok(time)
        };
        let measured = run_paired(round, PUTS, tier, raw).await?;
        let keys = workload.batch((round + 1) * PUTS - 1);
        same(&last_of_tier, &self.tier.get(keys).await?)?;
        same(&last_of_raw, &self.raw.get_many(keys).await?)?;
        Ok(measured)
    }
}
