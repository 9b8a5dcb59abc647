//! A node as a process: the controller's handle on it, and what runs in it.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail};
use cache_core::sync::Mutex;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{mpsc::UnboundedSender, oneshot},
    time::timeout,
};

use crate::{
    NodeCache, NodeConfig, NodeState, Reply, Request, Source,
    protocol::{self, FromNode, Incoming, ToNode},
    remote_source::RemoteSource,
};

/// How long a node may take to start.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// A process with a cache in it. Dropping the handle kills the process.
#[derive(Debug)]
pub struct Node {
    process: Process,
    say: UnboundedSender<ToNode>,
    waiting: Waiting,
    next: AtomicU64,
}

type Waiting = Arc<Mutex<HashMap<u64, oneshot::Sender<Result<Reply, String>>>>>;

impl Node {
    /// Starts `program node ADDRESS`, which is to call [`serve`], and waits until it can be told what to do.
    /// What it has to load it asks of `source`.
    ///
    /// # Errors
    ///
    /// If the program can't be started, or refuses its configuration.
    pub async fn start(program: &Path, config: &NodeConfig, source: Arc<Source>) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("no port is free")?;
        let process = Process::start(program, &listener.local_addr()?)?;
        let (stream, _) =
            timeout(START_TIMEOUT, listener.accept()).await.context("the node did not connect")??;
        let (mut incoming, say) = protocol::split(stream);
        let _ = say.send(ToNode::Start(Box::new(config.clone())));
        match timeout(START_TIMEOUT, incoming.next()).await {
            Ok(Some(FromNode::Ready)) => {}
            _ => bail!("the node did not start: see its output above"),
        }
        let waiting = Waiting::default();
        tokio::spawn(receive(incoming, source, say.clone(), waiting.clone()));
        Ok(Self { process, say, waiting, next: AtomicU64::new(0) })
    }

    /// Sends the node a request and waits for its reply. The inner error is the cache's.
    ///
    /// # Errors
    ///
    /// If the node is gone.
    pub async fn ask(&self, request: Request) -> Result<Result<Reply, String>> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (waiter, answer) = oneshot::channel();
        self.waiting.lock().insert(number, waiter);
        let gone = || anyhow!("the node is gone");
        self.say.send(ToNode::Run(number, request)).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())
    }

    /// The state of the node.
    ///
    /// # Errors
    ///
    /// If it is gone.
    pub async fn state(&self) -> Result<NodeState> {
        match self.ask(Request::State).await? {
            Ok(Reply::State(state)) => Ok(state),
            other => bail!("asked for its state, the node replied {other:?}"),
        }
    }

    /// Kills the process with SIGKILL.
    pub fn kill(&self) {
        self.process.kill();
    }
}

/// A process that is killed on drop.
#[derive(Debug)]
struct Process(Mutex<Child>);

impl Process {
    fn start(program: &Path, controller: &SocketAddr) -> Result<Self> {
        let mut command = Command::new(program);
        command.arg("node").arg(controller.to_string()).stdin(Stdio::null());
        // A program may read the controller's own output, so the node must not write there.
        command.stdout(Stdio::null());
        let child = command.spawn().with_context(|| format!("cannot start {}", program.display()))?;
        Ok(Self(Mutex::new(child)))
    }

    fn kill(&self) {
        let mut child = self.0.lock();
        // It may have ended by itself.
        let _ = child.kill();
        let _ = child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Reads the messages of the node until it is gone.
async fn receive(
    mut incoming: Incoming,
    source: Arc<Source>,
    say: UnboundedSender<ToNode>,
    waiting: Waiting,
) {
    let waiting = || waiting.lock();
    while let Some(message) = incoming.next().await {
        match message {
            FromNode::Ready => {}
            FromNode::Done(number, outcome) => {
                if let Some(waiter) = waiting().remove(&number) {
                    let _ = waiter.send(outcome);
                }
            }
            FromNode::Load(number, id) => {
                let (source, say) = (Arc::clone(&source), say.clone());
                tokio::spawn(async move {
                    if let Some(version) = source.load(&id).await {
                        let _ = say.send(ToNode::Loaded(number, version));
                    }
                });
            }
        }
    }
    waiting().clear();
}

/// Runs a node until its controller, who listens at `controller`, is gone.
///
/// # Errors
///
/// If the controller can't be reached, or its configuration is invalid.
pub async fn serve(controller: SocketAddr) -> Result<()> {
    let stream = TcpStream::connect(controller).await.context("cannot reach the controller")?;
    let (mut incoming, say) = protocol::split(stream);
    let Some(ToNode::Start(config)) = incoming.next().await else {
        bail!("the controller sent no configuration")
    };
    let remote_source = RemoteSource::new(say.clone());
    let node = NodeCache::build(&config, remote_source.clone())
        .await
        .context("no cache can be built by this configuration")?;
    let _ = say.send(FromNode::Ready);
    while let Some(message) = incoming.next().await {
        match message {
            ToNode::Start(_) => bail!("the controller sent a second configuration"),
            ToNode::Loaded(number, version) => remote_source.resolve(number, version),
            ToNode::Run(number, request) => {
                let (node, say) = (node.clone(), say.clone());
                tokio::spawn(async move {
                    let outcome = node.handle(request).await.map_err(|error| error.to_string());
                    let _ = say.send(FromNode::Done(number, outcome));
                });
            }
        }
    }
    Ok(())
}
