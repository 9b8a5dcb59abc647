//! Opens connections: for the pool, or for one purpose alone.

use std::{fmt, time::Duration};

use cache_core::{Error, ErrorKind, Result};
use futures_util::future::poll_fn;
use tokio::{
    sync::mpsc::{self, Receiver, error::TrySendError},
    task::JoinHandle,
    time::timeout,
};
use tokio_postgres::{AsyncMessage, Client, Config, Connection, Notification, Socket, tls::MakeTlsConnect};

use crate::{
    PgConfig,
    connection::tls::{self, MakeTls},
    error::classify,
};

/// How many notifications a session keeps until its listener takes them.
const MAX_PENDING_NOTIFICATIONS: usize = 16_384;

type Tls = <MakeTls as MakeTlsConnect<Socket>>::Stream;

/// Opens connections to one database, with TLS as its URL asks for.
#[derive(Clone)]
pub(crate) struct Connector {
    config: Config,
    tls: MakeTls,
    timeout: Duration,
    address: String,
}

impl Connector {
    pub(crate) fn new(config: &PgConfig) -> Result<Self> {
        // The server takes an integer of 32 bits.
        let millis = config.statement_timeout.as_millis().min(i32::MAX as u128);
        let options = format!("-c statement_timeout={millis}");
        Ok(Self {
            config: config.url.with_options(&options),
            tls: tls::client(config.url.verify, config.ca_file.as_deref())?,
            timeout: config.connect_timeout,
            address: config.url.address(),
        })
    }

    pub(crate) async fn open(&self, operation: &'static str) -> Result<(Client, Connection<Socket, Tls>)> {
        match timeout(self.timeout, self.config.connect(MakeTls::clone(&self.tls))).await {
            Ok(Ok(opened)) => Ok(opened),
            Ok(Err(error)) => Err(classify(operation, error)),
            Err(_) => {
                let message = format!(
                    "PostgreSQL at {} did not accept a connection within {:?}",
                    self.address, self.timeout
                );
                Err(Error::new(ErrorKind::Timeout, operation, message))
            }
        }
    }

    /// Opens a connection for one purpose alone.
    pub(crate) async fn session(&self, operation: &'static str) -> Result<DatabaseSession> {
        let (client, connection) = self.open(operation).await?;
        let (sender, notifications) = mpsc::channel(MAX_PENDING_NOTIFICATIONS);
        Ok(DatabaseSession { client, notifications, driver: tokio::spawn(drive(connection, sender)) })
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connector").field(&self.address).finish()
    }
}

/// A connection for one purpose alone. Dropping it closes the connection.
#[derive(Debug)]
pub(crate) struct DatabaseSession {
    pub(crate) client: Client,
    /// Ends with the connection, or after more notifications than are kept.
    pub(crate) notifications: Receiver<Notification>,
    driver: JoinHandle<()>,
}

impl Drop for DatabaseSession {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

async fn drive(mut connection: Connection<Socket, Tls>, notifications: mpsc::Sender<Notification>) {
    loop {
        match poll_fn(|context| connection.poll_message(context)).await {
            Some(Ok(AsyncMessage::Notification(notification))) => {
                // Never wait here: results of queries arrive by the same loop.
                if let Err(TrySendError::Full(_)) = notifications.try_send(notification) {
                    tracing::warn!(
                        MAX_PENDING_NOTIFICATIONS,
                        "a listener took its notifications too slowly: its connection is closed"
                    );
                    return;
                }
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                tracing::debug!(%error, "a connection to PostgreSQL was lost");
                return;
            }
            None => return,
        }
    }
}
