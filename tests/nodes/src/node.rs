//! A node as a process: the referee's handle on it, and what runs in it.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{mpsc::UnboundedSender, oneshot},
    time::timeout,
};

use crate::{
    Answer, Order, Recipe, Site, Source, State,
    upstream::Upstream,
    wire::{self, FromNode, Hearing, ToNode},
};

/// How long a node may take to start.
const START: Duration = Duration::from_secs(20);

/// A process with a cache in it, which ends with this handle.
#[derive(Debug)]
pub struct Node {
    process: Process,
    say: UnboundedSender<ToNode>,
    waiting: Waiting,
    next: AtomicU64,
}

type Waiting = Arc<Mutex<HashMap<u64, oneshot::Sender<Result<Answer, String>>>>>;

impl Node {
    /// Starts `program node ADDRESS`, which is to call [`serve`], and waits until it can be told what to do.
    /// What it has to load it asks of `source`.
    ///
    /// # Errors
    ///
    /// If the program can't be started, or refuses the recipe.
    pub async fn start(program: &Path, recipe: &Recipe, source: Arc<Source>) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("no port is free")?;
        let process = Process::start(program, &listener.local_addr()?)?;
        let (stream, _) = timeout(START, listener.accept()).await.context("the node never called")??;
        let (mut hearing, say) = wire::both(stream);
        let _ = say.send(ToNode::Be(Box::new(recipe.clone())));
        match timeout(START, hearing.next()).await {
            Ok(Some(FromNode::Ready)) => {}
            _ => bail!("the node did not start; above is why, if it said so"),
        }
        let waiting = Waiting::default();
        tokio::spawn(hear(hearing, source, say.clone(), waiting.clone()));
        Ok(Self { process, say, waiting, next: AtomicU64::new(0) })
    }

    /// Tells the node to do something, and waits for what comes of it. The inner error is the cache's.
    ///
    /// # Errors
    ///
    /// If the node is gone.
    pub async fn ask(&self, order: Order) -> Result<Result<Answer, String>> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (waiter, answer) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(number, waiter);
        let gone = || anyhow!("the node is gone");
        self.say.send(ToNode::Do(number, order)).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())
    }

    /// How the node is.
    ///
    /// # Errors
    ///
    /// If it is gone.
    pub async fn state(&self) -> Result<State> {
        match self.ask(Order::State).await? {
            Ok(Answer::State(state)) => Ok(state),
            other => bail!("asked how it is, the node answered {other:?}"),
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
    fn start(program: &Path, referee: &SocketAddr) -> Result<Self> {
        let mut command = Command::new(program);
        command.arg("node").arg(referee.to_string()).stdin(Stdio::null());
        // Its output is for errors: the referee's own may be read by a program.
        command.stdout(Stdio::null());
        let child = command.spawn().with_context(|| format!("cannot start {}", program.display()))?;
        Ok(Self(Mutex::new(child)))
    }

    fn kill(&self) {
        let mut child = self.0.lock().unwrap_or_else(PoisonError::into_inner);
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

/// Hears what the node says, until it is gone.
async fn hear(mut hearing: Hearing, source: Arc<Source>, say: UnboundedSender<ToNode>, waiting: Waiting) {
    let waiting = || waiting.lock().unwrap_or_else(PoisonError::into_inner);
    while let Some(message) = hearing.next().await {
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

/// Runs a node until its referee, who listens at `referee`, is gone.
///
/// # Errors
///
/// If the referee can't be reached, or its recipe makes no sense.
pub async fn serve(referee: SocketAddr) -> Result<()> {
    let stream = TcpStream::connect(referee).await.context("cannot reach the referee")?;
    let (mut hearing, say) = wire::both(stream);
    let Some(ToNode::Be(recipe)) = hearing.next().await else { bail!("the referee gave no recipe") };
    let upstream = Upstream::new(say.clone());
    let site = Site::build(&recipe, upstream.clone()).await.context("the recipe makes no cache")?;
    let _ = say.send(FromNode::Ready);
    while let Some(message) = hearing.next().await {
        match message {
            ToNode::Be(_) => bail!("a node can't become another one"),
            ToNode::Loaded(number, version) => upstream.came(number, version),
            ToNode::Do(number, order) => {
                let (site, say) = (site.clone(), say.clone());
                tokio::spawn(async move {
                    let outcome = site.follow(order).await.map_err(|error| error.to_string());
                    let _ = say.send(FromNode::Done(number, outcome));
                });
            }
        }
    }
    Ok(())
}
