//! A Redis Cluster: its map, kept true in the background.

pub(crate) mod command;
pub(crate) mod router;
pub(crate) mod slot_map;
pub(crate) mod slots;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use cache_core::{Error, ErrorKind, Result};
use redis::cmd;
use tokio::{
    sync::{Notify, watch},
    time::{sleep, timeout},
};

use crate::{
    cluster::slot_map::Map,
    connection::address::Address,
    connection::backoff::Backoff,
    connection::node::Node,
    connection::server::{Shared, Whereabouts},
    connection::task::Task,
    error,
};

/// How often the map is asked for though nothing hints that it is wrong.
const EVERY: Duration = Duration::from_secs(30);
/// How long to rest between two hints.
const REST: Duration = Duration::from_millis(100);

type Known = Arc<Mutex<HashMap<Address, Arc<Node>>>>;

/// A Cluster's map as it is known.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) shared: Arc<Shared>,
    seeds: Vec<Address>,
    known: Known,
    map: watch::Receiver<Result<Arc<Map>, Option<Error>>>,
    stale: Arc<Notify>,
    _keeper: Task,
}

impl Cluster {
    /// Begins to ask for the map, in the background.
    pub(crate) fn new(shared: &Arc<Shared>, seeds: Vec<Address>) -> Self {
        let (say, map) = watch::channel(Err(None));
        let stale = Arc::new(Notify::new());
        let known = Known::default();
        let keeper = Keeper { shared: shared.clone(), seeds: seeds.clone(), known: known.clone() };
        let keeper = Task::spawn(keeper.keep(say, stale.clone()));
        Self { shared: shared.clone(), seeds, known, map, stale, _keeper: keeper }
    }

    /// The map. The very first is waited for; once asking failed nobody waits.
    pub(crate) async fn map(&self, operation: &'static str) -> Result<Arc<Map>> {
        let limit = self.shared.config.response_limit;
        if timeout(limit, self.tried()).await.is_err() {
            let message = "no node of the Redis Cluster has answered yet";
            return Err(Error::new(ErrorKind::Unavailable, operation, message));
        }
        match &*self.map.borrow() {
            Ok(map) => Ok(map.clone()),
            Err(Some(error)) => {
                let message = "no node of the Redis Cluster can be reached";
                Err(Error::caused(ErrorKind::Unavailable, operation, message, error.clone()))
            }
            Err(None) => Err(Error::new(ErrorKind::Closed, operation, "the connection is closed")),
        }
    }

    /// The map as far as it is known.
    pub(crate) fn known(&self) -> Option<Arc<Map>> {
        self.map.borrow().as_ref().ok().cloned()
    }

    /// Why there is no map.
    pub(crate) fn error(&self) -> Option<Error> {
        self.map.borrow().as_ref().err().cloned().flatten()
    }

    /// Waits until the map was asked for once.
    pub(crate) async fn tried(&self) {
        // The keeper only ends with us.
        let _ = self.map.clone().wait_for(|map| !matches!(map, Err(None))).await;
    }

    /// Says that the map may be wrong.
    pub(crate) fn doubt(&self) {
        self.stale.notify_one();
    }

    /// The node that another one named.
    pub(crate) fn node(&self, host: &str, port: u16) -> Arc<Node> {
        node_at(&self.shared, &self.known, self.seeds[0].beside(host, port))
    }
}

fn node_at(shared: &Arc<Shared>, known: &Known, address: Address) -> Arc<Node> {
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    let make = || Node::new(shared, Whereabouts::At(address.clone()));
    known.entry(address.clone()).or_insert_with(make).clone()
}

struct Keeper {
    shared: Arc<Shared>,
    seeds: Vec<Address>,
    known: Known,
}

impl Keeper {
    async fn keep(self, say: watch::Sender<Result<Arc<Map>, Option<Error>>>, stale: Arc<Notify>) {
        let mut backoff = Backoff::new(self.shared.config.reconnect.clone());
        loop {
            match self.ask().await {
                Ok(map) => {
                    backoff.reset();
                    self.keep_only(&map);
                    let before = say.send_replace(Ok(Arc::new(map)));
                    let now = say.borrow().clone();
                    if let (Ok(before), Ok(now)) = (before, now)
                        && !before.is_like(&now)
                    {
                        tracing::info!("slots of the Redis Cluster have moved");
                        // If by a failover, the new masters may lack the last removals.
                        self.shared.raise_floor();
                    }
                    let _ = timeout(EVERY, stale.notified()).await;
                    sleep(REST.mul_f64(fastrand::f64())).await;
                }
                Err(error) => {
                    // An old map is better than none: part of it may still hold.
                    if say.borrow().is_err() {
                        let _ = say.send_replace(Err(Some(error)));
                    }
                    sleep(backoff.pause()).await;
                }
            }
        }
    }

    /// Asks for the map: the nodes that are up, then those that were known at first.
    async fn ask(&self) -> Result<Map> {
        let nodes: Vec<Arc<Node>> =
            self.known.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        for node in nodes.iter().filter(|node| node.error().is_none()) {
            if let Ok(map) = self.ask_node(node).await {
                return Ok(map);
            }
        }
        let mut last = None;
        for seed in &self.seeds {
            match self.ask_seed(seed).await {
                Ok(map) => return Ok(map),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| Error::new(ErrorKind::Config, "connect", "no node to ask")))
    }

    async fn ask_node(&self, node: &Node) -> Result<Map> {
        let from = node.server.address().await?;
        let mut question = redis::pipe();
        question.cmd("CLUSTER").arg("SLOTS");
        let answer = node.ask("connect", &question).await?.pop().unwrap_or(redis::Value::Nil);
        self.read(answer, &from)
    }

    async fn ask_seed(&self, seed: &Address) -> Result<Map> {
        let mut line = self.shared.dial.open(seed).await?;
        let answer = cmd("CLUSTER").arg("SLOTS").to_owned().query_async(&mut line.connection).await;
        self.read(answer.map_err(|error| error::classify("connect", seed, error))?, seed)
    }

    fn read(&self, answer: redis::Value, from: &Address) -> Result<Map> {
        Map::read(answer, from, |address| node_at(&self.shared, &self.known, address))
    }

    /// Lets go of the nodes that are in the map no more.
    fn keep_only(&self, map: &Map) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, node| map.nodes().iter().any(|master| Arc::ptr_eq(master, node)));
    }
}
