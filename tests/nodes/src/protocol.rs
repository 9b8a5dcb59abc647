//! What the controller and a node say to each other: JSON, a line for each message.

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
    /// What the node is to be: the first message, once.
    Start(Box<NodeConfig>),
    /// What to do, and the number under which to answer.
    Run(u64, Request),
    /// The version that was asked for under this number.
    Loaded(u64, u64),
}

/// From a node.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum FromNode {
    /// It can be told what to do.
    Ready,
    /// What came of a request.
    Done(u64, Result<Reply, String>),
    /// A key that is to be loaded, and the number under which to answer.
    Load(u64, String),
}

/// What a node is told to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Request {
    /// Read a key.
    Get(String),
    /// Put this version of it.
    Put(String, u64),
    /// Remove it.
    Remove(String),
    /// Tell what each of its tiers holds of a key, memory first, without the cache in between.
    Inspect(String),
    /// Tell how it is.
    State,
}

/// What comes of a request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Reply {
    /// The version read, and how many microseconds that took.
    Got(Option<u64>, u64),
    /// It was written, in so many microseconds.
    Written(u64),
    /// What each tier holds: its name, and the version.
    Versions(Vec<(String, Option<u64>)>),
    /// How the node is.
    State(NodeState),
}

/// How a node is, and what it did.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct NodeState {
    /// Whether every tier answered when last asked, and the bus works.
    pub healthy: bool,
    /// What was wrong when it last was not.
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

/// What went over the bus.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in BusStats")]
pub struct BusCounts {
    pub name: String,
    pub sent: u64,
    pub received: u64,
    pub unproven: u64,
    pub errors: u64,
}

/// What became of the calls to a tier.
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
    /// Whether all is well and no tier has pending writes.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.healthy && self.tiers.iter().all(|tier| tier.pending == 0)
    }
}

/// Both directions of a connection: what is said to the sender goes out, in order.
pub(crate) fn split<T: Serialize + Send + 'static>(stream: TcpStream) -> (Incoming, UnboundedSender<T>) {
    // It only ever costs time.
    let _ = stream.set_nodelay(true);
    let (read, write) = stream.into_split();
    let (say, said) = unbounded_channel();
    tokio::spawn(send(write, said));
    (Incoming(BufReader::new(read).lines()), say)
}

/// Sends until nobody is left to say anything, or to hear it.
async fn send<T: Serialize>(mut write: OwnedWriteHalf, mut said: UnboundedReceiver<T>) {
    while let Some(message) = said.recv().await {
        let mut lines = line(&message);
        // What was said meanwhile goes along.
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

/// The other side, heard.
pub(crate) struct Incoming(Lines<BufReader<OwnedReadHalf>>);

impl Incoming {
    /// The next message; `None` once the other side is gone.
    pub(crate) async fn next<T: DeserializeOwned>(&mut self) -> Option<T> {
        let line = self.0.next_line().await.ok()??;
        serde_json::from_str(&line).ok()
    }
}
