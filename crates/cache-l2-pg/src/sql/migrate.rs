//! Makes the tables, once, however many nodes start at the same time.

use std::time::Duration;

use cache_core::{Error, ErrorKind, Result, Timestamp};
use tokio::time::timeout;
use tokio_postgres::Client;

use crate::{connection::Connector, error::direct, sql::Names};

/// Each brings the tables from one version to the next; the first makes them.
const MIGRATIONS: &[&str] = &[include_str!("migrations/1_tables.sql")];

/// How long to wait for others that migrate, and for a table to be rewritten.
const LIMIT: Duration = Duration::from_secs(120);

/// Brings the tables to the version of this program, and to be logged or not, under a lock that others
/// who want the same wait for.
///
/// # Errors
///
/// `Config` for tables of a later version, or a role that may not make what is missing.
pub(crate) async fn migrate(
    connector: &Connector,
    names: &Names,
    logged: bool,
    now: Timestamp,
) -> Result<()> {
    let session = connector.session("migrate").await?;
    let client = &session.client;
    // Most of the time all is there, and then no lock is needed, nor the right to make tables.
    if timeout(LIMIT, is_done(client, names, logged)).await.is_ok_and(|done| matches!(done, Ok(true))) {
        return Ok(());
    }
    match timeout(LIMIT, under_lock(client, names, logged, now)).await {
        Ok(outcome) => outcome,
        Err(_) => {
            let message = format!("making the table {} took more than {LIMIT:?}", names.table());
            Err(Error::new(ErrorKind::Timeout, "migrate", message))
        }
    }
}

async fn under_lock(client: &Client, names: &Names, logged: bool, now: Timestamp) -> Result<()> {
    run(client, &format!("SET statement_timeout = {}", LIMIT.as_millis())).await?;
    // Before the transaction begins: so it sees what those made whom the lock was waited for.
    run(client, &format!("SELECT pg_advisory_lock({})", names.lock("migrate"))).await?;
    run(client, "BEGIN").await?;
    // Dropping the connection unlocks, and rolls back what is left open by an error.
    for (at, migration) in MIGRATIONS.iter().enumerate().skip(version(client, names).await?) {
        let unlogged = if logged { "" } else { "UNLOGGED" };
        let moment = now.as_micros().max(1).to_string();
        let sql = names.fill(migration).replace("{unlogged}", unlogged).replace("{moment}", &moment);
        run(client, &sql).await?;
        let note = format!("INSERT INTO {{version}} (version) VALUES ({})", at + 1);
        run(client, &names.fill(&note)).await?;
        tracing::info!(table = names.table(), version = at + 1, "a table of the cache was migrated");
    }
    let Some(was_logged) = is_logged(client, names).await? else {
        let table = names.qualified("");
        let message = format!(
            "the table {table} is gone, what belongs to it is not: drop {table}_version and the like, too"
        );
        return Err(Error::new(ErrorKind::Config, "migrate", message));
    };
    if was_logged != logged {
        let wanted = if logged { "LOGGED" } else { "UNLOGGED" };
        tracing::info!(table = names.table(), wanted, "a table of the cache is rewritten");
        run(client, &names.fill(&format!("ALTER TABLE {{entries}} SET {wanted}"))).await?;
    }
    run(client, "COMMIT").await
}

async fn is_done(client: &Client, names: &Names, logged: bool) -> Result<bool> {
    if !exists(client, names).await? {
        return Ok(false);
    }
    let version = version(client, names).await?;
    Ok(version == MIGRATIONS.len() && is_logged(client, names).await? == Some(logged))
}

/// How many of the migrations were run; makes the table that says so if there is none.
async fn version(client: &Client, names: &Names) -> Result<usize> {
    if !exists(client, names).await? {
        let sql = "SELECT FROM pg_namespace WHERE nspname = $1";
        let known = client.query_opt(sql, &[&names.schema()]).await;
        if known.map_err(|error| direct("migrate", &error))?.is_none() {
            run(client, &names.fill("CREATE SCHEMA {schema}")).await?;
        }
        run(client, &names.fill("CREATE TABLE {version} (version integer PRIMARY KEY)")).await?;
    }
    let sql = names.fill("SELECT coalesce(max(version), 0) FROM {version}");
    let row = client.query_one(&sql, &[]).await.map_err(|error| direct("migrate", &error))?;
    let version = usize::try_from(row.get::<_, i32>(0)).unwrap_or(0);
    if version > MIGRATIONS.len() {
        let message = format!(
            "the table {} is of version {version}, this program knows up to {}: update it, or name another table",
            names.table(),
            MIGRATIONS.len()
        );
        return Err(Error::new(ErrorKind::Config, "migrate", message));
    }
    Ok(version)
}

async fn exists(client: &Client, names: &Names) -> Result<bool> {
    let name = names.qualified("_version");
    let row = client.query_one("SELECT to_regclass($1::text) IS NOT NULL", &[&name]).await;
    row.map(|row| row.get(0)).map_err(|error| direct("migrate", &error))
}

/// Whether the table is logged; `None` if there is none.
async fn is_logged(client: &Client, names: &Names) -> Result<Option<bool>> {
    let sql = "SELECT relpersistence = 'p' FROM pg_class WHERE oid = to_regclass($1::text)";
    let row = client.query_opt(sql, &[&names.qualified("")]).await;
    row.map(|row| row.map(|row| row.get(0))).map_err(|error| direct("migrate", &error))
}

async fn run(client: &Client, sql: &str) -> Result<()> {
    client.batch_execute(sql).await.map_err(|error| direct("migrate", &error))
}
