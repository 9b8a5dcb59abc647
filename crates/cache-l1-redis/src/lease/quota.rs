//! Calls that nodes count together: a record for each name, replaced by a script that compares.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use cache_core::{QuotaSnapshot, QuotaStore, Result, Timestamp};
use redis::{Value, from_redis_value};

use crate::{
    cluster::command::Command,
    context::Context,
    error::unexpected_reply,
    scripts::{LuaScript, READ_QUOTA, REPLACE_QUOTA},
};

/// How long a record is kept that nobody changes: longer than the longest quota, a day, with shares.
const KEPT_MILLIS: u64 = 3 * 24 * 3600 * 1000;

/// Calls that nodes count together, on Redis, by the server's time. Clones share the connections.
///
/// A server that is started again may have forgotten what it had acknowledged, and one that evicts keys forgets
/// them too: nodes that remember more find that out.
#[derive(Clone)]
pub struct RedisQuota {
    context: Arc<Context>,
}

impl RedisQuota {
    pub(crate) fn from_context(context: Arc<Context>) -> Self {
        Self { context }
    }

    async fn run(
        &self,
        operation: &'static str,
        script: &'static LuaScript,
        name: &str,
        arguments: &[&[u8]],
    ) -> Result<Value> {
        let names = &self.context.names;
        let mut command = Command::script(names.bucket(name), script, 1);
        command.cmd.arg(names.quota(name));
        for argument in arguments {
            command.cmd.arg(*argument);
        }
        let mut replies = self.context.router.send(operation, vec![command]).await;
        replies.pop().unwrap_or_else(|| Err(unexpected_reply(operation)))
    }
}

impl fmt::Debug for RedisQuota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisQuota").field("config", self.context.config()).finish_non_exhaustive()
    }
}

#[async_trait]
impl QuotaStore for RedisQuota {
    fn name(&self) -> &'static str {
        self.context.config().name
    }

    fn is_shared(&self) -> bool {
        true
    }

    async fn read(&self, name: &str) -> Result<QuotaSnapshot> {
        let operation = "read quota";
        let reply = self.run(operation, &READ_QUOTA, name, &[]).await?;
        let parts: (Option<Vec<u8>>, i64, i64, String) =
            from_redis_value(reply).map_err(|_| unexpected_reply(operation))?;
        let (held, seconds, micros, run) = parts;
        let now = Timestamp::from_micros(seconds.saturating_mul(1_000_000).saturating_add(micros));
        Ok(QuotaSnapshot { record: held.and_then(|held| with_version(&held)), now, run: Some(run) })
    }

    async fn replace(
        &self,
        name: &str,
        expected: Option<&str>,
        version: &str,
        record: &[u8],
    ) -> Result<bool> {
        let operation = "replace quota";
        let kept = KEPT_MILLIS.to_string();
        let record = [version.as_bytes(), b"\n", record].concat();
        let arguments = [expected.unwrap_or_default().as_bytes(), &record, kept.as_bytes()];
        let reply = self.run(operation, &REPLACE_QUOTA, name, &arguments).await?;
        from_redis_value(reply).map_err(|_| unexpected_reply(operation))
    }
}

/// Splits what the server holds into the version and the record. What is no record has a version all the same, so
/// that it can be replaced.
fn with_version(held: &[u8]) -> Option<(String, Vec<u8>)> {
    let end = held.iter().position(|byte| *byte == b'\n').unwrap_or(held.len());
    let version = str::from_utf8(&held[..end]).ok()?;
    Some((version.to_owned(), held.get(end + 1..).unwrap_or_default().to_vec()))
}
