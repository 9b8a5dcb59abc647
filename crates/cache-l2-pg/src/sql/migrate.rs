//! Creates the tables, once, however many nodes start at the same time.

use std::time::Duration;

use cache_core::{Error, ErrorKind, Result, Timestamp};
use tokio::time::timeout;
use tokio_postgres::Client;

use crate::{connection::Connector, error::classify, sql::Identifiers};

/// The migrations; each brings the tables from one version to the next, and the first creates them.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/1_tables.sql"),
    include_str!("migrations/2_refused_until.sql"),
    include_str!("migrations/3_quotas.sql"),
];

/// How long to wait for other nodes that migrate, and for a table to be rewritten.
const MIGRATION_TIMEOUT: Duration = Duration::from_secs(120);

/// Brings the tables to the version of this program and makes them logged or not, under a lock, so that one
/// node at a time does it.
///
/// # Errors
///
/// `Config` for tables of a later version, or a role that may not create what is missing.
pub(crate) async fn migrate(
    connector: &Connector,
    identifiers: &Identifiers,
    logged: bool,
    now: Timestamp,
) -> Result<()> {
    let session = connector.session("migrate").await?;
    let client = &session.client;
    // Most often all is there; then neither the lock nor the right to create tables is needed.
    if timeout(MIGRATION_TIMEOUT, is_done(client, identifiers, logged))
        .await
        .is_ok_and(|done| matches!(done, Ok(true)))
    {
        return Ok(());
    }
    match timeout(MIGRATION_TIMEOUT, migrate_locked(client, identifiers, logged, now)).await {
        Ok(outcome) => outcome,
        Err(_) => {
            let message = format!(
                "creating or migrating the table {} took more than {MIGRATION_TIMEOUT:?}",
                identifiers.table()
            );
            Err(Error::new(ErrorKind::Timeout, "migrate", message))
        }
    }
}

async fn migrate_locked(
    client: &Client,
    identifiers: &Identifiers,
    logged: bool,
    now: Timestamp,
) -> Result<()> {
    execute(client, &format!("SET statement_timeout = {}", MIGRATION_TIMEOUT.as_millis())).await?;
    // Before the transaction begins, so that it sees what nodes created that had the lock before.
    execute(client, &format!("SELECT pg_advisory_lock({})", identifiers.lock("migrate"))).await?;
    execute(client, "BEGIN").await?;
    // After an error, dropping the connection unlocks and rolls back.
    for (at, migration) in MIGRATIONS.iter().enumerate().skip(version(client, identifiers).await?) {
        let unlogged = if logged { "" } else { "UNLOGGED" };
        let moment = now.as_micros().max(1).to_string();
        let sql = identifiers.fill(migration).replace("{unlogged}", unlogged).replace("{moment}", &moment);
        execute(client, &sql).await?;
        let insert = format!("INSERT INTO {{version}} (version) VALUES ({})", at + 1);
        execute(client, &identifiers.fill(&insert)).await?;
        tracing::info!(table = identifiers.table(), version = at + 1, "migrated the cache's table");
    }
    let Some(was_logged) = is_logged(client, identifiers).await? else {
        let table = identifiers.qualified("");
        let message = format!(
            "the table {table} is missing, but its other tables are there: drop {table}_version and the like as well"
        );
        return Err(Error::new(ErrorKind::Config, "migrate", message));
    };
    if was_logged != logged {
        let wanted = if logged { "LOGGED" } else { "UNLOGGED" };
        tracing::info!(
            table = identifiers.table(),
            wanted,
            "rewriting the cache's table to make it logged or unlogged"
        );
        execute(client, &identifiers.fill(&format!("ALTER TABLE {{entries}} SET {wanted}"))).await?;
    }
    execute(client, "COMMIT").await
}

async fn is_done(client: &Client, identifiers: &Identifiers, logged: bool) -> Result<bool> {
    if !exists(client, identifiers).await? {
        return Ok(false);
    }
    let version = version(client, identifiers).await?;
    Ok(version == MIGRATIONS.len() && is_logged(client, identifiers).await? == Some(logged))
}

/// Returns how many migrations were run, and creates the table that says so if it is missing.
async fn version(client: &Client, identifiers: &Identifiers) -> Result<usize> {
    if !exists(client, identifiers).await? {
        let sql = "SELECT FROM pg_namespace WHERE nspname = $1";
        let known = client.query_opt(sql, &[&identifiers.schema()]).await;
        if known.map_err(|error| classify("migrate", error))?.is_none() {
            execute(client, &identifiers.fill("CREATE SCHEMA {schema}")).await?;
        }
        execute(client, &identifiers.fill("CREATE TABLE {version} (version integer PRIMARY KEY)")).await?;
    }
    let sql = identifiers.fill("SELECT coalesce(max(version), 0) FROM {version}");
    let row = client.query_one(&sql, &[]).await.map_err(|error| classify("migrate", error))?;
    let version = usize::try_from(row.get::<_, i32>(0)).unwrap_or(0);
    if version > MIGRATIONS.len() {
        let message = format!(
            "the table {} has version {version}, this program knows versions up to {}: update it, or name another table",
            identifiers.table(),
            MIGRATIONS.len()
        );
        return Err(Error::new(ErrorKind::Config, "migrate", message));
    }
    Ok(version)
}

async fn exists(client: &Client, identifiers: &Identifiers) -> Result<bool> {
    let name = identifiers.qualified("_version");
    let row = client.query_one("SELECT to_regclass($1::text) IS NOT NULL", &[&name]).await;
    row.map(|row| row.get(0)).map_err(|error| classify("migrate", error))
}

/// Returns whether the table is logged; `None` if it is missing.
async fn is_logged(client: &Client, identifiers: &Identifiers) -> Result<Option<bool>> {
    let sql = "SELECT relpersistence = 'p' FROM pg_class WHERE oid = to_regclass($1::text)";
    let row = client.query_opt(sql, &[&identifiers.qualified("")]).await;
    row.map(|row| row.map(|row| row.get(0))).map_err(|error| classify("migrate", error))
}

async fn execute(client: &Client, sql: &str) -> Result<()> {
    client.batch_execute(sql).await.map_err(|error| classify("migrate", error))
}
