//! A bus by LISTEN and NOTIFY.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use cache_core::{Bus, Bytes, Clock, Error, ErrorKind, Listener, LogSum, Result};
use tokio::{
    sync::watch,
    time::{self, Instant},
};

use crate::{
    client::Context,
    connection::DatabaseSession,
    error::classify,
    sql::{Bind, check_identifier},
};

/// A payload of NOTIFY is text of less than 8,000 bytes; in base64 it carries three quarters of that.
const MAX_MESSAGE_BYTES: usize = 7999 / 4 * 3 + 2;

/// A bus on a channel of PostgreSQL, which [`Postgres::bus`](crate::Postgres::bus) returns. Clones share it.
///
/// It publishes on the pool's connections, and each listener opens a connection for itself. The server sends
/// a node's messages to that node's own listeners, too.
#[derive(Clone, Debug)]
pub struct PgBus {
    context: Arc<Context>,
    channel: Arc<str>,
}

impl PgBus {
    pub(crate) fn new(context: Arc<Context>, channel: &str) -> Result<Self> {
        check_identifier("channel", channel, 63)?;
        Ok(Self { context, channel: channel.into() })
    }
}

#[async_trait]
impl Bus for PgBus {
    fn name(&self) -> &'static str {
        self.context.config.name
    }

    fn max_message_len(&self) -> usize {
        MAX_MESSAGE_BYTES
    }

    async fn publish(&self, message: Bytes) -> Result<()> {
        if message.len() > MAX_MESSAGE_BYTES {
            let message = format!(
                "the message has {} bytes, the limit of the bus is {MAX_MESSAGE_BYTES}",
                message.len()
            );
            return Err(Error::new(ErrorKind::Limit, "publish", message));
        }
        let payload = STANDARD_NO_PAD.encode(&message);
        let binds = [Bind::Bytes(self.channel.as_bytes()), Bind::Bytes(payload.as_bytes())];
        self.context.run_without_tables("publish", self.context.statements.notify.with(&binds)).await?;
        Ok(())
    }

    fn clock(&self) -> Option<&Clock> {
        Some(&self.context.clock)
    }

    async fn listen(&self) -> Result<Box<dyn Listener>> {
        // Before it is opened, so that a change meanwhile ends it.
        let renewals = self.context.renewals();
        let session = self.context.connector.session("listen").await?;
        let timeout = self.context.config.statement_timeout;
        let listen = format!("LISTEN \"{}\"", self.channel);
        match time::timeout(timeout, session.client.batch_execute(&listen)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(classify("listen", error)),
            Err(_) => return Err(connection_lost("got no answer to LISTEN")),
        }
        let keepalive = self.context.config.keepalive;
        Ok(Box::new(PgListener {
            session,
            renewals,
            keepalive,
            timeout,
            last_heard: Instant::now(),
            is_lost: false,
            clock: self.context.clock.clone(),
            foreign: LogSum::new("notifications that are no messages of a bus"),
        }))
    }
}

/// A connection that listens to a channel.
#[derive(Debug)]
struct PgListener {
    session: DatabaseSession,
    renewals: watch::Receiver<u64>,
    keepalive: Duration,
    timeout: Duration,
    /// When the server last sent anything.
    last_heard: Instant,
    is_lost: bool,
    clock: Clock,
    foreign: LogSum,
}

#[async_trait]
impl Listener for PgListener {
    async fn next(&mut self) -> Result<Bytes> {
        while !self.is_lost {
            let notified = tokio::select! {
                // In this order, since what has come must not be lost.
                biased;
                notified = self.session.notifications.recv() => Some(notified),
                Ok(()) = self.renewals.changed() => Some(None),
                () = time::sleep_until(self.last_heard + self.keepalive) => None,
            };
            match notified {
                Some(Some(notification)) => {
                    self.last_heard = Instant::now();
                    match STANDARD_NO_PAD.decode(notification.payload()) {
                        Ok(message) => return Ok(message.into()),
                        Err(error) => {
                            if let Some(times) = self.foreign.count(self.clock.now()) {
                                let channel = notification.channel();
                                tracing::warn!(%error, channel, times,
                                    "ignored a notification that is no message of a bus: something else uses the channel");
                            }
                        }
                    }
                }
                Some(None) => self.is_lost = true,
                // Ask: a connection that was cut off is as silent as an idle one.
                None => match time::timeout(self.timeout, self.session.client.batch_execute("")).await {
                    Ok(Ok(())) => self.last_heard = Instant::now(),
                    Ok(Err(_)) | Err(_) => self.is_lost = true,
                },
            }
        }
        Err(connection_lost("was lost"))
    }
}

fn connection_lost(what: &str) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "listen",
        format!("the connection of the listener {what}: listen again"),
    )
}
