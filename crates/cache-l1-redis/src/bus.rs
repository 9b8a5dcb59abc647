//! The bus: frames by PUBLISH, to all who SUBSCRIBE.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use cache_core::{Bus, Bytes, Error, ErrorKind, Listener, Result};
use redis::{AsyncConnectionConfig, PushInfo, PushKind, Value, cmd};
use tokio::{sync::mpsc, time::sleep};

use crate::{
    connection::address::Address, connection::connect::Line, connection::node::Node, connection::task::Task,
    context::Reach, error,
};

/// How many bytes a frame may have: small enough not to hold up what shares the connection.
const MAX_FRAME: usize = 64 << 10;

/// How many frames may wait for a listener.
const QUEUE: usize = 4096;

/// A bus over one channel. Clones share it.
///
/// Frames go to the server that has the channel's slot, and who listens does so there. So they take no way
/// between nodes of a Cluster, except while slots move.
#[derive(Clone)]
pub struct RedisBus {
    reach: Arc<Reach>,
    channel: Arc<str>,
}

impl RedisBus {
    pub(crate) fn over(reach: Arc<Reach>, channel: &str) -> Self {
        let channel = reach.names.channel(channel).into();
        Self { reach, channel }
    }

    async fn node(&self, operation: &'static str) -> Result<Arc<Node>> {
        self.reach.router.node_of(operation, &self.channel).await
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
        self.reach.shared.config.name
    }

    fn max_frame(&self) -> usize {
        MAX_FRAME
    }

    async fn publish(&self, frame: Bytes) -> Result<()> {
        if frame.len() > MAX_FRAME {
            let message = format!("a frame of {} bytes is too long, the limit is {MAX_FRAME}", frame.len());
            return Err(Error::new(ErrorKind::Limit, "publish", message));
        }
        let node = self.node("publish").await?;
        let mut call = redis::pipe();
        call.cmd("PUBLISH").arg(&*self.channel).arg(&*frame);
        match node.ask("publish", &call).await?.pop() {
            Some(Value::ServerError(refusal)) => {
                Err(error::classify("publish", &node.server.called(), refusal.into()))
            }
            _ => Ok(()),
        }
    }

    async fn listen(&self) -> Result<Box<dyn Listener>> {
        let node = self.node("listen").await?;
        let address = node.server.address().await?;
        let (say, frames) = mpsc::channel(QUEUE);
        let hearing = Hearing { channel: self.channel.clone(), say: Mutex::new(Some(say)) };
        let pushes = AsyncConnectionConfig::new().set_push_sender(move |push| hearing.hear(push));
        let mut line = self.reach.shared.dial.open_with(&address, pushes).await?;
        let subscribed = line.connection.subscribe(&*self.channel).await;
        subscribed.map_err(|error| error::classify("listen", &address, error))?;
        let keeper = Task::spawn(keep(line, self.reach.shared.config.keepalive));
        Ok(Box::new(Ear { address, frames, _keeper: keeper }))
    }
}

/// A connection that listens.
#[derive(Debug)]
struct Ear {
    address: Address,
    /// Closed with the connection.
    frames: mpsc::Receiver<Bytes>,
    _keeper: Task,
}

#[async_trait]
impl Listener for Ear {
    async fn next(&mut self) -> Result<Bytes> {
        self.frames.recv().await.ok_or_else(|| {
            let message = format!("the connection to {} was lost, and frames may be with it", self.address);
            Error::new(ErrorKind::Unavailable, "listen", message)
        })
    }
}

/// Takes what the server pushes, and hands on what is said on the channel.
struct Hearing {
    channel: Arc<str>,
    say: Mutex<Option<mpsc::Sender<Bytes>>>,
}

impl Hearing {
    fn hear(&self, push: PushInfo) -> Result<(), ()> {
        let mut say = self.say.lock().unwrap_or_else(PoisonError::into_inner);
        let PushKind::Message = push.kind else { return Ok(()) };
        let Ok([Value::BulkString(channel), Value::BulkString(frame)]) = <[Value; 2]>::try_from(push.data)
        else {
            return Ok(());
        };
        let heard = say.as_ref().filter(|_| channel == self.channel.as_bytes());
        // Who is too slow is better told that frames are missing than kept in the dark.
        if heard.is_some_and(|say| say.try_send(frame.into()).is_err()) {
            *say = None;
        }
        Ok(())
    }
}

/// Holds a connection for as long as it answers.
async fn keep(mut line: Line, every: Duration) {
    loop {
        tokio::select! {
            () = line.ended() => return,
            () = sleep(every) => {}
        }
        if cmd("PING").exec_async(&mut line.connection).await.is_err() {
            return;
        }
    }
}
