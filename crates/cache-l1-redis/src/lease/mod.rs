//! What nodes agree on by way of the server. Leases: keys with an expiry whose value is the holder's number.

mod quota;

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use cache_core::{Clock, Holder, Key, Lease, Result};
use redis::{Value, from_redis_value};

use crate::{
    cluster::command::Command,
    context::Context,
    error::unexpected_reply,
    keyspace::key_names::group_by_bucket,
    scripts::{ACQUIRE, LuaScript, RELEASE, RENEW},
};

pub use quota::RedisQuota;

/// The most leases that one script looks at: a server does nothing else meanwhile.
const MAX_LEASES_PER_SCRIPT: usize = 256;

/// Leases on Redis, which end by the server's clock. Clones share them.
///
/// One server grants a lease without waiting for its replicas, so after a failover two nodes may hold it.
/// That costs a second load; which value stays is decided by birth.
#[derive(Clone)]
pub struct RedisLease {
    context: Arc<Context>,
}

impl RedisLease {
    pub(crate) fn from_context(context: Arc<Context>) -> Self {
        Self { context }
    }

    /// Runs a script on the leases of `keys`. Flag `i` is the script's for `keys[i]`.
    async fn run(
        &self,
        operation: &'static str,
        script: &'static LuaScript,
        keys: &[Key],
        holder: Holder,
        span: Option<Duration>,
    ) -> Result<Vec<bool>> {
        let names = &self.context.names;
        let positions = keys.iter().enumerate().map(|(position, key)| (names.bucket(key.as_str()), position));
        let groups = group_by_bucket(names, positions);
        let pages: Vec<(u16, &[usize])> = groups
            .iter()
            .flat_map(|(bucket, group)| group.chunks(MAX_LEASES_PER_SCRIPT).map(|page| (*bucket, page)))
            .collect();
        let commands = pages.iter().map(|(bucket, page)| {
            let mut command = Command::script(*bucket, script, page.len());
            page.iter().for_each(|position| {
                command.cmd.arg(names.lease(keys[*position].as_str()));
            });
            command.cmd.arg(&holder.0.to_be_bytes());
            if let Some(span) = span {
                command
                    .cmd
                    .arg(u64::try_from(span.as_millis()).unwrap_or(u64::MAX).clamp(1, MAX_LEASE_MILLIS));
            }
            command
        });
        let results = self.context.router.send(operation, commands.collect()).await;
        let mut held = vec![false; keys.len()];
        for ((_, page), reply) in pages.iter().zip(results) {
            match reply? {
                Value::Nil => {}
                reply => {
                    let flags: Vec<bool> =
                        from_redis_value(reply).map_err(|_| unexpected_reply(operation))?;
                    page.iter().zip(flags).for_each(|(position, flag)| held[*position] = flag);
                }
            }
        }
        Ok(held)
    }
}

/// The longest lease, a day: none outlives its holder for longer.
const MAX_LEASE_MILLIS: u64 = 24 * 3600 * 1000;

impl fmt::Debug for RedisLease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisLease").field("config", self.context.config()).finish_non_exhaustive()
    }
}

#[async_trait]
impl Lease for RedisLease {
    fn name(&self) -> &'static str {
        self.context.config().name
    }

    async fn acquire(&self, keys: &[Key], holder: Holder, span: Duration) -> Result<Vec<bool>> {
        self.run("acquire", &ACQUIRE, keys, holder, Some(span)).await
    }

    async fn renew(&self, keys: &[Key], holder: Holder, span: Duration) -> Result<Vec<bool>> {
        self.run("renew", &RENEW, keys, holder, Some(span)).await
    }

    async fn release(&self, keys: &[Key], holder: Holder) -> Result<()> {
        self.run("release", &RELEASE, keys, holder, None).await.map(|_| ())
    }

    fn clock(&self) -> Option<&Clock> {
        Some(&self.context.servers.clock)
    }
}
