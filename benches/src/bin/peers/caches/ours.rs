//! This cache, as its guide has it for several nodes: memory, Redis with the bus and the lease, a loader of
//! batches.

use anyhow::{Context, Result};
use benches::peers::Plan;
use cache_facade::{Cache, Memory, Region};

use crate::{
    node::{Node, Which},
    provider::{Quote, quotes},
};

pub(crate) struct Ours {
    prices: Region<Quote>,
    _cache: Cache,
}

impl Node for Ours {
    const CRATES: &'static [&'static str] = &["cache-facade", "redis"];

    async fn open(plan: &Plan, _: Which) -> Result<Self> {
        let cache = Cache::builder()
            .namespace(&plan.namespace)
            .memory(Memory::entries(plan.room as u64))
            .redis(plan.redis.as_str())?
            .build()
            .await?;
        let prices = cache.region("price").ttl("1h").load_many(plan.provider_batch, quotes).open()?;
        Ok(Self { prices, _cache: cache })
    }

    async fn read(&self, id: &str) -> Result<u64> {
        Ok(self.prices.get(id).await?.context("no such quote")?.sequence)
    }

    async fn read_many(&self, ids: &[String]) -> Result<usize> {
        Ok(self.prices.get_many(ids).await?.iter().flatten().count())
    }

    async fn remove(&self, id: &str) -> Result<()> {
        self.prices.remove(id).await?;
        Ok(())
    }
}
