//! A Redis Cluster: its slot map, refreshed in the background.

pub(crate) mod command;
pub(crate) mod router;
pub(crate) mod slot_map;
pub(crate) mod slots;

use std::{collections::HashMap, sync::Arc, time::Duration};

use cache_core::{Backoff, Error, ErrorKind, Result, sync::Mutex};
use cache_task::BackgroundTask;
use redis::cmd;
use tokio::{
    sync::{Notify, watch},
    time::{sleep, timeout},
};

use crate::{
    connection::{
        address::Address,
        node::Node,
        server::{Location, ServerContext},
    },
    error,
};

use self::slot_map::SlotMap;

/// How often the slot map is asked for when nothing hints that it is wrong.
const REFRESH_INTERVAL: Duration = Duration::from_secs(30);
/// The longest pause between two refreshes; each is cut to a random part of it.
const MAX_REFRESH_PAUSE: Duration = Duration::from_millis(100);

type KnownNodes = Arc<Mutex<HashMap<Address, Arc<Node>>>>;

/// `Err(None)` until the slot map was asked for once.
type MapState = Result<Arc<SlotMap>, Option<Error>>;

/// The nodes of a Cluster, and the slot map as it was last read.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) context: Arc<ServerContext>,
    seeds: Vec<Address>,
    nodes: KnownNodes,
    map: watch::Sender<MapState>,
    refresh: Arc<Notify>,
    refresher: BackgroundTask,
}

impl Cluster {
    /// Begins to ask for the slot map in the background.
    pub(crate) fn new(context: &Arc<ServerContext>, seeds: Vec<Address>) -> Self {
        let map = watch::Sender::new(Err(None));
        let refresh = Arc::new(Notify::new());
        let nodes = KnownNodes::default();
        let refresher = Arc::new(MapRefresher {
            context: context.clone(),
            seeds: seeds.clone(),
            nodes: nodes.clone(),
            map: map.clone(),
            refresh: refresh.clone(),
        });
        let refresher = BackgroundTask::new(move || refresher.clone().run());
        Self { context: context.clone(), seeds, nodes, map, refresh, refresher }
    }

    /// Returns the slot map. Waits for the first attempt to read it, and for no later one.
    pub(crate) async fn slot_map(&self, operation: &'static str) -> Result<Arc<SlotMap>> {
        self.refresher.ensure_running();
        let limit = self.context.config.response_timeout;
        if timeout(limit, self.first_attempt()).await.is_err() {
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

    /// Returns the slot map, if it was ever read.
    pub(crate) fn current_map(&self) -> Option<Arc<SlotMap>> {
        self.map.borrow().as_ref().ok().cloned()
    }

    /// Returns why there is no slot map.
    pub(crate) fn error(&self) -> Option<Error> {
        self.map.borrow().as_ref().err().cloned().flatten()
    }

    /// Waits until the first attempt to read the slot map has succeeded or failed.
    pub(crate) async fn first_attempt(&self) {
        // An error would mean that the sender is gone, which is in `self`.
        let _ = self.map.subscribe().wait_for(|map| !matches!(map, Err(None))).await;
    }

    /// Has the slot map read again soon, since it may be wrong.
    pub(crate) fn refresh(&self) {
        self.refresh.notify_one();
    }

    /// Returns the node at the address that a redirection names.
    pub(crate) fn node_at(&self, host: &str, port: u16) -> Arc<Node> {
        find_or_add(&self.context, &self.nodes, self.seeds[0].neighbour(host, port))
    }
}

fn find_or_add(context: &Arc<ServerContext>, nodes: &KnownNodes, address: Address) -> Arc<Node> {
    let mut nodes = nodes.lock();
    let make = || Node::new(context, Location::Fixed(address.clone()));
    nodes.entry(address.clone()).or_insert_with(make).clone()
}

/// Reads the slot map again and again.
struct MapRefresher {
    context: Arc<ServerContext>,
    seeds: Vec<Address>,
    nodes: KnownNodes,
    map: watch::Sender<MapState>,
    refresh: Arc<Notify>,
}

impl MapRefresher {
    async fn run(self: Arc<Self>) {
        let (state, refresh) = (&self.map, &self.refresh);
        let mut backoff = Backoff::new(self.context.config.reconnect.clone());
        loop {
            match self.query().await {
                Ok(map) => {
                    backoff.reset();
                    self.forget_others(&map);
                    let before = state.send_replace(Ok(Arc::new(map)));
                    let now = state.borrow().clone();
                    if let (Ok(before), Ok(now)) = (before, now)
                        && !before.has_same_owners(&now)
                    {
                        tracing::info!(
                            "slots of the Redis Cluster have moved: entries born before now are refused for a while"
                        );
                        // If they moved by a failover, the new masters may lack the last removals.
                        self.context.raise_birth_floor();
                    }
                    let _ = timeout(REFRESH_INTERVAL, refresh.notified()).await;
                    sleep(MAX_REFRESH_PAUSE.mul_f64(fastrand::f64())).await;
                }
                Err(error) => {
                    // An old map is better than none: part of it may still be true.
                    if state.borrow().is_err() {
                        let _ = state.send_replace(Err(Some(error)));
                    }
                    sleep(backoff.pause()).await;
                }
            }
        }
    }

    /// Asks for the slot map: first the nodes that are up, then the configured ones.
    async fn query(&self) -> Result<SlotMap> {
        let nodes: Vec<Arc<Node>> = self.nodes.lock().values().cloned().collect();
        for node in nodes.iter().filter(|node| node.error().is_none()) {
            if let Ok(map) = self.query_node(node).await {
                return Ok(map);
            }
        }
        let mut last = None;
        for seed in &self.seeds {
            match self.query_seed(seed).await {
                Ok(map) => return Ok(map),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| {
            Error::new(ErrorKind::Config, "connect", "no node of the Redis Cluster to ask")
        }))
    }

    async fn query_node(&self, node: &Node) -> Result<SlotMap> {
        let from = node.server.address().await?;
        let mut question = redis::pipe();
        question.cmd("CLUSTER").arg("SLOTS");
        let reply = node.send("connect", &question).await?.pop().unwrap_or(redis::Value::Nil);
        self.read(reply, &from)
    }

    async fn query_seed(&self, seed: &Address) -> Result<SlotMap> {
        let mut open = self.context.connector.open(seed).await?;
        let reply = cmd("CLUSTER").arg("SLOTS").to_owned().query_async(&mut open.connection).await;
        self.read(reply.map_err(|error| error::classify("connect", seed, error))?, seed)
    }

    fn read(&self, reply: redis::Value, from: &Address) -> Result<SlotMap> {
        SlotMap::read(reply, from, |address| find_or_add(&self.context, &self.nodes, address))
    }

    /// Drops the nodes that are not in the slot map, and so their connections.
    fn forget_others(&self, map: &SlotMap) {
        let mut nodes = self.nodes.lock();
        nodes.retain(|_, node| map.nodes().iter().any(|master| Arc::ptr_eq(master, node)));
    }
}
