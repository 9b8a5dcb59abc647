//! Calls that nodes count together: a row for each name, replaced by a statement that compares.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use cache_core::{QuotaSnapshot, QuotaStore, Result, Timestamp};

use crate::{
    client::Context,
    sql::{Bind, decode},
};

/// Calls that nodes count together, on PostgreSQL, by the server's time. Clones share the connections.
#[derive(Clone)]
pub struct PgQuota {
    context: Arc<Context>,
}

impl PgQuota {
    pub(crate) fn new(context: Arc<Context>) -> Self {
        Self { context }
    }
}

impl fmt::Debug for PgQuota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgQuota").field("context", &self.context).finish()
    }
}

#[async_trait]
impl QuotaStore for PgQuota {
    fn name(&self) -> &'static str {
        self.context.config.name
    }

    fn is_shared(&self) -> bool {
        true
    }

    async fn read(&self, name: &str) -> Result<QuotaSnapshot> {
        let binds = [Bind::Bytes(name.as_bytes())];
        let rows = self.context.run("read quota", self.context.statements.read_quota.with(&binds)).await?;
        let row = decode::single_row(&rows)?;
        let now = Timestamp::from_micros(decode::integer(row, 0)?);
        let version = decode::with_bytes(row, 1, |bytes| String::from_utf8_lossy(bytes).into_owned());
        let record = version.map(|version| (version, decode::bytes(row, 2)));
        // What it acknowledged outlives its crash: the table is always logged.
        Ok(QuotaSnapshot { record, now, run: None })
    }

    async fn replace(
        &self,
        name: &str,
        expected: Option<&str>,
        version: &str,
        record: &[u8],
    ) -> Result<bool> {
        let expected = expected.map(str::as_bytes);
        let binds = [
            Bind::Bytes(name.as_bytes()),
            Bind::Bytes(version.as_bytes()),
            Bind::Bytes(record),
            Bind::Bytes(expected.unwrap_or_default()),
        ];
        let statements = &self.context.statements;
        let rows = match expected {
            Some(_) => self.context.run("replace quota", statements.replace_quota.with(&binds)).await?,
            None => self.context.run("replace quota", statements.insert_quota.with(&binds[..3])).await?,
        };
        Ok(!rows.is_empty())
    }
}
