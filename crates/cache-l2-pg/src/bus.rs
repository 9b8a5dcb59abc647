//! A bus by LISTEN and NOTIFY.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use cache_core::{Bus, Bytes, Error, ErrorKind, Listener, Result};
use tokio::time::{Instant, timeout, timeout_at};

use crate::{
    client::Shared,
    connection::Session,
    error::direct,
    sql::{Bind, check},
};

/// A payload is text of less than 8,000 bytes; in base64 it carries three quarters of that.
const MAX_FRAME: usize = 7999 / 4 * 3 + 2;

/// A bus on a channel of PostgreSQL; made by [`Postgres::bus`](crate::Postgres::bus). Clones share it.
///
/// It publishes on the pool's connections, and each listener has a connection of its own. The server sends
/// to this node's listeners, too.
#[derive(Clone, Debug)]
pub struct PgBus {
    shared: Arc<Shared>,
    channel: Arc<str>,
}

impl PgBus {
    pub(crate) fn new(shared: Arc<Shared>, channel: &str) -> Result<Self> {
        check("channel", channel, 63)?;
        Ok(Self { shared, channel: channel.into() })
    }
}

#[async_trait]
impl Bus for PgBus {
    fn name(&self) -> &'static str {
        self.shared.config.name
    }

    fn max_frame(&self) -> usize {
        MAX_FRAME
    }

    async fn publish(&self, frame: Bytes) -> Result<()> {
        if frame.len() > MAX_FRAME {
            let message = format!("a frame of {} bytes, the limit of the bus is {MAX_FRAME}", frame.len());
            return Err(Error::new(ErrorKind::Limit, "publish", message));
        }
        let payload = STANDARD_NO_PAD.encode(&frame);
        let binds = [Bind::Text(self.channel.as_bytes()), Bind::Text(payload.as_bytes())];
        self.shared.run_without_tables("publish", self.shared.texts.notify.with(&binds)).await?;
        Ok(())
    }

    async fn listen(&self) -> Result<Box<dyn Listener>> {
        let session = self.shared.connector.session("listen").await?;
        let limit = self.shared.config.statement_timeout;
        let listen = format!("LISTEN \"{}\"", self.channel);
        match timeout(limit, session.client.batch_execute(&listen)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(direct("listen", &error)),
            Err(_) => return Err(lost("did not answer")),
        }
        let keepalive = self.shared.config.keepalive;
        Ok(Box::new(PgListener { session, keepalive, limit, heard: Instant::now(), is_lost: false }))
    }
}

/// A connection that listens.
#[derive(Debug)]
struct PgListener {
    session: Session,
    keepalive: Duration,
    limit: Duration,
    /// When the server last showed that it is there.
    heard: Instant,
    is_lost: bool,
}

#[async_trait]
impl Listener for PgListener {
    async fn next(&mut self) -> Result<Bytes> {
        while !self.is_lost {
            match timeout_at(self.heard + self.keepalive, self.session.notifications.recv()).await {
                Ok(Some(notification)) => {
                    self.heard = Instant::now();
                    match STANDARD_NO_PAD.decode(notification.payload()) {
                        Ok(frame) => return Ok(frame.into()),
                        Err(error) => {
                            let channel = notification.channel();
                            tracing::warn!(%error, channel, "somebody else notifies on the channel of a bus");
                        }
                    }
                }
                Ok(None) => self.is_lost = true,
                // Silent, and maybe dead: a connection that was cut off doesn't say so.
                Err(_) => match timeout(self.limit, self.session.client.batch_execute("")).await {
                    Ok(Ok(())) => self.heard = Instant::now(),
                    Ok(Err(_)) | Err(_) => self.is_lost = true,
                },
            }
        }
        Err(lost("is lost"))
    }
}

fn lost(what: &str) -> Error {
    Error::new(ErrorKind::Unavailable, "listen", format!("the connection that listens {what}: listen anew"))
}
