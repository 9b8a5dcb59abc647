//! The bus: PUBLISH sends messages, and SUBSCRIBE receives them.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use cache_core::{Bus, Bytes, Clock, Error, ErrorKind, Listener, Result, sync::Mutex};
use redis::{AsyncConnectionConfig, PushInfo, PushKind, Value};
use tokio::{
    sync::{mpsc, watch},
    time::sleep,
};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    connection::{ROLE_INTERVAL, address::Address, connect::OpenConnection, node::Node, server::Server},
    context::Context,
    error,
};

/// The most bytes of one message: few enough not to delay other calls on the same connection.
const MAX_MESSAGE_BYTES: usize = 64 << 10;

/// The most messages that wait for a listener. One that is further behind is ended with an error.
const MAX_QUEUED_MESSAGES: usize = 4096;

/// A bus over one channel. Clones share it.
///
/// Messages are published at the node that has the channel's slot, and listeners subscribe there. So messages
/// don't travel between the nodes of a Cluster, except while slots move.
#[derive(Clone)]
pub struct RedisBus {
    context: Arc<Context>,
    channel: Arc<str>,
}

impl RedisBus {
    pub(crate) fn from_context(context: Arc<Context>, channel: &str) -> Self {
        let channel = context.names.channel(channel).into();
        Self { context, channel }
    }

    async fn node(&self, operation: &'static str) -> Result<Arc<Node>> {
        self.context.router.node_for_channel(operation, &self.channel).await
    }
}

impl fmt::Debug for RedisBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisBus").field("channel", &self.channel).finish_non_exhaustive()
    }
}

#[async_trait]
impl Bus for RedisBus {
    fn name(&self) -> &'static str {
        self.context.config().name
    }

    fn max_message_len(&self) -> usize {
        MAX_MESSAGE_BYTES
    }

    async fn publish(&self, message: Bytes) -> Result<()> {
        if message.len() > MAX_MESSAGE_BYTES {
            let message =
                format!("a message of {} bytes is too long, the limit is {MAX_MESSAGE_BYTES}", message.len());
            return Err(Error::new(ErrorKind::Limit, "publish", message));
        }
        let node = self.node("publish").await?;
        let mut command = redis::pipe();
        command.cmd("PUBLISH").arg(&*self.channel).arg(&*message);
        match node.send("publish", &command).await?.pop() {
            Some(Value::ServerError(error)) => {
                Err(error::classify("publish", &node.server.label(), error.into()))
            }
            _ => Ok(()),
        }
    }

    fn clock(&self) -> Option<&Clock> {
        Some(&self.context.servers.clock)
    }

    async fn listen(&self) -> Result<Box<dyn Listener>> {
        let node = self.node("listen").await?;
        let address = node.server.address().await?;
        let (sender, messages) = mpsc::channel(MAX_QUEUED_MESSAGES);
        let receiver = PushReceiver { channel: self.channel.clone(), sender: Mutex::new(Some(sender)) };
        let pushes = AsyncConnectionConfig::new().set_push_sender(move |push| receiver.receive(push));
        // Before it is opened, so that a change meanwhile ends it.
        let renewals = node.server.renewals();
        let mut open = self.context.servers.connector.open_with(&address, pushes).await?;
        node.server.identify(&mut open, &address).await?;
        let subscribed = open.connection.subscribe(&*self.channel).await;
        subscribed.map_err(|error| error::classify("listen", &address, error))?;
        let keep_alive = keep_alive(node.server.clone(), address.clone(), open, renewals);
        let keepalive = AbortOnDropHandle::new(tokio::spawn(keep_alive));
        Ok(Box::new(RedisListener { address, messages, _keepalive: keepalive }))
    }
}

/// A subscription to the channel over a connection of its own.
#[derive(Debug)]
struct RedisListener {
    address: Address,
    /// Closed when the connection is lost, or when too many messages wait.
    messages: mpsc::Receiver<Bytes>,
    _keepalive: AbortOnDropHandle<()>,
}

#[async_trait]
impl Listener for RedisListener {
    async fn next(&mut self) -> Result<Bytes> {
        self.messages.recv().await.ok_or_else(|| {
            let message =
                format!("the subscription at {} ended, and messages may be lost: listen again", self.address);
            Error::new(ErrorKind::Unavailable, "listen", message)
        })
    }
}

/// Receives what the server pushes, and queues the messages of the channel.
struct PushReceiver {
    channel: Arc<str>,
    sender: Mutex<Option<mpsc::Sender<Bytes>>>,
}

impl PushReceiver {
    fn receive(&self, push: PushInfo) -> Result<(), ()> {
        let mut sender = self.sender.lock();
        let PushKind::Message = push.kind else { return Ok(()) };
        let Ok([Value::BulkString(channel), Value::BulkString(message)]) = <[Value; 2]>::try_from(push.data)
        else {
            return Ok(());
        };
        let ours = sender.as_ref().filter(|_| channel == self.channel.as_bytes());
        // If the queue is full, the listener ends with an error instead of missing a message unnoticed.
        if ours.is_some_and(|sender| sender.try_send(message.into()).is_err()) {
            *sender = None;
        }
        Ok(())
    }
}

/// Keeps a connection open until it is closed, or its server is no longer the one that the tier writes to.
async fn keep_alive(
    server: Arc<Server>,
    address: Address,
    mut open: OpenConnection,
    mut renewals: watch::Receiver<u64>,
) {
    let every = server.context.config.keepalive.min(ROLE_INTERVAL);
    loop {
        tokio::select! {
            () = open.ended() => return,
            _ = renewals.changed() => {
                if !server.is_current(&open) {
                    tracing::info!(%address, "the server of a bus is another one now: subscribing anew");
                    return;
                }
            }
            () = sleep(every) => {}
        }
        if let Err(error) = server.check_role(&mut open, &address).await {
            tracing::warn!(%address, %error, "the subscription of a bus is ended");
            return server.renew();
        }
    }
}
