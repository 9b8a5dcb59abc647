//! moka over the crate redis, joined by hand as in a service without a tiered cache.
//!
//! `try_get_with` shares loads of one key on a node. Many keys are one MGET, and what that lacks is loaded by the
//! batch and put by a pipeline, whose loads are not shared. There is no bus and no lease: another node's memory
//! keeps a value until it expires.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, anyhow};
use benches::peers::Plan;
use bincode::config::standard;
use moka::future::Cache;
use redis::{
    AsyncCommands, Client,
    aio::{ConnectionManager, ConnectionManagerConfig},
    pipe,
};

use crate::{
    node::{Node, Which},
    provider::{Quote, quote, quotes},
};

const LIFE: Duration = Duration::from_secs(3600);

pub(crate) struct MokaRedis {
    near: Cache<String, Arc<Quote>>,
    redis: ConnectionManager,
    namespace: String,
    provider_batch: usize,
}

impl MokaRedis {
    fn key(&self, id: &str) -> String {
        format!("{}:price:{id}", self.namespace)
    }

    /// Reads from Redis, or else loads and stores there.
    async fn read_below(&self, id: &str) -> Result<Arc<Quote>> {
        let (key, mut redis) = (self.key(id), self.redis.clone());
        if let Some(bytes) = redis.get::<_, Option<Vec<u8>>>(&key).await? {
            return decode(&bytes);
        }
        let value = quote(id).await?;
        let _: () = redis.set_ex(&key, encode(&value)?, LIFE.as_secs()).await?;
        Ok(Arc::new(value))
    }

    /// Loads these by the batch, and stores them.
    async fn load(&self, ids: &[&String]) -> Result<()> {
        let mut puts = pipe();
        for batch in ids.chunks(self.provider_batch) {
            for (id, value) in quotes(batch.iter().copied().cloned().collect()).await? {
                puts.set_ex(self.key(&id), encode(&value)?, LIFE.as_secs()).ignore();
                self.near.insert(id, Arc::new(value)).await;
            }
        }
        Ok(puts.query_async(&mut self.redis.clone()).await?)
    }
}

impl Node for MokaRedis {
    const CRATES: &'static [&'static str] = &["moka", "redis"];

    async fn open(plan: &Plan, _: Which) -> Result<Self> {
        // Its default of half a second is too short for a busy machine.
        let patient = ConnectionManagerConfig::new().set_response_timeout(Some(Duration::from_secs(10)));
        Ok(Self {
            near: Cache::builder().max_capacity(plan.room as u64).time_to_live(LIFE).build(),
            redis: Client::open(plan.redis.as_str())?.get_connection_manager_with_config(patient).await?,
            namespace: plan.namespace.clone(),
            provider_batch: plan.provider_batch,
        })
    }

    async fn read(&self, id: &str) -> Result<u64> {
        let found = self.near.try_get_with_by_ref(id, self.read_below(id)).await;
        Ok(found.map_err(|shared| anyhow!("{shared:#}"))?.sequence)
    }

    async fn read_many(&self, ids: &[String]) -> Result<usize> {
        let (mut found, mut absent) = (0, Vec::new());
        for id in ids {
            if self.near.get(id).await.is_some() { found += 1 } else { absent.push(id) }
        }
        if absent.is_empty() {
            return Ok(found);
        }
        let keys: Vec<String> = absent.iter().map(|id| self.key(id)).collect();
        let stored: Vec<Option<Vec<u8>>> = self.redis.clone().mget(&keys).await?;
        let mut missing = Vec::new();
        for (id, bytes) in absent.into_iter().zip(stored) {
            match bytes {
                Some(bytes) => self.near.insert(id.clone(), decode(&bytes)?).await,
                None => missing.push(id),
            }
            found += 1;
        }
        if !missing.is_empty() {
            self.load(&missing).await?;
        }
        Ok(found)
    }

    async fn remove(&self, id: &str) -> Result<()> {
        let _: usize = self.redis.clone().del(self.key(id)).await?;
        self.near.invalidate(id).await;
        Ok(())
    }
}

fn encode(value: &Quote) -> Result<Vec<u8>> {
    bincode::serde::encode_to_vec(value, standard()).context("a quote can't be encoded")
}

fn decode(bytes: &[u8]) -> Result<Arc<Quote>> {
    let (value, _) =
        bincode::serde::decode_from_slice(bytes, standard()).context("a quote can't be decoded")?;
    Ok(Arc::new(value))
}
