//! Opens connections: the stream, TLS, and the handshake with Redis.

use std::{io, time::Duration};

use cache_core::{Error, ErrorKind, Result};
use redis::{
    AsyncConnectionConfig, ProtocolVersion, RedisConnectionInfo, RedisError, aio::MultiplexedConnection,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
    time::timeout,
};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    RedisConfig,
    connection::{
        address::{Address, Login},
        tls::TlsStreams,
    },
    error,
};

/// Opens connections with one login.
pub(crate) struct Connector {
    login: RedisConnectionInfo,
    tls: Option<TlsStreams>,
    connect_timeout: Duration,
    response_timeout: Duration,
}

/// An open connection, and the task that reads and writes for it. Dropping it closes the connection.
#[derive(Debug)]
pub(crate) struct OpenConnection {
    pub(crate) connection: MultiplexedConnection,
    /// The server's run id when the connection was opened, if that was asked for and told.
    pub(crate) run_id: Option<String>,
    driver: AbortOnDropHandle<()>,
}

impl OpenConnection {
    /// Waits until the connection is closed.
    pub(crate) async fn ended(&mut self) {
        // An error means that the task panicked: it has ended either way.
        let _ = (&mut self.driver).await;
    }
}

pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Connector {
    pub(crate) fn new(config: &RedisConfig, login: &Login) -> Result<Self> {
        let mut login_info = RedisConnectionInfo::default()
            .set_protocol(ProtocolVersion::RESP3)
            .set_db(i64::from(login.database));
        if let Some(user) = &login.user {
            login_info = login_info.set_username(user);
        }
        if let Some(password) = &login.password {
            login_info = login_info.set_password(password.reveal());
        }
        let tls = config.wants_tls().then(|| config.tls.streams()).transpose()?;
        let (connect_timeout, response_timeout) = (config.connect_timeout, config.response_timeout);
        Ok(Self { login: login_info, tls, connect_timeout, response_timeout })
    }

    /// Opens a connection within the connect timeout.
    ///
    /// # Errors
    ///
    /// `Timeout` past that, `Config` for a login that is refused, and `Unavailable` else.
    pub(crate) async fn open(&self, to: &Address) -> Result<OpenConnection> {
        self.open_with(to, AsyncConnectionConfig::new()).await
    }

    /// Opens a connection like [`Connector::open`], with settings of the driver such as who receives pushes.
    pub(crate) async fn open_with(
        &self,
        to: &Address,
        config: AsyncConnectionConfig,
    ) -> Result<OpenConnection> {
        let config = config.set_response_timeout(Some(self.response_timeout));
        let opening = async {
            let stream = self.stream(to).await?;
            let (connection, driver) =
                MultiplexedConnection::new_with_config(&self.login, stream, config).await?;
            let driver = AbortOnDropHandle::new(tokio::spawn(driver));
            Ok(OpenConnection { connection, run_id: None, driver })
        };
        match timeout(self.connect_timeout, opening).await {
            Ok(opened) => opened.map_err(|error: RedisError| error::classify("connect", to, error)),
            Err(_) => {
                let message = format!("connecting to {to} took longer than {:?}", self.connect_timeout);
                Err(Error::new(ErrorKind::Timeout, "connect", message))
            }
        }
    }

    async fn stream(&self, to: &Address) -> io::Result<Box<dyn Stream>> {
        let (host, port, tls) = match to {
            Address::Unix(path) => return Ok(Box::new(UnixStream::connect(path).await?)),
            Address::Tcp { host, port, tls } => (host, *port, *tls),
        };
        let stream = TcpStream::connect((&**host, port)).await?;
        // Every write is a whole request, so there is nothing to wait for.
        stream.set_nodelay(true)?;
        match &self.tls {
            Some(streams) if tls => streams.open(host, stream).await,
            _ => Ok(Box::new(stream)),
        }
    }
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector").field("connect_timeout", &self.connect_timeout).finish_non_exhaustive()
    }
}
