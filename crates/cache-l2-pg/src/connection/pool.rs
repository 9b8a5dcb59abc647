//! The pool of connections on which statements run.

use std::time::{Duration, Instant};

use cache_core::{Error, ErrorKind, Result};
use deadpool::Runtime;
use diesel::QueryResult;
use diesel_async::{
    AsyncConnectionCore, AsyncPgConnection,
    pooled_connection::{
        AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod,
        deadpool::{Object, Pool as Deadpool},
    },
};
use futures_util::{FutureExt, TryStreamExt, future::BoxFuture};
use tokio::{sync::watch, time::timeout};

use crate::{
    PgConfig,
    connection::Connector,
    error::{classify, is_connection_usable, through_pool},
    sql::Bound,
};

/// How much longer than the server's own timeout to wait for its answer.
const ANSWER_MARGIN: Duration = Duration::from_millis(500);

/// A row of a result, as the driver has it.
pub(crate) type PooledRow = <AsyncPgConnection as AsyncConnectionCore>::Row<'static, 'static>;

/// Connections that tier and bus share.
pub(crate) struct Pool {
    inner: Deadpool<AsyncPgConnection>,
    statement_timeout: Duration,
    /// Incremented when the server turned out to take no writes.
    renewals: watch::Sender<u64>,
}

impl Pool {
    pub(crate) fn new(config: &PgConfig, connector: Connector) -> Result<Self> {
        let mut settings = ManagerConfig::default();
        settings.recycling_method = RecyclingMethod::Fast;
        settings.custom_setup = Box::new(move |_| {
            let connector = connector.clone();
            async move {
                let (client, connection) = connector.open("connect").await.map_err(through_pool)?;
                AsyncPgConnection::try_from_client_and_connection(client, connection).await
            }
            .boxed()
        });
        // The custom set-up connects; the manager's own way, which needs the URL, is not used.
        let manager = AsyncDieselConnectionManager::new_with_config("", settings);
        let inner = Deadpool::builder(manager)
            .max_size(config.pool_size)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(config.wait_timeout))
            .create_timeout(Some(config.connect_timeout + ANSWER_MARGIN))
            .recycle_timeout(Some(config.connect_timeout))
            .build()
            .map_err(|error| {
                Error::caused(ErrorKind::Config, "open", "the pool of connections can't be built", error)
            })?;
        let renewals = watch::Sender::new(0);
        Ok(Self { inner, statement_timeout: config.statement_timeout, renewals })
    }

    /// Runs a statement, and returns its rows.
    pub(crate) async fn run<S: 'static>(
        &self,
        operation: &'static str,
        statement: Bound<'_, S>,
    ) -> Result<Vec<PooledRow>> {
        self.with_connection(operation, |connection| {
            let answer = connection.load(statement);
            async { answer.await?.try_collect().await }.boxed()
        })
        .await
    }

    /// Runs one statement on a connection of the pool, within the statement timeout.
    ///
    /// If this is dropped before the server answers, or the server does not answer in time, the connection
    /// is closed: the server may still work on the statement, and the connection's next user would wait for
    /// that.
    async fn with_connection<T>(
        &self,
        operation: &'static str,
        work: impl for<'c> FnOnce(&'c mut AsyncPgConnection) -> BoxFuture<'c, QueryResult<T>>,
    ) -> Result<T> {
        let object = self.inner.get().await.map_err(|error| classify(operation, error))?;
        let (mut checked_out, begun) = (CheckedOut(None), Instant::now());
        let answer = work(checked_out.0.insert(object));
        match timeout(self.statement_timeout + ANSWER_MARGIN, answer).await {
            Ok(Ok(answer)) => {
                checked_out.give_back();
                Ok(answer)
            }
            Ok(Err(error)) => {
                let usable = is_connection_usable(&error);
                if usable {
                    checked_out.give_back();
                } else {
                    // The idle connections lead to the same server, which takes no writes or is going down.
                    self.renew();
                }
                // The driver tells a timeout only in words, which are in the server's language.
                if usable && begun.elapsed() >= self.statement_timeout {
                    return Err(self.timed_out(operation));
                }
                Err(classify(operation, error))
            }
            Err(_) => {
                // The idle connections are likely dead as well.
                self.inner.retain(|_, _| false);
                Err(self.timed_out(operation))
            }
        }
    }

    /// Closes the idle connections, and tells listeners that they should listen anew.
    pub(crate) fn renew(&self) {
        self.inner.retain(|_, _| false);
        self.renewals.send_modify(|renewals| *renewals += 1);
    }

    /// Returns what tells that connections have to be opened anew.
    pub(crate) fn renewals(&self) -> watch::Receiver<u64> {
        self.renewals.subscribe()
    }

    /// Returns how often connections were renewed, and 1.
    pub(crate) fn renewal(&self) -> u64 {
        *self.renewals.borrow() + 1
    }

    fn timed_out(&self, operation: &'static str) -> Error {
        let message = format!("PostgreSQL did not answer within {:?}", self.statement_timeout);
        Error::new(ErrorKind::Timeout, operation, message)
    }

    /// Returns how many connections are open, in use or not.
    pub(crate) fn size(&self) -> usize {
        self.inner.status().size
    }
}

/// A connection that is closed when dropped, unless it is given back to the pool first.
struct CheckedOut(Option<Object<AsyncPgConnection>>);

impl CheckedOut {
    fn give_back(mut self) {
        self.0 = None;
    }
}

impl Drop for CheckedOut {
    fn drop(&mut self) {
        if let Some(object) = self.0.take() {
            drop(Object::<AsyncPgConnection>::take(object));
        }
    }
}
