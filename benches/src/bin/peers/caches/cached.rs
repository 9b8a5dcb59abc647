//! cached: a function under `#[cached]`, which keeps values in memory, over one under `#[concurrent_cached]`,
//! which keeps them in Redis.
//!
//! Each as its documentation has it: `sync_writes = "by_key"` shares first calls of one key on a node, and the
//! connection manager connects anew. It reads one key at a time, and has no bus: another node's memory keeps a
//! value until it expires. Its stores are static, so that two nodes are two pairs of functions.

use std::sync::{Arc, OnceLock};

use anyhow::{Result, anyhow};
use benches::peers::Plan;
use cached::{AsyncRedisCache, LruTtlCache, RedisCacheBuildError, time::Duration};
use futures_util::future::try_join_all;

use crate::{
    node::{Node, Which},
    provider::Quote,
};

/// What the stores are made by, at their first use.
static PLAN: OnceLock<Plan> = OnceLock::new();

const LIFE: Duration = Duration::from_secs(3600);

type Near = LruTtlCache<String, Arc<Quote>>;
type Shared = AsyncRedisCache<String, Quote>;

/// The two functions of one node, their stores, and what removes a key from both.
#[rustfmt::skip]
macro_rules! functions {
    ($node:ident) => {
        mod $node {
            use std::sync::Arc;

            use cached::{
                Cached as _, ConcurrentCachedAsync as _,
                macros::{cached, concurrent_cached},
            };

            use super::{Near, Shared};
            use crate::provider::{self, Quote};

            #[cached(
                ty = "Near",
                create = { super::near_store() },
                key = "String",
                convert = { id.to_owned() },
                sync_writes = "by_key"
            )]
            pub(super) async fn near(id: &str) -> Result<Arc<Quote>, String> {
                Ok(Arc::new(shared(id).await?))
            }

            #[concurrent_cached(
                ty = "Shared",
                create = { super::shared_store().await.expect("a Redis that is there") },
                key = "String",
                convert = { id.to_owned() },
                map_error = |error| error.to_string()
            )]
            async fn shared(id: &str) -> Result<Quote, String> {
                provider::quote(id).await.map_err(|error| error.to_string())
            }

            pub(super) async fn remove(id: &str) -> Result<(), String> {
                if let Some(store) = SHARED.get() {
                    store.async_cache_delete(&id.to_owned()).await.map_err(|error| error.to_string())?;
                }
                let _ = NEAR.write().await.cache_remove(id);
                Ok(())
            }
        }
    };
}

functions!(a);
functions!(b);

fn near_store() -> Near {
    let room = PLAN.get().map_or(1, |plan| plan.room);
    LruTtlCache::builder().max_size(room).ttl(LIFE).build().expect("a size and a life above 0")
}

async fn shared_store() -> Result<Shared, RedisCacheBuildError> {
    let (url, namespace) = PLAN.get().map(|plan| (&*plan.redis, &*plan.namespace)).unwrap_or_default();
    let store = AsyncRedisCache::builder(namespace).connection_string(url).ttl(LIFE);
    store.connection_manager(true).build().await
}

/// One of the two pairs of functions.
pub(crate) struct Cached(Which);

impl Node for Cached {
    const CRATES: &'static [&'static str] = &["cached", "redis"];

    async fn open(plan: &Plan, which: Which) -> Result<Self> {
        PLAN.get_or_init(|| plan.clone());
        Ok(Self(which))
    }

    async fn read(&self, id: &str) -> Result<u64> {
        let found = match self.0 {
            Which::A => a::near(id).await,
            Which::B => b::near(id).await,
        };
        Ok(found.map_err(|error| anyhow!(error))?.sequence)
    }

    async fn read_many(&self, ids: &[String]) -> Result<usize> {
        Ok(try_join_all(ids.iter().map(|id| self.read(id))).await?.len())
    }

    async fn remove(&self, id: &str) -> Result<()> {
        let removed = match self.0 {
            Which::A => a::remove(id).await,
            Which::B => b::remove(id).await,
        };
        removed.map_err(|error| anyhow!(error))
    }
}
