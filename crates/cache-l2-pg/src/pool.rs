//! The pool, and the one way statements go through it.

use std::time::{Duration, Instant};

use cache_core::{Error, ErrorKind, Result};
use deadpool::Runtime;
use diesel::result::Error as DieselError;
use diesel_async::{
    AsyncConnectionCore, AsyncPgConnection,
    pooled_connection::{
        AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod,
        deadpool::{Object, Pool as Deadpool},
    },
};
use futures_util::{FutureExt, TryStreamExt};
use tokio::time::timeout;

use crate::{
    PgConfig,
    connect::Connector,
    fault::{After, pooled, unlent, wrapped},
    statement::Call,
};

/// How much longer than the server we wait for its answer.
const GRACE: Duration = Duration::from_millis(500);

/// A row of an answer, as the driver has it.
pub(crate) type Row = <AsyncPgConnection as AsyncConnectionCore>::Row<'static, 'static>;

/// Connections that are shared.
pub(crate) struct Pool {
    inner: Deadpool<AsyncPgConnection>,
    statement_timeout: Duration,
}

impl Pool {
    pub(crate) fn new(config: &PgConfig, connector: Connector) -> Result<Self> {
        let mut settings = ManagerConfig::default();
        settings.recycling_method = RecyclingMethod::Fast;
        settings.custom_setup = Box::new(move |_| {
            let connector = connector.clone();
            async move {
                let (client, connection) = connector.open("connect").await.map_err(wrapped)?;
                AsyncPgConnection::try_from_client_and_connection(client, connection).await
            }
            .boxed()
        });
        // The manager's own way to connect, which would need the URL, is not used.
        let manager = AsyncDieselConnectionManager::new_with_config("", settings);
        let inner = Deadpool::builder(manager)
            .max_size(config.pool_size)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(config.wait_limit))
            .create_timeout(Some(config.connect_limit + GRACE))
            .recycle_timeout(Some(config.connect_limit))
            .build()
            .map_err(|error| Error::caused(ErrorKind::Config, "open", "the pool can't be built", error))?;
        Ok(Self { inner, statement_timeout: config.statement_timeout })
    }

    /// Runs a statement and answers with its rows, within a limit.
    ///
    /// If this is dropped half way, or gets no answer, the connection is closed: the server may still
    /// be at work on it, and who came next would wait for that.
    pub(crate) async fn run<S: 'static>(
        &self,
        operation: &'static str,
        call: Call<'_, S>,
    ) -> Result<Vec<Row>> {
        let object = self.inner.get().await.map_err(|error| unlent(operation, error))?;
        let mut lent = Lent(Some(object));
        let begun = Instant::now();
        let outcome = match lent.connection() {
            Some(connection) => {
                let answer = async { connection.load(call).await?.try_collect::<Vec<Row>>().await };
                timeout(self.statement_timeout + GRACE, answer).await
            }
            None => Ok(Err(DieselError::NotFound)),
        };
        match outcome {
            Ok(Ok(rows)) => {
                lent.give_back();
                Ok(rows)
            }
            Ok(Err(error)) => {
                let (error, after) = pooled(operation, &error);
                if after == After::Usable {
                    lent.give_back();
                }
                // The driver doesn't say that it was the timeout, other than in the server's language.
                if after == After::Usable && begun.elapsed() >= self.statement_timeout {
                    return Err(self.too_late(operation));
                }
                Err(error)
            }
            Err(_) => {
                // What befell this connection has likely befallen those that idle, too.
                self.inner.retain(|_, _| false);
                Err(self.too_late(operation))
            }
        }
    }

    fn too_late(&self, operation: &'static str) -> Error {
        let message = format!("PostgreSQL did not answer within {:?}", self.statement_timeout);
        Error::new(ErrorKind::Timeout, operation, message)
    }

    /// How many connections are open, lent or not.
    pub(crate) fn size(&self) -> usize {
        self.inner.status().size
    }
}

/// A connection that goes back to the pool only if it is given back.
struct Lent(Option<Object<AsyncPgConnection>>);

impl Lent {
    fn connection(&mut self) -> Option<&mut AsyncPgConnection> {
        self.0.as_deref_mut()
    }

    fn give_back(mut self) {
        self.0 = None;
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(object) = self.0.take() {
            drop(Object::<AsyncPgConnection>::take(object));
        }
    }
}
