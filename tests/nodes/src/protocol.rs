//! The protocol between controller and node: messages in JSON, one a line.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};

use crate::NodeConfig;

/// From the controller.
#[derive(Serialize, Deserialize)]
pub(crate) enum ToNode {
    /// The configuration of the node: the first message, sent once.
    Start(Box<NodeConfig>),
    /// A request, and the number of its reply.
    Run(u64, Request),
    /// The version that the load of this number asked for.
    Loaded(u64, u64),
}

/// From a node.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum FromNode {
    /// The node accepts requests.
    Ready,
    /// The reply to a request.
    Done(u64, Result<Reply, String>),
    /// A key to load, and the number of this load.
    Load(u64, String),
}

/// What a node is to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Request {
    /// Read a key.
    Get(String),
    /// Put this version of it.
    Put(String, u64),
    /// Remove it.
    Remove(String),
    /// Return the version of a key in memory and in each tier, read without the cache.
    Inspect(String),
    /// Set by how many microseconds its wall clock is wrong.
    ShiftClock(i64),
    /// From now on deliver no message of the bus, or do so again.
    SwallowMessages(bool),
    /// Return its state.
    State,
}

/// The reply to a request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Reply {
    /// The version read, and how many microseconds that took.
    Got(Option<u64>, u64),
    /// It was written, in so many microseconds.
    Written(u64),
    /// The name of each tier, and the version in it.
    Versions(Vec<(String, Option<u64>)>),
    /// The state of the node.
    State(NodeState),
}

/// The health of a node, and its counts.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct NodeState {
    /// Whether the last call to every tier succeeded, and the bus is connected.
    pub healthy: bool,
    /// The errors of the tiers and of the bus.
    pub troubles: Vec<String>,
    /// Calls of the loader.
    pub loads: u64,
    /// Keys found in memory.
    pub memory_hits: u64,
    /// The bus, if there is one.
    pub bus: Option<BusCounts>,
    /// Each tier behind memory.
    pub tiers: Vec<TierCounts>,
}

/// The counts of the bus.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in BusStats")]
pub struct BusCounts {
    pub name: String,
    pub sent: u64,
    pub received: u64,
    pub unproven: u64,
    pub errors: u64,
}

/// The counts of a tier.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in TierStats")]
pub struct TierCounts {
    pub name: String,
    pub hits: u64,
    pub misses: u64,
    pub errors: u64,
    pub pending: u64,
    pub lost: u64,
}

impl NodeState {
    /// Whether the node is healthy and no tier has pending writes.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.healthy && self.tiers.iter().all(|tier| tier.pending == 0)
    }
}

/// Splits a connection in two: incoming messages, and a sender whose messages go out in order.
pub(crate) fn split<T: Serialize + Send + 'static>(stream: TcpStream) -> (Incoming, UnboundedSender<T>) {
    // Without it the protocol is only slower.
    let _ = stream.set_nodelay(true);
    let (read, write) = stream.into_split();
    let (say, said) = unbounded_channel();
    tokio::spawn(send(write, said));
    (Incoming(BufReader::new(read).lines()), say)
}

/// Sends messages until all senders are dropped or the connection is closed.
async fn send<T: Serialize>(mut write: OwnedWriteHalf, mut said: UnboundedReceiver<T>) {
    while let Some(message) = said.recv().await {
        let mut lines = line(&message);
        // Messages that have arrived meanwhile go out in the same write.
        while lines.len() < 1 << 16
            && let Ok(message) = said.try_recv()
        {
            lines.extend(line(&message));
        }
        if write.write_all(&lines).await.is_err() {
            return;
        }
    }
}

fn line(message: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(message).expect("plain data");
    line.push(b'\n');
    line
}

/// The messages from the other side.
pub(crate) struct Incoming(Lines<BufReader<OwnedReadHalf>>);

impl Incoming {
    /// The next message, or `None` once the other side is gone.
    pub(crate) async fn next<T: DeserializeOwned>(&mut self) -> Option<T> {
        let line = self.0.next_line().await.ok()??;
        serde_json::from_str(&line).ok()
    }
}
