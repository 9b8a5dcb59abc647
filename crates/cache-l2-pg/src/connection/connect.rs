//! Opening connections, and those that one purpose has to itself.

use std::{fmt, time::Duration};

use cache_core::{Error, ErrorKind, Result};
use futures_util::future::poll_fn;
use tokio::{
    sync::mpsc::{self, Receiver, error::TrySendError},
    task::JoinHandle,
    time::timeout,
};
use tokio_postgres::{AsyncMessage, Client, Config, Connection, Notification, Socket, tls::MakeTlsConnect};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{PgConfig, connection::tls, error::classify};

/// How many notifications a connection holds for one who is slow to take them.
const MAX_PENDING_NOTIFICATIONS: usize = 16_384;

type Tls = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream;

/// Opens connections to one database.
#[derive(Clone)]
pub(crate) struct Connector {
    config: Config,
    tls: MakeRustlsConnect,
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
            tls: tls::client(config.url.check, config.ca_file.as_deref())?,
            timeout: config.connect_timeout,
            address: config.url.address(),
        })
    }

    pub(crate) async fn open(&self, operation: &'static str) -> Result<(Client, Connection<Socket, Tls>)> {
        match timeout(self.timeout, self.config.connect(self.tls.clone())).await {
            Ok(Ok(opened)) => Ok(opened),
            Ok(Err(error)) => Err(classify(operation, error)),
            Err(_) => {
                let message =
                    format!("PostgreSQL at {} took no connection within {:?}", self.address, self.timeout);
                Err(Error::new(ErrorKind::Timeout, operation, message))
            }
        }
    }

    /// A connection for one purpose.
    pub(crate) async fn session(&self, operation: &'static str) -> Result<Session> {
        let (client, connection) = self.open(operation).await?;
        let (sender, notifications) = mpsc::channel(MAX_PENDING_NOTIFICATIONS);
        Ok(Session { client, notifications, driver: tokio::spawn(drive(connection, sender)) })
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connector").field(&self.address).finish()
    }
}

/// A connection of one purpose's own. Closed when dropped.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) client: Client,
    /// Ends when the connection does, or after more than could be held.
    pub(crate) notifications: Receiver<Notification>,
    driver: JoinHandle<()>,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

async fn drive(mut connection: Connection<Socket, Tls>, notifications: mpsc::Sender<Notification>) {
    loop {
        match poll_fn(|context| connection.poll_message(context)).await {
            Some(Ok(AsyncMessage::Notification(notification))) => {
                // Never waits: answers to queries come the same way.
                if let Err(TrySendError::Full(_)) = notifications.try_send(notification) {
                    tracing::warn!(
                        MAX_PENDING_NOTIFICATIONS,
                        "a listener took its notifications too slowly and is cut off"
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
