//! The session that has the advisory locks.

use std::time::Duration;

use cache_core::{Error, ErrorKind, Result};
use tokio::time::timeout;
use tokio_postgres::{
    Client, Error as DriverError, Row,
    types::{ToSql, Type},
};

use crate::{
    connection::{Connector, Session},
    error::direct,
    lease::lease_table::Held,
};

/// How much longer than the longest span the server lets the session be silent.
const MARGIN: Duration = Duration::from_secs(1);

const TAKE: &str = "SELECT number FROM unnest($1) AS asked (number) WHERE pg_try_advisory_lock(number)";
const GIVE: &str = "SELECT pg_advisory_unlock(number) FROM unnest($1) AS asked (number)";
const SILENCE: &str = "SELECT set_config('idle_session_timeout', $1, false)";

type Typed<'a> = (&'a (dyn ToSql + Sync), Type);

/// Locks of one session. If a statement fails or gets no answer the session is dropped, since it can't
/// be told what it holds; whoever calls then forgets what was held.
#[derive(Debug)]
pub(crate) struct Locks {
    connector: Connector,
    limit: Duration,
    session: Option<Session>,
}

impl Locks {
    pub(crate) fn new(connector: Connector, limit: Duration) -> Self {
        Self { connector, limit, session: None }
    }

    /// Opens a session if there is none.
    pub(crate) async fn ensure(&mut self, held: &mut Held) -> Result<()> {
        if self.session.as_ref().is_none_or(|session| session.client.is_closed()) {
            held.lose_all();
            self.session = None;
            self.session = Some(self.connector.session("acquire").await?);
        }
        Ok(())
    }

    /// Takes those locks that nobody has, and answers with them. From now on the server ends the session
    /// if it is silent for longer than `span`.
    pub(crate) async fn take(
        &mut self,
        operation: &'static str,
        held: &mut Held,
        numbers: &[i64],
        span: Duration,
    ) -> Result<Vec<i64>> {
        self.ask(operation, held, async |client| {
            let taken = with_silence(client, &millis(span), TAKE, numbers).await?;
            Ok(taken.iter().map(|row| row.get(0)).collect())
        })
        .await
    }

    /// Makes sure that the session is alive, and lets it be silent for `span`.
    pub(crate) async fn touch(&mut self, held: &mut Held, span: Duration) -> Result<()> {
        self.ask("renew", held, async |client| {
            client.query_typed(SILENCE, &[(&millis(span), Type::TEXT)]).await.map(drop)
        })
        .await
    }

    /// Gives locks up. With none left the session may be silent for ever.
    pub(crate) async fn give(
        &mut self,
        operation: &'static str,
        held: &mut Held,
        numbers: &[i64],
        span: Duration,
    ) -> Result<()> {
        if numbers.is_empty() || self.session.is_none() {
            return Ok(());
        }
        let silence = if held.is_empty() { "0".to_owned() } else { millis(span) };
        self.ask(operation, held, async |client| {
            with_silence(client, &silence, GIVE, numbers).await.map(drop)
        })
        .await
    }

    async fn ask<T>(
        &mut self,
        operation: &'static str,
        held: &mut Held,
        question: impl AsyncFnOnce(&Client) -> Result<T, DriverError>,
    ) -> Result<T> {
        let Some(session) = &self.session else {
            return Err(Error::new(ErrorKind::Unavailable, operation, "there is no session"));
        };
        let error = match timeout(self.limit, question(&session.client)).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => direct(operation, &error),
            Err(_) => {
                let message = format!("PostgreSQL did not answer within {:?}", self.limit);
                Error::new(ErrorKind::Timeout, operation, message)
            }
        };
        self.session = None;
        held.lose_all();
        Err(error)
    }
}

/// Says how long the session may be silent, and runs a statement on locks, in one round trip.
async fn with_silence(
    client: &Client,
    silence: &String,
    sql: &str,
    numbers: &[i64],
) -> Result<Vec<Row>, DriverError> {
    let (silence, numbers): ([Typed<'_>; 1], [Typed<'_>; 1]) =
        ([(silence, Type::TEXT)], [(&numbers, Type::INT8_ARRAY)]);
    let (set, rows) = (client.query_typed(SILENCE, &silence), client.query_typed(sql, &numbers));
    futures_util::future::try_join(set, rows).await.map(|(_, rows)| rows)
}

fn millis(span: Duration) -> String {
    let millis = span.saturating_add(MARGIN).as_millis();
    // The server takes an integer of 32 bits.
    millis.min(i32::MAX as u128).to_string()
}
