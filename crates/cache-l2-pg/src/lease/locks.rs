//! The session that has the advisory locks.

use std::time::Duration;

use cache_core::{Error, ErrorKind, Result};
use tokio::time::timeout;
use tokio_postgres::{
    Client, Row,
    types::{ToSql, Type},
};

use crate::{
    connection::{Connector, DatabaseSession},
    error::classify,
    lease::lease_table::LeaseTable,
};

/// How much longer than the longest lease the server lets the session be idle.
const IDLE_MARGIN: Duration = Duration::from_secs(1);

const TRY_LOCK: &str = "SELECT number FROM unnest($1) AS asked (number) WHERE pg_try_advisory_lock(number)";
const UNLOCK: &str = "SELECT pg_advisory_unlock(number) FROM unnest($1) AS asked (number)";
const SET_IDLE_TIMEOUT: &str = "SELECT set_config('idle_session_timeout', $1, false)";

type Typed<'a> = (&'a (dyn ToSql + Sync), Type);

/// Advisory locks of one session. If a statement fails, gets no answer or is cut short, it is unknown which locks
/// the session has: then the session is dropped, and the table of leases is cleared.
#[derive(Debug)]
pub(crate) struct AdvisoryLocks {
    connector: Connector,
    timeout: Duration,
    session: Option<DatabaseSession>,
}

impl AdvisoryLocks {
    pub(crate) fn new(connector: Connector, timeout: Duration) -> Self {
        Self { connector, timeout, session: None }
    }

    /// Opens a session, unless one is open.
    pub(crate) async fn ensure_session(&mut self, leases: &mut LeaseTable) -> Result<()> {
        if self.session.as_ref().is_none_or(|session| session.client.is_closed()) {
            leases.clear();
            self.session = None;
            self.session = Some(self.connector.session("acquire").await?);
        }
        Ok(())
    }

    /// Locks those numbers that nobody has locked, and returns them. From now on the server ends the session
    /// if it is idle for longer than `span`.
    pub(crate) async fn lock(
        &mut self,
        operation: &'static str,
        leases: &mut LeaseTable,
        numbers: &[i64],
        span: Duration,
    ) -> Result<Vec<i64>> {
        self.query(operation, leases, async |client| {
            let taken = with_idle_timeout(client, &millis(span), TRY_LOCK, numbers).await?;
            Ok(taken.iter().map(|row| row.get(0)).collect())
        })
        .await
    }

    /// Checks that the session is alive, and lets it be idle for `span`.
    pub(crate) async fn keep_alive(&mut self, leases: &mut LeaseTable, span: Duration) -> Result<()> {
        self.query("renew", leases, async |client| {
            client.query_typed(SET_IDLE_TIMEOUT, &[(&millis(span), Type::TEXT)]).await.map(drop)
        })
        .await
    }

    /// Unlocks numbers. A session without locks may be idle for ever.
    pub(crate) async fn unlock(
        &mut self,
        operation: &'static str,
        leases: &mut LeaseTable,
        numbers: &[i64],
        span: Duration,
    ) -> Result<()> {
        if numbers.is_empty() || self.session.is_none() {
            return Ok(());
        }
        let idle_timeout = if leases.is_empty() { "0".to_owned() } else { millis(span) };
        self.query(operation, leases, async |client| {
            with_idle_timeout(client, &idle_timeout, UNLOCK, numbers).await.map(drop)
        })
        .await
    }

    async fn query<T>(
        &mut self,
        operation: &'static str,
        leases: &mut LeaseTable,
        work: impl AsyncFnOnce(&Client) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T> {
        // Back only with the answer: the task may end here, with its runtime.
        let Some(session) = self.session.take() else {
            leases.clear();
            return Err(Error::new(ErrorKind::Unavailable, operation, "no session has the advisory locks"));
        };
        let error = match timeout(self.timeout, work(&session.client)).await {
            Ok(Ok(answer)) => {
                self.session = Some(session);
                return Ok(answer);
            }
            Ok(Err(error)) => classify(operation, error),
            Err(_) => {
                let message = format!("PostgreSQL did not answer within {:?}", self.timeout);
                Error::new(ErrorKind::Timeout, operation, message)
            }
        };
        leases.clear();
        Err(error)
    }
}

/// Sets how long the session may be idle and runs a statement on locks, in one round trip.
async fn with_idle_timeout(
    client: &Client,
    idle_timeout: &String,
    sql: &str,
    numbers: &[i64],
) -> Result<Vec<Row>, tokio_postgres::Error> {
    let (idle_timeout, numbers): ([Typed<'_>; 1], [Typed<'_>; 1]) =
        ([(idle_timeout, Type::TEXT)], [(&numbers, Type::INT8_ARRAY)]);
    let (set, rows) =
        (client.query_typed(SET_IDLE_TIMEOUT, &idle_timeout), client.query_typed(sql, &numbers));
    futures_util::future::try_join(set, rows).await.map(|(_, rows)| rows)
}

fn millis(span: Duration) -> String {
    let millis = span.saturating_add(IDLE_MARGIN).as_millis();
    // The server takes an integer of 32 bits.
    millis.min(i32::MAX as u128).to_string()
}
