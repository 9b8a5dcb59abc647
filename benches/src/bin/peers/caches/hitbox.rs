//! hitbox: a function under its macro, over moka composed with Redis.
//!
//! As the documentation of hitbox-redis has it for two tiers, with bincode, its default, the refill of memory
//! from Redis, and the manager that shares loads of one key on a node. It reads one key at a time, and has no
//! bus: another node's memory keeps a value until it expires. The key is an owned text, made at each call, as
//! the macro wants it.

use std::time::Duration;

use anyhow::{Result, anyhow};
use benches::peers::Plan;
use futures_util::future::try_join_all;
use hitbox::{
    DisabledOffload, Extractor,
    concurrency::BroadcastConcurrencyManager,
    offload::OffloadManager,
    policy::{ConcurrencyLimit, PolicyConfig},
};
use hitbox_backend::{
    Backend, CompositionBackend,
    composition::{Compose, policy::RefillPolicy},
    format::BincodeFormat,
};
use hitbox_fn::{Arg, Args, Cache, FnExtractor, cached};
use hitbox_moka::MokaBackend;
use hitbox_redis::{ConnectionMode, RedisBackend};

use crate::{
    node::{Node, Which},
    provider::{self, Quote},
};

type Answer = Result<Quote, String>;
type Tiers = CompositionBackend<MokaBackend<BincodeFormat>, RedisBackend, OffloadManager>;

#[cached]
async fn quote(id: String) -> Answer {
    provider::quote(&id).await.map_err(|error| error.to_string())
}

pub(crate) struct Hitbox {
    cache: Cache<Tiers, BroadcastConcurrencyManager<Answer>, DisabledOffload>,
    namespace: String,
}

impl Hitbox {
    /// Keys of functions have no namespace: the id has it.
    fn id(&self, id: &str) -> String {
        format!("{}:{id}", self.namespace)
    }
}

impl Node for Hitbox {
    const CRATES: &'static [&'static str] = &["hitbox", "hitbox-redis", "hitbox-moka"];

    async fn open(plan: &Plan, _: Which) -> Result<Self> {
        let near = MokaBackend::builder().max_entries(plan.room as u64).value_format(BincodeFormat).build();
        let redis =
            RedisBackend::builder().connection(ConnectionMode::single(plan.redis.as_str())).build()?;
        let tiers = near.compose(redis, OffloadManager::with_defaults()).refill(RefillPolicy::Always);
        let life = Duration::from_secs(3600);
        let cache = Cache::builder()
            .backend(tiers)
            .policy(PolicyConfig::builder().ttl(life).concurrency(ConcurrencyLimit::MIN).build())
            .concurrency_manager(BroadcastConcurrencyManager::new())
            .build();
        Ok(Self { cache, namespace: plan.namespace.clone() })
    }

    async fn read(&self, id: &str) -> Result<u64> {
        let found = quote(self.id(id)).cache(&self.cache).await;
        Ok(found.map_err(|error| anyhow!(error))?.sequence)
    }

    async fn read_many(&self, ids: &[String]) -> Result<usize> {
        Ok(try_join_all(ids.iter().map(|id| self.read(id))).await?.len())
    }

    async fn remove(&self, id: &str) -> Result<()> {
        let args = Args((Arg::new("id", self.id(id)),));
        let parts = FnExtractor::<Args<(Arg<String>,)>>::new("quote").get(args).await;
        let removed = self.cache.backend().remove(&parts.into_cache_key().1).await;
        removed.map(drop).map_err(|error| anyhow!("{error}"))
    }
}
