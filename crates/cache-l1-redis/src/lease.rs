//! Leases: keys with an expiry that hold their holder's number.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use cache_core::{Holder, Key, Lease, Result};
use redis::{Value, from_redis_value};

use crate::{
    cluster::command::Call,
    context::Reach,
    keyspace::key_names::by_bucket,
    scripts::{ACQUIRE, Lua, RELEASE, RENEW},
    tier::odd,
};

/// How many leases one script looks at.
const PAGE: usize = 256;

/// Leases on Redis: they end by the server's own clock. Clones share them.
///
/// A lease is granted by one server and not waited for by its replicas: after a failover two may hold it.
/// That costs a load; which value stays is decided by birth.
#[derive(Clone)]
pub struct RedisLease {
    reach: Arc<Reach>,
}

impl RedisLease {
    pub(crate) fn over(reach: Arc<Reach>) -> Self {
        Self { reach }
    }

    /// Runs a script on the leases of `keys`. Answer `i` is the script's for `keys[i]`.
    async fn run(
        &self,
        operation: &'static str,
        script: &'static Lua,
        keys: &[Key],
        holder: Holder,
        span: Option<Duration>,
    ) -> Result<Vec<bool>> {
        let names = &self.reach.names;
        let places = keys.iter().enumerate().map(|(place, key)| (names.bucket(key.as_str()), place));
        let groups = by_bucket(names, places);
        let pages: Vec<(u16, &[usize])> = groups
            .iter()
            .flat_map(|(bucket, group)| group.chunks(PAGE).map(|page| (*bucket, page)))
            .collect();
        let calls = pages.iter().map(|(bucket, page)| {
            let mut call = Call::script(*bucket, script, page.len());
            page.iter().for_each(|place| {
                call.command.arg(names.lease(keys[*place].as_str()));
            });
            call.command.arg(&holder.0.to_be_bytes());
            if let Some(span) = span {
                call.command.arg(u64::try_from(span.as_millis()).unwrap_or(u64::MAX).clamp(1, LONGEST));
            }
            call
        });
        let answers = self.reach.router.ask(operation, calls.collect()).await;
        let mut held = vec![false; keys.len()];
        for ((_, page), answer) in pages.iter().zip(answers) {
            match answer? {
                Value::Nil => {}
                answer => {
                    let flags: Vec<bool> = from_redis_value(answer).map_err(|_| odd(operation))?;
                    page.iter().zip(flags).for_each(|(place, flag)| held[*place] = flag);
                }
            }
        }
        Ok(held)
    }
}

/// The longest lease, a day: none is to outlive its holder for longer.
const LONGEST: u64 = 24 * 3600 * 1000;

impl fmt::Debug for RedisLease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisLease").field("config", &self.reach.shared.config).finish_non_exhaustive()
    }
}

#[async_trait]
impl Lease for RedisLease {
    fn name(&self) -> &'static str {
        self.reach.shared.config.name
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
}
