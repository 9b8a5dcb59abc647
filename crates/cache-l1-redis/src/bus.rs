//! The bus: messages by PUBLISH, to all who SUBSCRIBE.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use cache_core::{Bus, Bytes, Error, ErrorKind, Listener, Result, sync::Mutex};
use redis::{AsyncConnectionConfig, PushInfo, PushKind, Value, cmd};
use tokio::{sync::mpsc, time::sleep};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    connection::address::Address, connection::connect::OpenConnection, connection::node::Node,
    context::Context, error,
};

/// How many bytes a message may have: small enough not to hold up what shares the connection.
const MAX_MESSAGE_BYTES: usize = 64 << 10;

/// How many messages may wait for a listener.
const MAX_QUEUED_MESSAGES: usize = 4096;

/// A bus over one channel. Clones share it.
///
/// Frames go to the server that has the channel's slot, and who listens does so there. So they take no way
/// between nodes of a Cluster, except while slots move.
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
        let mut call = redis::pipe();
        call.cmd("PUBLISH").arg(&*self.channel).arg(&*message);
        match node.send("publish", &call).await?.pop() {
            Some(Value::ServerError(refusal)) => {
                Err(error::classify("publish", &node.server.label(), refusal.into()))
            }
            _ => Ok(()),
        }
    }

    async fn listen(&self) -> Result<Box<dyn Listener>> {
        let node = self.node("listen").await?;
        let address = node.server.address().await?;
        let (sender, messages) = mpsc::channel(MAX_QUEUED_MESSAGES);
        let subscription = Subscription { channel: self.channel.clone(), sender: Mutex::new(Some(sender)) };
        let pushes = AsyncConnectionConfig::new().set_push_sender(move |push| subscription.receive(push));
        let mut open = self.context.servers.connector.open_with(&address, pushes).await?;
        let subscribed = open.connection.subscribe(&*self.channel).await;
        subscribed.map_err(|error| error::classify("listen", &address, error))?;
        let keepalive =
            AbortOnDropHandle::new(tokio::spawn(keep_alive(open, self.context.config().keepalive)));
        Ok(Box::new(RedisListener { address, messages, _keepalive: keepalive }))
    }
}

/// A connection that listens.
#[derive(Debug)]
struct RedisListener {
    address: Address,
    /// Closed with the connection.
    messages: mpsc::Receiver<Bytes>,
    _keepalive: AbortOnDropHandle<()>,
}

#[async_trait]
impl Listener for RedisListener {
    async fn next(&mut self) -> Result<Bytes> {
        self.messages.recv().await.ok_or_else(|| {
            let message = format!("the connection to {} was lost, and messages may be with it", self.address);
            Error::new(ErrorKind::Unavailable, "listen", message)
        })
    }
}

/// Takes what the server pushes, and hands on what is said on the channel.
struct Subscription {
    channel: Arc<str>,
    sender: Mutex<Option<mpsc::Sender<Bytes>>>,
}

impl Subscription {
    fn receive(&self, push: PushInfo) -> Result<(), ()> {
        let mut sender = self.sender.lock();
        let PushKind::Message = push.kind else { return Ok(()) };
        let Ok([Value::BulkString(channel), Value::BulkString(message)]) = <[Value; 2]>::try_from(push.data)
        else {
            return Ok(());
        };
        let heard = sender.as_ref().filter(|_| channel == self.channel.as_bytes());
        // Who is too slow is better told that messages are missing than kept in the dark.
        if heard.is_some_and(|sender| sender.try_send(message.into()).is_err()) {
            *sender = None;
        }
        Ok(())
    }
}

/// Holds a connection for as long as it answers.
async fn keep_alive(mut open: OpenConnection, every: Duration) {
    loop {
        tokio::select! {
            () = open.ended() => return,
            () = sleep(every) => {}
        }
        if cmd("PING").exec_async(&mut open.connection).await.is_err() {
            return;
        }
    }
}
